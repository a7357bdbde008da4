//! What an exposition says: families and their samples, and the key of a sample.

use std::borrow::Cow;
use std::collections::HashSet;

use crate::buckets::Buckets;
use crate::{Invalid, KeyError, Kind, Reject, SeriesKey};

/// A metric family; its samples are in the order of the input.
#[derive(Debug, Clone, PartialEq)]
pub struct Family<'a> {
    pub name: Cow<'a, str>,
    pub kind: Kind,
    pub help: Cow<'a, str>,
    pub unit: Cow<'a, str>,
    pub samples: Vec<Sample<'a>>,
}

/// One sample of a family.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample<'a> {
    /// The series' name: the family's with the suffix that its type asks for.
    pub name: Cow<'a, str>,
    pub labels: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    pub value: Measured,
    /// Milliseconds; a Pushgateway refuses what has one.
    pub timestamp_ms: Option<i64>,
}

/// What was measured.
#[derive(Debug, Clone, PartialEq)]
pub enum Measured {
    /// Any float: NaN and infinities too.
    Float(f64),
    /// A native histogram, cumulative; only protobuf carries them.
    Native(Box<Buckets>),
}

/// The series of a sample, with labels put over its own: those of a Pushgateway's group.
///
/// # Errors
/// [`Reject::BadName`], [`Reject::BadLabels`], by the bounds of [`crate::limits`].
pub fn series_key(sample: &Sample<'_>, over: &[(&str, &str)]) -> Result<SeriesKey, Invalid> {
    let own = sample
        .labels
        .iter()
        .map(|(name, value)| (&**name, &**value));
    let own = own.filter(|(name, _)| over.iter().all(|(over, _)| over != name));
    SeriesKey::new(&sample.name, own.chain(over.iter().copied())).map_err(|error| {
        let reject = match error {
            KeyError::EmptyName | KeyError::LongName => Reject::BadName,
            _ => Reject::BadLabels,
        };
        Invalid::new(reject, error.to_string())
    })
}

/// The first sample that has the name and labels of an earlier one, as a Pushgateway words it; `None` if all differ.
#[must_use]
pub fn inconsistent(families: &[Family<'_>]) -> Option<Invalid> {
    let mut seen = HashSet::new();
    for sample in families.iter().flat_map(|family| &family.samples) {
        let mut labels: Vec<(&str, &str)> =
            sample.labels.iter().map(|(k, v)| (&**k, &**v)).collect();
        labels.sort_unstable();
        if !seen.insert((&*sample.name, labels)) {
            let text = format!(
                "collected metric {:?} was collected before with the same name and label values",
                sample.name
            );
            return Some(Invalid::new(Reject::BadLabels, text));
        }
    }
    None
}
