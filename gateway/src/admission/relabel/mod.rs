//! Prometheus' relabelling: rules that keep, drop and rewrite a series by its labels, in order
//! (prometheus.io/docs/prometheus/latest/configuration/configuration/#relabel_config). Pure: labels in, labels out; the
//! name is the label `__name__`.

mod md5;
mod rule;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use weir_wire::{KeyError, KeyRef, NAME_LABEL, Reject, SeriesKey};

use rule::Rule;
pub use rule::{Action, RelabelError, RuleText};

type Labels = BTreeMap<String, String>;

/// Rules in their order, compiled once.
#[derive(Debug, Clone, Default)]
pub struct Rules(Vec<Rule>);

/// What rules make of a series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Relabelled {
    Same,
    Changed(SeriesKey),
    /// By a rule ([`Reject::Unwanted`]), or because what the rules made is no series.
    Refused(Reject),
}

impl Rules {
    /// # Errors
    /// With the number of the rule that cannot be meant.
    pub fn new(texts: Vec<RuleText>) -> Result<Self, RelabelError> {
        let rules = texts.into_iter().enumerate();
        let rules: Result<_, _> = rules.map(|(at, text)| Rule::new(at, text)).collect();
        Ok(Self(rules?))
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Applies every rule, until one drops the series.
    #[must_use]
    pub fn apply(&self, key: KeyRef<'_>) -> Relabelled {
        if self.is_empty() {
            return Relabelled::Same;
        }
        let own = [(NAME_LABEL, key.name())];
        let all = key.labels().chain(own);
        let mut labels: Labels = all
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        if !self.0.iter().all(|rule| rule.apply(&mut labels)) {
            return Relabelled::Refused(Reject::Unwanted);
        }
        match made(&labels) {
            Ok(new) if new.as_bytes() == key.as_bytes() => Relabelled::Same,
            Ok(new) => Relabelled::Changed(new),
            Err(KeyError::EmptyName | KeyError::LongName) => Relabelled::Refused(Reject::BadName),
            Err(_) => Relabelled::Refused(Reject::BadLabels),
        }
    }
}

fn made(labels: &Labels) -> Result<SeriesKey, KeyError> {
    let name = labels.get(NAME_LABEL).map_or("", String::as_str);
    let others = labels.iter().filter(|(label, _)| *label != NAME_LABEL);
    SeriesKey::new(name, others.map(|(k, v)| (k.as_str(), v.as_str())))
}
