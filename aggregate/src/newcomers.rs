//! What an aggregator asks of its owner before it keeps something that is new: what it is called, and whether it may be
//! at all. Asked once a series, never for a metric whose series lives.

use weir_wire::statsd::Value;
use weir_wire::{Reject, SeriesKey};

/// What becomes of new series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admitted {
    AsTheyAre,
    /// Not these, but those with one value of a label in the place of many.
    Collapsed {
        label: String,
        value: &'static str,
    },
}

/// Who decides about new series.
pub trait Newcomers {
    /// What the series that a metric names is called here: rules may say another name and labels, or drop it.
    ///
    /// # Errors
    /// Why the metric is refused.
    fn rename(&mut self, key: SeriesKey, value: &Value<'_>) -> Result<SeriesKey, Reject> {
        let _ = value;
        Ok(key)
    }

    /// What one of a metric's series is called where it is stored, its labels from here included; metrics whose series
    /// come to be the same are aggregated together.
    ///
    /// # Errors
    /// Why it is not to be; [`Reject::Unwanted`] leaves out this series of a metric only.
    fn rewrite(&mut self, key: SeriesKey) -> Result<SeriesKey, Reject> {
        Ok(key)
    }

    /// Whether a metric's series, all of them, may exist.
    ///
    /// # Errors
    /// Why the metric is refused.
    fn admit(&mut self, keys: &mut dyn Iterator<Item = &SeriesKey>) -> Result<Admitted, Reject> {
        let _ = keys;
        Ok(Admitted::AsTheyAre)
    }
}

/// Takes all as they are.
#[derive(Debug, Clone, Copy, Default)]
pub struct Everyone;

impl Newcomers for Everyone {}
