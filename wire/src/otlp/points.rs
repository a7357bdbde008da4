//! What a request says, point by point, and by which rules its series are named.

use std::borrow::Cow;

use super::attributes;
use super::names::{Names, label_name};
use crate::buckets::Buckets;
use crate::{Invalid, KeyError, Kind, NAME_LABEL, Reject, SeriesKey, varint};

/// How series are named.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Rules {
    pub names: Names,
    pub promote: Promote,
    /// Whether `otel_scope_name`, `otel_scope_version` and the scope's attributes become labels.
    pub scope_labels: bool,
}

/// Which attributes of the resource become labels, beside those that make `job` and `instance`.
#[derive(Debug, Clone, PartialEq)]
pub enum Promote {
    All,
    /// These, by their names in OpenTelemetry.
    Only(Vec<String>),
}

impl Default for Promote {
    fn default() -> Self {
        Self::Only(Vec::new())
    }
}

impl Promote {
    pub(super) fn takes(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names.iter().any(|known| known == name),
        }
    }
}

/// Whether a value stands for all time since a start, or for the time since the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Temporality {
    Delta,
    Cumulative,
}

/// The metric that points are of.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric<'a> {
    /// Translated by the rules; series of histograms and summaries add their suffixes.
    pub name: Cow<'a, str>,
    /// A monotonic sum is [`Kind::Counter`], any other [`Kind::Gauge`].
    pub kind: Kind,
    pub help: &'a str,
    pub unit: &'a str,
    /// `None` for gauges and summaries, which have none.
    pub temporality: Option<Temporality>,
    /// A sum that also goes down. Its deltas have to be added up all the same.
    pub up_down: bool,
}

/// Where points come from: the labels that a resource and a scope give, and the bytes they were read from.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Source<'a> {
    /// `job` and `instance`: they hold against attributes of these names.
    pub(super) identifying: Vec<(&'static str, String)>,
    /// Promoted labels: a point's own attribute of the same name holds.
    pub(super) promoted: Vec<(String, String)>,
    pub(super) raw: [&'a [u8]; 2],
}

/// One point.
#[derive(Debug, Clone, PartialEq)]
pub struct Point<'a> {
    pub metric: &'a Metric<'a>,
    pub source: &'a Source<'a>,
    /// Milliseconds; 0 where the sender gave none.
    pub timestamp_ms: i64,
    /// When the sum or histogram began, if it says so.
    pub start_timestamp_ms: Option<i64>,
    pub value: Measured,
    pub(super) names: Names,
    /// A run of the point's message that holds all its attributes, and the number they have in it.
    pub(super) attributes: (&'a [u8], u32),
}

/// What was measured.
#[derive(Debug, Clone, PartialEq)]
pub enum Measured {
    Float(f64),
    /// Explicit or exponential buckets: see [`crate::buckets::Layout`].
    Buckets(Box<Buckets>),
    /// Count, sum, and value by quantile; cumulative.
    Summary {
        count: u64,
        sum: f64,
        quantiles: Vec<(f64, f64)>,
    },
    /// The sender says that there is no value (flag "no recorded value"): a stale mark for the series.
    Stale,
}

impl Point<'_> {
    /// Bytes that are the same for every point of a series as long as its sender keeps the order of attributes, put into
    /// `out`, whose earlier content goes. Other series have other bytes.
    pub fn identity<'o>(&self, out: &'o mut Vec<u8>) -> &'o [u8] {
        out.clear();
        let parts = [
            self.source.raw[0],
            self.source.raw[1],
            self.metric.name.as_bytes(),
            self.attributes.0,
        ];
        for part in parts {
            varint::put_bytes(out, part);
        }
        out
    }

    /// The point's series: the metric's name with a suffix (`_bucket`, `_sum`; mostly empty), the labels of the point and
    /// of its source, and one more (`le`, `quantile`). Attributes whose names become one label are joined by `;` in the
    /// order of their names.
    ///
    /// # Errors
    /// [`Reject::BadName`] for a name of which nothing stays, [`Reject::BadLabels`] by the bounds of [`crate::limits`],
    /// [`Reject::Malformed`], [`Reject::BadText`].
    pub fn series_key(
        &self,
        suffix: &str,
        more: Option<(&str, &str)>,
    ) -> Result<SeriesKey, Invalid> {
        let (message, number) = self.attributes;
        let mut labels = translate(attributes::read(message, number)?, self.names);
        for (name, value) in &self.source.promoted {
            if labels.iter().all(|(known, _)| known != name) {
                labels.push((name.clone(), value.clone()));
            }
        }
        let over: Vec<(&str, &str)> = {
            let identifying = self
                .source
                .identifying
                .iter()
                .map(|(name, value)| (*name, value.as_str()));
            identifying.chain(more).collect()
        };
        labels
            .retain(|(name, _)| name != NAME_LABEL && over.iter().all(|(known, _)| known != name));
        let own = labels
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let name = format!("{}{suffix}", self.metric.name);
        SeriesKey::new(&name, own.chain(over.iter().copied())).map_err(|error| {
            let reject = match error {
                KeyError::EmptyName | KeyError::LongName => Reject::BadName,
                _ => Reject::BadLabels,
            };
            Invalid::new(reject, format!("metric {name:?}: {error}"))
        })
    }
}

/// Attributes to labels, joined where two become one.
pub(super) fn translate(
    mut attributes: Vec<(&str, String)>,
    names: Names,
) -> Vec<(String, String)> {
    attributes.sort();
    let mut labels: Vec<(String, String)> = Vec::with_capacity(attributes.len());
    for (key, value) in attributes {
        let name = label_name(key, names);
        if name.is_empty() {
            continue;
        }
        match labels.iter_mut().find(|(known, _)| *known == name) {
            Some((_, joined)) => {
                joined.push(';');
                joined.push_str(&value);
            }
            None => labels.push((name.into_owned(), value)),
        }
    }
    labels
}
