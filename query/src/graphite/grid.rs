//! The fixed grid that Graphite answers on. Owns the choice of the step and the placing of samples.
//!
//! The step is the smallest of the series' median spacings, rounded to a usual one; 10 s when nothing tells. A point
//! at `t` stands for `[t, t + step)`; the last sample in it wins, as in whisper. When all points together would pass
//! the limit, the step grows and a point is the average. Histograms are no points here.

use weir_wire::{Sample, Value, is_stale};

use crate::SeriesData;

const USUAL_S: [i64; 22] = [
    1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200,
    86_400, 172_800, 604_800, 2_592_000,
];
const DEFAULT_S: i64 = 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Grid {
    pub start_s: i64,
    pub step_s: i64,
    pub points: usize,
    coarsened: bool,
}

impl Grid {
    /// The grid of `(from, until]` for these series, of at most `max_points` points over all of them.
    pub(super) fn choose<'a>(
        series: impl Iterator<Item = &'a SeriesData>,
        from_s: i64,
        until_s: i64,
        max_points: usize,
    ) -> Self {
        let mut count = 0usize;
        let mut spacing_ms: Option<i64> = None;
        for one in series {
            count += 1;
            let own = median_spacing_ms(&one.samples);
            spacing_ms = [spacing_ms, own].into_iter().flatten().min();
        }
        let natural = spacing_ms.map_or(DEFAULT_S, nearest_usual);
        let allowed = max_points / count.max(1);
        let fits = |step: &i64| *step >= natural && points(from_s, until_s, *step) <= allowed;
        let step_s = USUAL_S.into_iter().find(fits).unwrap_or(2_592_000);
        Self {
            start_s: floor(from_s, step_s).saturating_add(step_s),
            step_s,
            points: points(from_s, until_s, step_s),
            coarsened: step_s != natural,
        }
    }

    /// Samples at their points.
    pub(super) fn place(&self, samples: &[Sample]) -> Vec<Option<f64>> {
        let mut sums = vec![(0.0, 0u32); self.points];
        for sample in samples {
            let (Some(slot), Some(value)) = (self.slot(sample.timestamp_ms), float(&sample.value))
            else {
                continue;
            };
            if let Some(place) = sums.get_mut(slot) {
                *place = if self.coarsened {
                    (place.0 + value, place.1 + 1)
                } else {
                    (value, 1)
                };
            }
        }
        let mean = |(sum, count): (f64, u32)| (count > 0).then(|| sum / f64::from(count));
        sums.into_iter().map(mean).collect()
    }

    fn slot(&self, timestamp_ms: i64) -> Option<usize> {
        let offset = timestamp_ms.div_euclid(1_000).checked_sub(self.start_s)?;
        let slot = usize::try_from(offset).ok()? / usize::try_from(self.step_s).ok()?;
        (slot < self.points).then_some(slot)
    }
}

fn float(value: &Value) -> Option<f64> {
    match value {
        Value::Float(value) if !is_stale(*value) && !value.is_nan() => Some(*value),
        _ => None,
    }
}

fn floor(time_s: i64, step_s: i64) -> i64 {
    time_s.saturating_sub(time_s.rem_euclid(step_s))
}

fn points(from_s: i64, until_s: i64, step_s: i64) -> usize {
    let span = floor(until_s, step_s).saturating_sub(floor(from_s, step_s));
    usize::try_from(span / step_s).unwrap_or(0)
}

fn nearest_usual(spacing_ms: i64) -> i64 {
    let distance = |step: &i64| spacing_ms.abs_diff(step.saturating_mul(1_000));
    USUAL_S
        .into_iter()
        .min_by_key(distance)
        .unwrap_or(DEFAULT_S)
}

/// The median, so that one early or repeated sample does not set the step.
fn median_spacing_ms(samples: &[Sample]) -> Option<i64> {
    let gap = |pair: &[Sample]| pair[1].timestamp_ms.saturating_sub(pair[0].timestamp_ms);
    let mut gaps: Vec<i64> = samples.windows(2).map(gap).filter(|gap| *gap > 0).collect();
    let middle = gaps.len() / 2;
    (!gaps.is_empty()).then(|| *gaps.select_nth_unstable(middle).1)
}
