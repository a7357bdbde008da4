//! The shape of mapping files: statsd_exporter's YAML. Owns what of it has a meaning here; what only says how
//! statsd_exporter would expose a metric (buckets, quantiles, help, ttl) is read and has none.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_saphyr::Spanned;
use weir_wire::mapping::{Action, Kind, Mappings, Order, Pattern, Rule, RuleError};

use super::MappingFile;
use crate::rule_file::{self, FileError};

type Text = Spanned<String>;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Document {
    defaults: Option<Defaults>,
    mappings: Option<Vec<Mapping>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Defaults {
    match_type: Option<Text>,
    glob_disable_ordering: bool,
    honor_labels: bool,
    observer_type: Option<IgnoredAny>,
    timer_type: Option<IgnoredAny>,
    ttl: Option<IgnoredAny>,
    quantiles: Option<IgnoredAny>,
    buckets: Option<IgnoredAny>,
    summary_options: Option<IgnoredAny>,
    histogram_options: Option<IgnoredAny>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(
    dead_code,
    reason = "keys of statsd_exporter's exposition are known and mean nothing here"
)]
struct Mapping {
    #[serde(rename = "match")]
    pattern: Text,
    name: Option<Text>,
    labels: Option<BTreeMap<String, Text>>,
    match_type: Option<Text>,
    match_metric_type: Option<Text>,
    action: Option<Text>,
    honor_labels: Option<bool>,
    help: Option<IgnoredAny>,
    observer_type: Option<IgnoredAny>,
    timer_type: Option<IgnoredAny>,
    ttl: Option<IgnoredAny>,
    quantiles: Option<IgnoredAny>,
    buckets: Option<IgnoredAny>,
    summary_options: Option<IgnoredAny>,
    histogram_options: Option<IgnoredAny>,
}

/// The rules of a file's text.
pub(super) fn mappings(file: &str, text: &str) -> Result<MappingFile, FileError> {
    let document: Document = rule_file::parse(file, text)?;
    let defaults = document.defaults.unwrap_or_default();
    let found = document.mappings.unwrap_or_default();
    let rules = found.iter().map(|mapping| mapping.rule(file, &defaults));
    let rules = rules.collect::<Result<Vec<_>, _>>()?;
    let order = if defaults.glob_disable_ordering {
        Order::MostSpecific
    } else {
        Order::AsWritten
    };
    let mappings = Mappings::new(rules, order).map_err(|error| located(file, &found, &error))?;
    let places = found
        .iter()
        .map(|mapping| rule_file::place(file, mapping.pattern.referenced));
    Ok(MappingFile {
        mappings,
        places: places.collect(),
    })
}

impl Mapping {
    fn rule(&self, file: &str, defaults: &Defaults) -> Result<Rule, FileError> {
        let text = self.pattern.value.clone();
        let kind_of_match = self.match_type.as_ref().or(defaults.match_type.as_ref());
        let pattern = match kind_of_match.map(|kind| kind.value.as_str()) {
            None | Some("glob" | "") => Pattern::Glob(text),
            Some("regex") => Pattern::Regex(text),
            Some(_) => return Err(neither(file, kind_of_match, "match_type is glob or regex")),
        };
        Ok(Rule {
            pattern,
            kind: self.kind(file)?,
            action: self.action(file, defaults)?,
        })
    }

    fn kind(&self, file: &str) -> Result<Option<Kind>, FileError> {
        let kind = self.match_metric_type.as_ref();
        Ok(match kind.map(|kind| kind.value.as_str()) {
            None | Some("") => None,
            Some("counter") => Some(Kind::Counter),
            Some("gauge") => Some(Kind::Gauge),
            Some("observer" | "timer" | "histogram" | "distribution") => Some(Kind::Observer),
            Some(_) => {
                let right = "match_metric_type is counter, gauge or observer";
                return Err(neither(file, kind, right));
            }
        })
    }

    fn action(&self, file: &str, defaults: &Defaults) -> Result<Action, FileError> {
        let action = self.action.as_ref();
        match action.map(|action| action.value.as_str()) {
            Some("drop") => return Ok(Action::Drop),
            None | Some("map" | "") => {}
            Some(_) => return Err(neither(file, action, "action is map or drop")),
        }
        let labels = self.labels.iter().flatten();
        Ok(Action::Map {
            name: self
                .name
                .as_ref()
                .map(|name| name.value.clone())
                .unwrap_or_default(),
            labels: labels
                .map(|(label, value)| (label.clone(), value.value.clone()))
                .collect(),
            honor_labels: self.honor_labels.unwrap_or(defaults.honor_labels),
        })
    }
}

fn neither(file: &str, word: Option<&Text>, right: &str) -> FileError {
    match word {
        Some(word) => {
            let reason = format!("{:?}: {right}", word.value);
            FileError::at(file, word.referenced, reason)
        }
        None => FileError::new(file.to_owned(), right.to_owned()),
    }
}

fn located(file: &str, found: &[Mapping], error: &RuleError) -> FileError {
    let Some(mapping) = found.get(error.rule) else {
        return FileError::new(file.to_owned(), error.reason.clone());
    };
    let label = || mapping.labels.as_ref()?.get(&error.part);
    let part = match error.part.as_str() {
        "match" => None,
        "name" => mapping.name.as_ref(),
        _ => label(),
    };
    let at = part.unwrap_or(&mapping.pattern).referenced;
    FileError::at(file, at, format!("{}: {}", error.part, error.reason))
}
