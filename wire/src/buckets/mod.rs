//! Bucketed distributions as other systems send them: Prometheus' native histograms (prometheus.io, "Native Histograms"
//! 1.0: exponential schemas -4 to 8 and custom bounds, schema -53), OTLP's explicit and exponential histograms (OTLP 1.x,
//! scales -10 to 20), all in one form. Owns what turns them into a [`crate::Histogram`], and what one cumulative
//! distribution adds to an earlier one; holds no state.

mod convert;
mod delta;
mod sparse;
#[cfg(test)]
mod tests;

pub use convert::Converted;
pub use delta::Since;
pub(crate) use sparse::Sparse;

use crate::{Invalid, Reject};

/// Buckets that hold something, of either sign: a distribution with more is refused.
pub const MAX_BUCKETS: usize = 16_384;
/// A float counts exactly up to here; a larger count is refused.
pub const MAX_COUNT: f64 = 9_007_199_254_740_992.0;

/// Which values a bucket's number stands for.
#[derive(Debug, Clone, PartialEq)]
pub enum Layout {
    /// Bucket `i` holds `(b^(i-1), b^i]` with `b = 2^(2^-scale)`, as Prometheus numbers them (OTLP's numbers are one
    /// less); negative buckets mirror that.
    Exponential { scale: i32 },
    /// Bucket `i` holds `(bounds[i-1], bounds[i]]`; the first has no lower and the one after the last no upper bound.
    Explicit { bounds: Vec<f64> },
}

/// A bucket that holds something.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bucket {
    pub index: i32,
    pub count: f64,
}

/// A distribution. Counts are whole numbers but for Prometheus' float histograms, never negative or NaN.
#[derive(Debug, Clone, PartialEq)]
pub struct Buckets {
    pub layout: Layout,
    pub count: f64,
    /// Where it is known; OTLP may leave it out.
    pub sum: Option<f64>,
    /// The smallest and largest value, where known: OTLP only.
    pub min: Option<f64>,
    pub max: Option<f64>,
    /// Values of `-zero_threshold` to `zero_threshold` are in the zero bucket.
    pub zero_threshold: f64,
    pub zero_count: f64,
    /// Ascending by index.
    pub positive: Vec<Bucket>,
    /// Ascending by index, so descending by value.
    pub negative: Vec<Bucket>,
}

impl Buckets {
    /// Nothing in it yet.
    #[must_use]
    pub fn empty(layout: Layout) -> Self {
        Self {
            layout,
            count: 0.0,
            sum: None,
            min: None,
            max: None,
            zero_threshold: 0.0,
            zero_count: 0.0,
            positive: Vec::new(),
            negative: Vec::new(),
        }
    }

    /// Whether this is a distribution at all; every reader asks before it gives one out.
    ///
    /// # Errors
    /// Counts that are negative, NaN or above [`MAX_COUNT`], bounds that do not ascend, an index past the bounds, a scale
    /// outside -10 to 20, or a zero threshold that is negative or NaN.
    pub fn check(&self) -> Result<(), Invalid> {
        let bad = |text: &str| Err(Invalid::new(Reject::BadValue, text));
        let counts = self.positive.iter().chain(&self.negative).map(|b| b.count);
        if !counts.chain([self.count, self.zero_count]).all(is_count) {
            return bad("a histogram's counts must be from 0 to 2^53");
        }
        if self.zero_threshold.is_nan() || self.zero_threshold < 0.0 {
            return bad("a histogram's zero threshold must not be negative");
        }
        match &self.layout {
            Layout::Exponential { scale } if !(-10..=20).contains(scale) => {
                bad("a histogram's scale must be from -10 to 20")
            }
            Layout::Exponential { .. } => Ok(()),
            Layout::Explicit { bounds } if bounds.len() > MAX_BUCKETS => {
                bad("a histogram has too many bounds")
            }
            Layout::Explicit { bounds } if !ascend(bounds) => {
                bad("a histogram's bounds must ascend and not be NaN")
            }
            Layout::Explicit { bounds } => {
                let within = |b: &Bucket| (0..=bounds.len() as i64).contains(&i64::from(b.index));
                if self.positive.iter().all(within) && self.negative.is_empty() {
                    Ok(())
                } else {
                    bad("a histogram has a bucket past its bounds")
                }
            }
        }
    }

    /// Whether the count is that of all buckets, as OpenTelemetry asks of every histogram and Prometheus of those that count
    /// in whole numbers: two truths of one distribution are none. With a sum that is NaN there may be more, for Prometheus
    /// puts observations of NaN into no bucket.
    ///
    /// # Errors
    /// [`Reject::BadValue`]; both numbers are named.
    pub fn check_count(&self) -> Result<(), Invalid> {
        let buckets = self.positive.iter().chain(&self.negative);
        let held = self.zero_count + buckets.map(|bucket| bucket.count).sum::<f64>();
        let is_right = match self.sum {
            Some(sum) if sum.is_nan() => held <= self.count,
            _ => held == self.count,
        };
        if is_right {
            return Ok(());
        }
        let text = format!(
            "{held} observations found in buckets, but the histogram's count is {}",
            self.count
        );
        Err(Invalid::new(Reject::BadValue, text))
    }
}

fn is_count(count: f64) -> bool {
    (0.0..=MAX_COUNT).contains(&count)
}

fn ascend(bounds: &[f64]) -> bool {
    bounds.iter().all(|bound| !bound.is_nan()) && bounds.windows(2).all(|pair| pair[0] < pair[1])
}
