//! Samples to points, and fine points to coarse ones: which bucket a time lies in, and what a bucket adds up to.
//! Knows no bytes.

use std::sync::Arc;

use weir_wire::Histogram;

use super::RollupPoint;
use super::sum::Sum;

/// Appends one point for each bucket that has a sample. `times_ms` and `histograms` ascend; NaN, of which the stale mark
/// is the only one that is stored, is no sample.
///
/// # Panics
/// If the resolution is not positive or the columns differ in length.
pub(crate) fn roll_up(
    times_ms: &[i64],
    values: &[f64],
    histograms: &[(i64, Arc<Histogram>)],
    resolution_ms: i64,
    out: &mut Vec<RollupPoint>,
) {
    assert_eq!(times_ms.len(), values.len(), "one value for each time");
    let floats = times_ms.iter().copied().zip(values.iter().copied());
    let mut floats = floats.filter(|(_, value)| !value.is_nan()).peekable();
    let mut histograms = histograms.iter().peekable();
    loop {
        let heads = (floats.peek().map(|f| f.0), histograms.peek().map(|h| h.0));
        let Some(first_ms) = earlier(heads) else {
            return;
        };
        let end_ms = last_of_bucket(first_ms, resolution_ms);
        let mut bucket = Bucket::default();
        while let Some((time_ms, value)) = floats.next_if(|(time_ms, _)| *time_ms <= end_ms) {
            bucket.add_float(time_ms, value);
        }
        while let Some((time_ms, histogram)) = histograms.next_if(|(time_ms, _)| *time_ms <= end_ms)
        {
            bucket.add_histogram(*time_ms, histogram);
        }
        out.extend(bucket.close());
    }
}

/// Appends one point for each coarser bucket of finer points, ascending. The resolution is a multiple of the finer one,
/// and the finer points of a bucket come in one call. Count, min, max, last and the histogram's buckets are what
/// [`roll_up`] makes of the samples; the sum is within `2 * f64::EPSILON` of the sum of the samples' magnitudes.
///
/// # Panics
/// If the resolution is not positive.
pub(crate) fn coarsen(finer: &[RollupPoint], resolution_ms: i64, out: &mut Vec<RollupPoint>) {
    let mut finer = finer.iter().peekable();
    while let Some(first) = finer.peek() {
        let end_ms = last_of_bucket(first.last_ms, resolution_ms);
        let mut bucket = Bucket::default();
        while let Some(point) = finer.next_if(|point| point.last_ms <= end_ms) {
            bucket.add_point(point);
        }
        out.extend(bucket.close());
    }
}

fn earlier(heads: (Option<i64>, Option<i64>)) -> Option<i64> {
    match heads {
        (Some(float_ms), Some(histogram_ms)) => Some(float_ms.min(histogram_ms)),
        (float_ms, histogram_ms) => float_ms.or(histogram_ms),
    }
}

/// The last millisecond of the bucket a time lies in.
fn last_of_bucket(time_ms: i64, resolution_ms: i64) -> i64 {
    assert!(resolution_ms > 0, "a bucket has a length");
    let left_ms = resolution_ms - 1 - time_ms.rem_euclid(resolution_ms);
    time_ms.saturating_add(left_ms)
}

/// A bucket being filled.
#[derive(Debug, Default)]
struct Bucket {
    last_ms: Option<i64>,
    floats: Option<Floats>,
    histogram: Option<Arc<Histogram>>,
}

#[derive(Debug)]
struct Floats {
    last: f64,
    count: f64,
    sum: Sum,
    min: f64,
    max: f64,
}

impl Bucket {
    fn add_float(&mut self, time_ms: i64, value: f64) {
        self.last_ms = self.last_ms.max(Some(time_ms));
        self.add_floats(value, 1.0, value, [value; 2]);
    }

    fn add_floats(&mut self, last: f64, count: f64, sum: f64, [min, max]: [f64; 2]) {
        let floats = self.floats.get_or_insert_with(|| Floats {
            last,
            count: 0.0,
            sum: Sum::default(),
            min,
            max,
        });
        floats.last = last;
        floats.count += count;
        floats.sum.add(sum);
        // By total order -0.0 is below 0.0, so that it does not matter which came first.
        if min.total_cmp(&floats.min).is_lt() {
            floats.min = min;
        }
        if max.total_cmp(&floats.max).is_gt() {
            floats.max = max;
        }
    }

    fn add_histogram(&mut self, time_ms: i64, histogram: &Arc<Histogram>) {
        self.last_ms = self.last_ms.max(Some(time_ms));
        match &mut self.histogram {
            Some(merged) => Arc::make_mut(merged).merge(histogram),
            none => *none = Some(Arc::clone(histogram)),
        }
    }

    fn add_point(&mut self, point: &RollupPoint) {
        self.last_ms = self.last_ms.max(Some(point.last_ms));
        if point.has_floats() {
            self.add_floats(point.last, point.count, point.sum, [point.min, point.max]);
        }
        if let Some(histogram) = &point.histogram {
            self.add_histogram(point.last_ms, histogram);
        }
    }

    fn close(self) -> Option<RollupPoint> {
        let last_ms = self.last_ms?;
        let Some(floats) = self.floats else {
            return Some(RollupPoint::of_histogram(last_ms, self.histogram?));
        };
        Some(RollupPoint {
            last_ms,
            last: floats.last,
            count: floats.count,
            sum: floats.sum.total(),
            min: floats.min,
            max: floats.max,
            histogram: self.histogram,
        })
    }
}
