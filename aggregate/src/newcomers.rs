//! What an aggregator asks of its owner before it keeps something that is new: what it is called, and whether it may be
//! at all. Asked once a series, never for a metric whose series lives.

use weir_wire::statsd::Value;
use weir_wire::{Reject, SeriesKey};

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

    /// Whether a metric's series, all of them, may exist.
    ///
    /// # Errors
    /// Why the metric is refused.
    fn admit(&mut self, keys: &mut dyn Iterator<Item = &SeriesKey>) -> Result<(), Reject> {
        let _ = keys;
        Ok(())
    }
}

/// Takes all as they are.
#[derive(Debug, Clone, Copy, Default)]
pub struct Everyone;

impl Newcomers for Everyone {}
