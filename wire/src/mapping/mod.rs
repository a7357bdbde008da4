//! Dotted paths to names with labels, by rules as statsd_exporter's mappings know them. Owns which rule a name belongs
//! to and what it makes of it; reads no file, and never sees a value or a time.
//!
//! Order, as in statsd_exporter: the globs first (the first of the file that fits, or the most specific one where
//! [`Order::MostSpecific`] says so), then the regular expressions in the file's order. The first that fits holds.

mod glob;
mod rule;
mod template;
#[cfg(test)]
mod tests;

use regex::{Captures, Regex};

use self::glob::Tree;
use self::rule::{Compiled, Target};
use crate::{KeyError, Reject, SeriesKey};

pub use self::rule::{Action, Kind, MAX_RULES, Pattern, Rule, RuleError};

/// Which of several globs that fit a name holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Order {
    /// The first in the file.
    #[default]
    AsWritten,
    /// The one whose first differing component is literal, whatever stands first: `glob_disable_ordering`.
    MostSpecific,
}

/// What becomes of a series; `rule` counts from 0 in the order the rules were given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mapped {
    /// No rule fits.
    Unchanged,
    Key {
        rule: usize,
        key: SeriesKey,
    },
    Dropped {
        rule: usize,
    },
}

/// Rules that are ready to be asked; asking costs a walk over the name's components, however many rules there are,
/// and one search for each regular expression.
#[derive(Debug, Default)]
pub struct Mappings {
    rules: Vec<Compiled>,
    globs: Tree,
    regexes: Vec<(u32, Regex)>,
    order: Order,
}

impl Mappings {
    /// # Errors
    /// The first rule that cannot be meant, with what in it and why.
    pub fn new(rules: Vec<Rule>, order: Order) -> Result<Self, RuleError> {
        if rules.len() > MAX_RULES {
            return Err(RuleError::too_many(MAX_RULES));
        }
        let mut mappings = Self {
            order,
            ..Self::default()
        };
        for (at, rule) in rules.into_iter().enumerate() {
            mappings.add(rule).map_err(|error| error.of_rule(at))?;
        }
        Ok(mappings)
    }

    /// Rules there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// What becomes of a series whose name is a dotted path; `kind` is what its protocol says it is, `None` where lines
    /// have no type: a rule that asks for one does not fit them. Labels that the series has stay; of two with one name the
    /// rule's holds, or the series' own where the rule honours labels.
    ///
    /// # Errors
    /// [`Reject::BadName`] or [`Reject::BadLabels`]: what the rule makes of it is no series.
    pub fn map(&self, key: &SeriesKey, kind: Option<Kind>) -> Result<Mapped, Reject> {
        let name = key.name();
        let words: Vec<&str> = name.split('.').collect();
        if let Some(rule) = self
            .globs
            .find(&words, self.order, |rule| self.fits(rule, kind))
        {
            let capture = |at: usize, rule: &Compiled| {
                rule.star(at).and_then(|word| words.get(word).copied())
            };
            return self.made(rule, key, |rule, name| match name.parse::<usize>() {
                Ok(0) => Some(key.name()),
                Ok(at) => capture(at, rule),
                Err(_) => None,
            });
        }
        for (rule, regex) in &self.regexes {
            if !self.fits(*rule, kind) {
                continue;
            }
            if let Some(found) = regex.captures(name) {
                return self.made(*rule, key, |_, name| captured(&found, name));
            }
        }
        Ok(Mapped::Unchanged)
    }

    fn add(&mut self, rule: Rule) -> Result<(), RuleError> {
        let at = self.rules.len() as u32;
        let (compiled, regex) = Compiled::new(&rule)?;
        match (regex, &rule.pattern) {
            (Some(regex), _) => self.regexes.push((at, regex)),
            (None, Pattern::Glob(glob) | Pattern::Regex(glob)) => self.globs.insert(glob, at),
        }
        self.rules.push(compiled);
        Ok(())
    }

    fn fits(&self, rule: u32, kind: Option<Kind>) -> bool {
        let wanted = self.rules.get(rule as usize).and_then(|rule| rule.kind);
        wanted.is_none() || wanted == kind
    }

    fn made<'a>(
        &self,
        rule: u32,
        key: &SeriesKey,
        capture: impl Fn(&Compiled, &str) -> Option<&'a str>,
    ) -> Result<Mapped, Reject> {
        let at = rule as usize;
        let Some(compiled) = self.rules.get(at) else {
            return Ok(Mapped::Unchanged);
        };
        let Some(target) = &compiled.target else {
            return Ok(Mapped::Dropped { rule: at });
        };
        let key = target.key(key, &|name| capture(compiled, name).unwrap_or_default());
        let key = key.map_err(|error| match error {
            KeyError::EmptyName | KeyError::LongName => Reject::BadName,
            _ => Reject::BadLabels,
        })?;
        Ok(Mapped::Key { rule: at, key })
    }
}

/// A group by its number or its name.
fn captured<'a>(found: &Captures<'a>, name: &str) -> Option<&'a str> {
    let group = match name.parse() {
        Ok(at) => found.get(at),
        Err(_) => found.name(name),
    };
    group.map(|group| group.as_str())
}

impl Target {
    fn key<'a>(
        &self,
        own: &SeriesKey,
        capture: &dyn Fn(&str) -> &'a str,
    ) -> Result<SeriesKey, KeyError> {
        let name = self.name.name(capture);
        let made: Vec<(&str, String)> = self
            .labels
            .iter()
            .map(|(label, value)| (label.as_str(), value.text(capture)))
            .collect();
        // A label that a rule makes empty stays away, as everywhere; the series' own is covered by it all the same.
        let is_made = |label: &str| made.iter().any(|(name, _)| *name == label);
        let is_own = |label: &str| own.get(label).is_some();
        let kept = own
            .labels()
            .filter(|(label, _)| self.honor_labels || !is_made(label));
        let new = made
            .iter()
            .filter(|(label, _)| !(self.honor_labels && is_own(label)));
        SeriesKey::new(
            &name,
            kept.chain(new.map(|(label, value)| (*label, value.as_str()))),
        )
    }
}
