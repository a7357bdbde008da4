//! Rollups: what a coarser tier keeps of a series, one point for each bucket of time, and the chunk those points are
//! written in (docs/format/rollup.md). Pure: no files, no RocksDB, no clock.
//!
//! Floats and histograms do not mix. A point with floats counts and sums the floats alone, and a histogram stands beside
//! them with its own count and sum; only a point of histograms alone takes its numbers from the histogram.

mod bucket;
mod column;
mod container;
mod floats;
mod fuller;
mod histograms;
mod nearly;
mod sum;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use weir_wire::Histogram;

pub(crate) use bucket::{coarsen, roll_up};
pub(crate) use container::{decode, decode_aspect, encode};
pub(crate) use fuller::keep_fuller;

use crate::chunk::ChunkError;

/// How far apart the points of the finer tier lie.
pub(crate) const MINUTE_MS: i64 = 60_000;
/// How far apart the points of the coarser tier lie.
pub(crate) const HOUR_MS: i64 = 3_600_000;

/// What is known of one series in one bucket, `[k * resolution, (k + 1) * resolution)` from 1970.
#[derive(Debug, Clone)]
pub(crate) struct RollupPoint {
    /// When the last sample was taken, float or histogram.
    pub(crate) last_ms: i64,
    /// The last float; NaN without floats.
    pub(crate) last: f64,
    pub(crate) count: f64,
    pub(crate) sum: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
    /// All histograms of the bucket, merged.
    pub(crate) histogram: Option<Arc<Histogram>>,
}

/// What a reader wants of the points; the columns it does not ask for are not decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aspect {
    Last,
    Sum,
    Count,
    Min,
    Max,
}

impl RollupPoint {
    /// Whether the numbers are of floats; if not, they are the histogram's own.
    fn has_floats(&self) -> bool {
        self.histogram.is_none() || !self.last.is_nan()
    }

    /// A point of histograms alone.
    fn of_histogram(last_ms: i64, histogram: Arc<Histogram>) -> Self {
        Self {
            last_ms,
            last: f64::NAN,
            count: histogram.count() as f64,
            sum: histogram.sum(),
            min: histogram.min(),
            max: histogram.max(),
            histogram: Some(histogram),
        }
    }
}
