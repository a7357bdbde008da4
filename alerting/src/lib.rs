//! Rules in Prometheus' format, the life of an alert (pending, firing, resolved) and the delivery of what has
//! to be told to somebody. Sees neither store nor query language: it asks through one function, [`Ask`].
//!
//! What must be told is written to disk before it is sent, so that a crash costs at most a repetition with the
//! same key, never a page.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod app;
mod config;
mod delivery;
mod engine;
mod error;
mod inner;
mod instruments;
mod routing;
mod rules;
mod snapshot;
mod state;
mod template;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod text;
mod views;

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;

pub use app::Alerting;
pub use config::{AlertingConfig, Backoff, Grouping, WebhookConfig};
pub use error::AlertingError;
pub use instruments::describe;
pub use rules::{RuleSet, load_rules};

/// Label names and values, by name. An empty value is the same as no label.
pub type Labels = BTreeMap<String, String>;

/// A future on the heap, as [`Ask`] gives it back.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The one question: which series does this expression find at this time (milliseconds since 1970), and with
/// which values? Asked once a rule and evaluation; a time limit is set by the asker.
pub type Ask =
    Arc<dyn Fn(String, i64) -> BoxFuture<'static, Result<Vec<Found>, AskError>> + Send + Sync>;

/// Says why an expression would never be answered, so that it is refused when loaded.
pub type CheckExpr = Arc<dyn Fn(&str) -> Result<(), String> + Send + Sync>;

/// The wall clock: milliseconds since 1970.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// Takes the results of recording rules. Must not block: it is called between two questions.
pub type Record = Arc<dyn Fn(Vec<Recorded>) + Send + Sync>;

/// One series in an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// With `__name__` where the series has a name.
    pub labels: Labels,
    pub value: f64,
}

/// Why a question has no answer; the text goes to `lastError` of the rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct AskError(pub String);

/// One sample that a recording rule made.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// With the rule's name as `__name__`.
    pub labels: Labels,
    pub value: f64,
    pub timestamp_ms: i64,
}
