//! A distribution that merges without error: an HdrHistogram of two significant digits whose bounds are the
//! same on every host and in every year, so that adding any two is adding their buckets. Beside it stand the
//! exact count, sum, min and max.
//!
//! Values are kept in millionths, so that seconds are as good as milliseconds: 0.000001 is the smallest that is told from
//! zero, from 0.000128 on both digits are there, [`Histogram::MAX`] is the largest that is taken. Encoding:
//! `version u8 = 2, sum f64 LE, min f64 LE, max f64 LE`, then HdrHistogram's V2 form (hdrhistogram.org, "V2 histogram
//! encoding"). Version 1, in thousandths, is read and never written.

#[cfg(test)]
mod tests;

use hdrhistogram::Histogram as Hdr;
use hdrhistogram::serialization::{Deserializer, Serializer, V2Serializer};

const VERSION: u8 = 2;
const HEAD_BYTES: usize = 25;
const PER_UNIT: f64 = 1_000_000.0;
const LOWEST: u64 = 1;
const HIGHEST: u64 = 1_000_000_000_000_000_000;
/// Version 1: its largest value, and how many of today's parts one of its thousandths is.
const OLD_VERSION: u8 = 1;
const OLD_HIGHEST: u64 = 1_000_000_000_000_000;
const PER_OLD: u64 = 1_000;
const DIGITS: u8 = 2;
/// A V2 body is a header of 40 bytes and at most nine bytes for each of the fixed number of buckets.
const BODY_BYTES: usize = 64 * 1024;
const BODY_HEAD_BYTES: usize = 40;
/// Of the V2 form without compression, in words of eight bytes at most.
const V2_COOKIE: u32 = 0x1c84_9313;

/// Why a value or an encoding is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HistogramError {
    #[error("a histogram takes values from 0 to {max}, not {0}", max = Histogram::MAX)]
    OutOfRange(String),
    #[error("histogram encoding version {0} is neither {VERSION} nor {OLD_VERSION}")]
    Version(u8),
    #[error("histogram bytes are damaged: {0}")]
    Damaged(&'static str),
}

/// A distribution of values from 0 to [`Histogram::MAX`], at most 0.8 % off in any quantile.
#[derive(Debug, Clone, PartialEq)]
pub struct Histogram {
    buckets: Hdr<u64>,
    sum: f64,
    min: f64,
    max: f64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self::new()
    }
}

impl Histogram {
    /// The largest value taken.
    pub const MAX: f64 = 1e12;

    /// An empty distribution; buckets are allocated as values ask for them.
    #[must_use]
    pub fn new() -> Self {
        Self {
            buckets: none_yet(),
            sum: 0.0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
        }
    }

    /// Adds a value that was seen `times` times.
    ///
    /// # Errors
    /// NaN, a negative value, or one above [`Histogram::MAX`]: nothing is recorded.
    pub fn record(&mut self, value: f64, times: u64) -> Result<(), HistogramError> {
        if !(0.0..=Self::MAX).contains(&value) {
            return Err(HistogramError::OutOfRange(value.to_string()));
        }
        let ticks = (value * PER_UNIT).round() as u64;
        self.buckets
            .record_n(ticks.min(HIGHEST), times)
            .map_err(|_| HistogramError::OutOfRange(value.to_string()))?;
        self.sum += value * times as f64;
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        Ok(())
    }

    /// Adds another distribution: exact, in any order.
    pub fn merge(&mut self, other: &Self) {
        // Both sides grow on demand within the same fixed bounds, so this cannot fail.
        let _ = self.buckets.add(&other.buckets);
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
    }

