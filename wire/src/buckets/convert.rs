//! Buckets of others into ours: every bucket's count is recorded at one value that stands for it.
//!
//! | bucket | recorded at |
//! |---|---|
//! | exponential `(l, u]` | the geometric middle, `sqrt(l u)`: at most `sqrt(base)` off, 4.4 % at schema 3 |
//! | zero bucket | 0 |
//! | explicit `(l, u]` | the middle, as interpolation by straight lines supposes |
//! | first explicit, `u > 0` | `u / 2`: distributions that people bucket this way start at 0 |
//! | last explicit, no upper bound | the known maximum, otherwise its lower bound, as `histogram_quantile` answers |
//! | the only explicit one | the mean, where the sum is known |
//! | below 0 · above [`Histogram::MAX`] | 0 · that maximum, and counted in [`Converted::clamped`] |
//!
//! The exact sum, minimum and maximum replace those of the recorded values where they are known. Counts that are no whole
//! numbers are rounded so that every running total is off by at most a half.

use super::{Bucket, Buckets, Layout};
use crate::Histogram;

/// A distribution of ours, and how far it had to be bent.
#[derive(Debug, Clone, PartialEq)]
pub struct Converted {
    pub histogram: Histogram,
    /// Observations that stood for a value outside 0 to [`Histogram::MAX`] and are recorded at the nearer end.
    pub clamped: u64,
}

impl Buckets {
    /// The same distribution in our own buckets; that of one interval where `self` is of one interval.
    #[must_use]
    pub fn to_histogram(&self) -> Converted {
        let mut recorder = Recorder::default();
        for bucket in self.negative.iter().rev() {
            recorder.record(-self.stands_for(bucket), bucket.count);
        }
        recorder.record(0.0, self.zero_count);
        for bucket in &self.positive {
            recorder.record(self.stands_for(bucket), bucket.count);
        }
        recorder.histogram.set_known(self.sum, self.min, self.max);
        Converted {
            histogram: recorder.histogram,
            clamped: recorder.clamped,
        }
    }

    fn stands_for(&self, bucket: &Bucket) -> f64 {
        match &self.layout {
            Layout::Exponential { scale } => {
                ((f64::from(bucket.index) - 0.5) * f64::from(-scale).exp2()).exp2()
            }
            Layout::Explicit { bounds } => self.middle(bounds, bucket.index),
        }
    }

    fn middle(&self, bounds: &[f64], index: i32) -> f64 {
        let bound = |at: i32| {
            usize::try_from(at)
                .ok()
                .and_then(|at| bounds.get(at))
                .copied()
        };
        match (bound(index - 1), bound(index)) {
            (Some(lower), Some(upper)) if lower.is_finite() && upper.is_finite() => {
                lower + (upper - lower) / 2.0
            }
            (Some(lower), _) if lower.is_finite() => self.max.unwrap_or(lower).max(lower),
            (_, Some(upper)) if upper > 0.0 => upper / 2.0,
            (_, Some(upper)) => upper,
            _ => self.sum.map_or(0.0, |sum| sum / self.count),
        }
    }
}

#[derive(Default)]
struct Recorder {
    histogram: Histogram,
    clamped: u64,
    /// The running total so far, exact and as recorded.
    exact: f64,
    recorded: u64,
}

impl Recorder {
    fn record(&mut self, value: f64, count: f64) {
        self.exact += count;
        let times = (self.exact.round() as u64).saturating_sub(self.recorded);
        if times == 0 {
            return;
        }
        self.recorded += times;
        // A mean of nothing known is NaN; it is taken for 0 and counted.
        let known = if value.is_nan() { 0.0 } else { value };
        let nearest = known.clamp(0.0, Histogram::MAX);
        if nearest != value {
            self.clamped += times;
        }
        // Within the bounds by the line above.
        let _ = self.histogram.record(nearest, times);
    }
}
