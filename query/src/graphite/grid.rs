//! The fixed grid that Graphite answers on. Owns the choice of the step and the placing of samples.
//!
//! The step is the smallest of the series' median spacings, rounded to a usual one; 10 s when nothing tells. A point
//! at `t` stands for `[t, t + step)`; the last sample in it wins, as in whisper. When all points together would pass
//! the limit, the step grows and a point is what the chart makes of the samples, by default their average; the same
//! where samples are rolled up. Histograms are no points here.

use super::consolidate::Consolidation;
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
            let own = median_spacing_ms(&one.times_ms);
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

    /// Samples at their points; `weights` says how many samples each of them is the sum of.
    pub(super) fn place(
        &self,
        series: &SeriesData,
        how: Consolidation,
        weights: Option<&[f64]>,
        rolled_up: bool,
    ) -> Vec<Option<f64>> {
        let how = match self.coarsened || rolled_up {
            true => how,
            false => Consolidation::Last,
        };
        let mut points: Vec<Option<(f64, f64)>> = vec![None; self.points];
        let samples = series.times_ms.iter().zip(&series.values).enumerate();
        // The stale mark is a NaN too.
        for (at, (time_ms, value)) in samples.filter(|(_, (_, value))| !value.is_nan()) {
            let point = self.slot(*time_ms).and_then(|slot| points.get_mut(slot));
            let Some(point) = point else { continue };
            let weight = weights.and_then(|weights| weights.get(at)).copied();
            let new = (*value, weight.unwrap_or(1.0));
            *point = Some(point.map_or(new, |old| joined(how, old, new)));
        }
        let value = |(value, weight)| match how {
            Consolidation::Average | Consolidation::Count => value / weight,
            _ => value,
        };
        points.into_iter().map(|point| point.map(value)).collect()
    }

    fn slot(&self, timestamp_ms: i64) -> Option<usize> {
        let offset = timestamp_ms.div_euclid(1_000).checked_sub(self.start_s)?;
        let slot = usize::try_from(offset).ok()? / usize::try_from(self.step_s).ok()?;
        (slot < self.points).then_some(slot)
    }
}

/// Two samples of one point, each with its weight.
fn joined(how: Consolidation, old: (f64, f64), new: (f64, f64)) -> (f64, f64) {
    match how {
        // Any value counts as one point; the average is as good as any.
        Consolidation::Average | Consolidation::Sum | Consolidation::Count => {
            (old.0 + new.0, old.1 + new.1)
        }
        Consolidation::Min => (old.0.min(new.0), 1.0),
        Consolidation::Max => (old.0.max(new.0), 1.0),
        Consolidation::First => old,
        Consolidation::Last => new,
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
fn median_spacing_ms(times_ms: &[i64]) -> Option<i64> {
    let gaps = times_ms
        .windows(2)
        .map(|pair| pair[1].saturating_sub(pair[0]));
    let mut gaps: Vec<i64> = gaps.filter(|gap| *gap > 0).collect();
    let middle = gaps.len() / 2;
    (!gaps.is_empty()).then(|| *gaps.select_nth_unstable(middle).1)
}
