//! Rules: what they are, where they come from. Knows Prometheus' rule files; evaluates nothing.

mod check;
mod document;
mod duration;
mod files;
#[cfg(test)]
mod tests;

use duration::parse_duration;
pub use files::load_rules;

use std::collections::BTreeMap;

use crate::AlertingError;
use crate::template::Template;

/// All rules in force, in the order of files and lines.
#[derive(Debug, Clone, Default)]
pub struct RuleSet {
    pub(crate) groups: Vec<Group>,
}

/// Rules that are evaluated together, one after the other.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) file: String,
    /// `None`: the configured one.
    pub(crate) interval_ms: Option<i64>,
    /// Alerts or samples that one rule may make; 0 means no limit but [`limits::ALERTS`].
    pub(crate) limit: usize,
    /// How far before the time of evaluation the questions ask.
    pub(crate) query_offset_ms: i64,
    pub(crate) rules: Vec<Rule>,
}

/// One rule.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub(crate) kind: Kind,
    /// The alert's name, or the name of the series it records.
    pub(crate) name: String,
    pub(crate) expr: String,
    pub(crate) labels: BTreeMap<String, Template>,
    /// The same over restarts and reloads as long as group, kind, name and labels are: the state hangs on it.
    pub(crate) id: String,
    /// `file:line:column`.
    pub(crate) place: String,
}

/// What a rule does with what it finds.
#[derive(Debug, Clone)]
pub(crate) enum Kind {
    Alert(Condition),
    Record,
}

/// When something found becomes an alert, and what it says.
#[derive(Debug, Clone)]
pub(crate) struct Condition {
    pub(crate) for_ms: i64,
    pub(crate) keep_firing_for_ms: i64,
    pub(crate) annotations: BTreeMap<String, Template>,
}

/// Bounds of rules and of what comes out of them.
pub(crate) mod limits {
    /// Files that the patterns may name.
    pub(crate) const FILES: usize = 1_000;
    /// Bytes of one file.
    pub(crate) const FILE_BYTES: u64 = 4 * 1_024 * 1_024;
    /// Rules in all files.
    pub(crate) const RULES: usize = 50_000;
    /// Bytes of one expression.
    pub(crate) const EXPR_BYTES: usize = 65_536;
    /// Labels or annotations of one rule.
    pub(crate) const PAIRS: usize = 64;
    /// Alerts in memory, pending, firing and resolved ones.
    pub(crate) const ALERTS: usize = 100_000;
    /// Bytes of a rendered label.
    pub(crate) const LABEL_BYTES: usize = 4_096;
    /// Bytes of a rendered annotation.
    pub(crate) const ANNOTATION_BYTES: usize = 16_384;
}

impl RuleSet {
    /// How many groups and rules there are.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        let rules = self.groups.iter().map(|group| group.rules.len()).sum();
        (self.groups.len(), rules)
    }

    /// Refuses recording rules where nobody takes what they record.
    pub(crate) fn without_recording(&self) -> Result<(), AlertingError> {
        let mut rules = self.groups.iter().flat_map(|group| &group.rules);
        match rules.find(|rule| matches!(rule.kind, Kind::Record)) {
            None => Ok(()),
            Some(rule) => Err(AlertingError::Rule {
                place: rule.place.clone(),
                reason: format!(
                    "recording rule {:?} cannot be used: nothing stores what recording rules make; leave it out",
                    rule.name
                ),
            }),
        }
    }
}

impl Group {
    /// What tells groups apart: names may repeat from file to file.
    pub(crate) fn key(&self) -> String {
        format!("{};{}", self.file, self.name)
    }
}
