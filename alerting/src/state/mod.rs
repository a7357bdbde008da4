//! The life of alerts: per rule and label set from pending over firing to resolved. Pure: the time is given,
//! the answer of the question is given, nothing is asked, written or sent.

mod evaluate;
mod schedule;
#[cfg(test)]
mod tests;

pub(crate) use evaluate::{Context, evaluate};
pub(crate) use schedule::Schedule;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Labels;

/// Where an alert is in its life. What is neither of these is inactive and not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Stage {
    /// Was firing and is no more; kept for a while.
    Resolved,
    /// Found, but not yet for as long as the rule's `for` says.
    Pending,
    Firing,
}

/// One alert: a rule and one label set. All times are milliseconds since 1970.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Alert {
    pub(crate) labels: Labels,
    pub(crate) annotations: Labels,
    pub(crate) stage: Stage,
    /// Since when it is found without a break.
    pub(crate) active_at_ms: i64,
    pub(crate) fired_at_ms: Option<i64>,
    pub(crate) resolved_at_ms: Option<i64>,
    /// Since when it is not found any more, but kept firing.
    pub(crate) keep_firing_since_ms: Option<i64>,
    #[serde(with = "value_as_text")]
    pub(crate) value: f64,
}

/// What is known of one rule's evaluations.
#[derive(Debug, Clone, Default)]
pub(crate) struct RuleState {
    /// By label set, and not by its hash: a crafted collision must not hide an alert.
    pub(crate) alerts: BTreeMap<Labels, Alert>,
    pub(crate) health: Health,
    pub(crate) last_evaluation_ms: Option<i64>,
    pub(crate) evaluation_seconds: f64,
}

/// How the last evaluation went.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) enum Health {
    #[default]
    Unknown,
    Ok,
    Failed(String),
}

impl RuleState {
    /// The alerts that Prometheus calls active: pending or firing.
    pub(crate) fn active(&self) -> impl Iterator<Item = &Alert> {
        self.alerts
            .values()
            .filter(|alert| alert.stage != Stage::Resolved)
    }

    /// How many alerts are in this stage.
    pub(crate) fn count(&self, stage: Stage) -> usize {
        self.alerts
            .values()
            .filter(|alert| alert.stage == stage)
            .count()
    }
}

/// JSON has no NaN and no infinity; a text has.
mod value_as_text {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&value.to_string())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}