    /// Puts what is exactly known in the place of what the recorded values gave; what is out of range is left.
    pub(crate) fn set_known(&mut self, sum: Option<f64>, min: Option<f64>, max: Option<f64>) {
        let in_range = |value: &f64| (0.0..=Self::MAX).contains(value);
        if self.count() == 0 {
            return;
        }
        self.sum = sum.filter(|sum| sum.is_finite()).unwrap_or(self.sum);
        let min = min.filter(in_range).unwrap_or(self.min);
        let max = max.filter(in_range).unwrap_or(self.max);
        if min <= max {
            (self.min, self.max) = (min, max);
        }
    }

    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.len()
    }

    #[must_use]
    pub fn sum(&self) -> f64 {
        self.sum
    }

    /// The smallest value; NaN when empty.
    #[must_use]
    pub fn min(&self) -> f64 {
        if self.count() == 0 {
            f64::NAN
        } else {
            self.min
        }
    }

    /// The largest value; NaN when empty.
    #[must_use]
    pub fn max(&self) -> f64 {
        if self.count() == 0 {
            f64::NAN
        } else {
            self.max
        }
    }

    /// The value at a quantile from 0 to 1, within the bucket's precision and never outside min and max; NaN when empty.
    #[must_use]
    pub fn quantile(&self, quantile: f64) -> f64 {
        if self.count() == 0 {
            return f64::NAN;
        }
        let ticks = self.buckets.value_at_quantile(quantile.clamp(0.0, 1.0));
        (ticks as f64 / PER_UNIT).clamp(self.min, self.max)
    }

    /// The buckets that hold something, ascending: `(lower, upper, count)`, lower inclusive, upper exclusive, in the values' unit.
    pub fn buckets(&self) -> impl Iterator<Item = (f64, f64, u64)> {
        self.buckets.iter_recorded().map(|step| {
            let value = step.value_iterated_to();
            let lower = self.buckets.lowest_equivalent(value) as f64 / PER_UNIT;
            let upper = (self.buckets.highest_equivalent(value) + 1) as f64 / PER_UNIT;
            (lower, upper, step.count_at_value())
        })
    }

    /// Appends the encoding.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(VERSION);
        for part in [self.sum, self.min, self.max] {
            out.extend_from_slice(&part.to_le_bytes());
        }
        // Writing to memory cannot fail, and the counts are far below the format's 2^62.
        let _ = V2Serializer::new().serialize(&self.buckets, out);
    }

    /// Reads an encoding, refusing foreign precision or bounds before anything is allocated for it.
    ///
    /// # Errors
    /// A version from the future, or bytes that no [`Histogram::encode`] wrote.
    pub fn decode(bytes: &[u8]) -> Result<Self, HistogramError> {
        let (head, body) = bytes
            .split_at_checked(HEAD_BYTES)
            .ok_or(HistogramError::Damaged("too short"))?;
        let buckets = match head[0] {
            VERSION => read_buckets(body, HIGHEST)?,
            OLD_VERSION => finer(&read_buckets(body, OLD_HIGHEST)?)?,
            other => return Err(HistogramError::Version(other)),
        };
        let float = |at: usize| f64::from_le_bytes(head[at..at + 8].try_into().unwrap_or_default());
        let (sum, min, max) = (float(1), float(9), float(17));
        // Quantiles are clamped by these: a peer must not be able to turn them over.
        let bounded = 0.0 <= min && min <= max && max <= Self::MAX && sum.is_finite();
        if !buckets.is_empty() && !bounded {
            return Err(HistogramError::Damaged("sum, min or max"));
        }
        Ok(Self {
            buckets,
            sum,
            min,
            max,
        })
    }
}

fn none_yet() -> Hdr<u64> {
    let mut buckets = Hdr::new_with_bounds(LOWEST, 1_000_000, DIGITS)
        .unwrap_or_else(|_| unreachable!("constant bounds are valid"));
    buckets.auto(true);
    buckets
}

fn read_buckets(body: &[u8], highest: u64) -> Result<Hdr<u64>, HistogramError> {
    check_bounds(body, highest)?;
    let mut rest = body;
    let mut buckets: Hdr<u64> = Deserializer::new()
        .deserialize(&mut rest)
        .map_err(|_| HistogramError::Damaged("buckets"))?;
    if !rest.is_empty() {
        return Err(HistogramError::Damaged("bytes after the buckets"));
    }
    buckets.auto(true);
    Ok(buckets)
}

/// Buckets of version 1 in today's parts: each is recorded at its middle, which lies in one of the same width or less.
fn finer(old: &Hdr<u64>) -> Result<Hdr<u64>, HistogramError> {
    let mut buckets = none_yet();
    for step in old.iter_recorded() {
        let middle = old.median_equivalent(step.value_iterated_to());
        let ticks = middle.saturating_mul(PER_OLD).min(HIGHEST);
        buckets
            .record_n(ticks, step.count_at_value())
            .map_err(|_| HistogramError::Damaged("buckets"))?;
    }
    Ok(buckets)
}

/// The V2 header is `cookie u32, payload length u32, offset u32, digits u32, lowest u64, highest u64, ratio f64`,
/// big-endian; `highest` and the payload's length decide how much the reader allocates. Another cookie is the
/// compressed form, whose true header could not be looked at here.
fn check_bounds(body: &[u8], highest: u64) -> Result<(), HistogramError> {
    let damaged = HistogramError::Damaged("header");
    if body.len() < BODY_HEAD_BYTES || body.len() > BODY_BYTES {
        return Err(damaged);
    }
    let word = |at: usize| u32::from_be_bytes(body[at..at + 4].try_into().unwrap_or_default());
    let long = |at: usize| u64::from_be_bytes(body[at..at + 8].try_into().unwrap_or_default());
    if word(0) != V2_COOKIE || word(4) as usize != body.len() - BODY_HEAD_BYTES {
        return Err(damaged);
    }
    // Auto-sizing rounds the upper bound up to its bucket, hence the factor of two.
    let fits = word(12) == u32::from(DIGITS) && long(16) == LOWEST && long(24) <= highest * 2;
    if fits {
        Ok(())
    } else {
        Err(HistogramError::Damaged("foreign precision or bounds"))
    }
}
