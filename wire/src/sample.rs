//! A measurement: a time in milliseconds since 1970 and a float or a histogram. Owns the stale mark,
//! the one NaN that may be stored: it says that a series ended here on purpose.

use std::sync::Arc;

use crate::Histogram;

/// The bit pattern of Prometheus' staleness marker (model/value/value.go there): a NaN that no arithmetic yields.
pub const STALE_BITS: u64 = 0x7ff0_0000_0000_0002;

/// The stale mark as a float.
#[must_use]
pub fn stale() -> f64 {
    f64::from_bits(STALE_BITS)
}

/// Whether a value is the stale mark (and not just any NaN).
#[must_use]
pub fn is_stale(value: f64) -> bool {
    value.to_bits() == STALE_BITS
}

/// What was measured.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Float(f64),
    /// The distribution of one interval: merging two intervals adds them.
    Histogram(Arc<Histogram>),
}

/// A value at a time; milliseconds since 1970-01-01 UTC.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    pub timestamp_ms: i64,
    pub value: Value,
}
