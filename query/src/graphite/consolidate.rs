//! Several points made one: by `summarize`, by a coarser grid, by `maxDataPoints`. Owns graphite-web's band
//! arithmetic (webapp/graphite/render/views.py); gaps never count.

use super::series::RenderedSeries;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Consolidation {
    Average,
    Sum,
    Min,
    Max,
    First,
    Last,
    Count,
}

impl Consolidation {
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "average" | "avg" => Self::Average,
            "sum" | "total" => Self::Sum,
            "min" => Self::Min,
            "max" => Self::Max,
            "first" => Self::First,
            "last" | "current" => Self::Last,
            "count" => Self::Count,
            _ => return None,
        })
    }

    /// `None` where every value is a gap.
    #[expect(
        clippy::cast_precision_loss,
        reason = "counts of points are far below 2^53"
    )]
    pub(super) fn of(self, values: &[Option<f64>]) -> Option<f64> {
        let mut present = values.iter().flatten().copied();
        let count = values.iter().flatten().count() as f64;
        match self {
            Self::First => present.next(),
            Self::Last => present.last(),
            _ if count == 0.0 => None,
            Self::Average => Some(present.sum::<f64>() / count),
            Self::Sum => Some(present.sum()),
            Self::Min => present.reduce(f64::min),
            Self::Max => present.reduce(f64::max),
            Self::Count => Some(count),
        }
    }
}

/// Brings every series to at most `max_points` points, bands aligned so that a refresh does not shift them.
pub(super) fn limit_points(series: &mut [RenderedSeries], max_points: usize) {
    let max = i64::try_from(max_points.max(1)).unwrap_or(i64::MAX);
    let start = series.iter().map(|one| one.start_s).min().unwrap_or(0);
    let end = series.iter().map(RenderedSeries::end_s).max().unwrap_or(0);
    let span = end.saturating_sub(start);
    for one in series {
        if max == 1 {
            one.values = vec![one.consolidation.of(&one.values)];
        } else if span / one.step_s > max {
            band(one, span / one.step_s, max);
        }
    }
}

fn band(series: &mut RenderedSeries, points: i64, max: i64) {
    let per_point = points / max + i64::from(points % max != 0);
    let band_s = per_point.saturating_mul(series.step_s);
    // The nudge that aligns bands; one value fewer than it spans is dropped, as graphite-web does.
    let nudge =
        band_s + series.start_s.rem_euclid(series.step_s) - series.start_s.rem_euclid(band_s);
    let lose = usize::try_from(nudge / series.step_s - 1).unwrap_or(0);
    let kept = series.values.get(lose..).unwrap_or_default();
    let chunk = usize::try_from(per_point).unwrap_or(usize::MAX).max(1);
    let how = series.consolidation;
    series.values = kept.chunks(chunk).map(|values| how.of(values)).collect();
    series.start_s += nudge;
    series.step_s = band_s;
}
