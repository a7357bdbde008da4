//! How much a series has grown: rate, increase, delta and their kin.
//!
//! Numbers are extrapolated to the window's ends as Prometheus does (extrapolatedRate in promql/functions.go there),
//! and a counter that falls has been reset. A histogram is the distribution of its own interval, not a running total:
//! the increase over a window is their sum, without extrapolation, and the rate that sum per second.

use crate::promql::window::Window;
use crate::promql::{Distribution, Value};

pub(super) fn rate(window: &Window<'_>) -> Option<Value> {
    growth(window, true, true)
}

pub(super) fn increase(window: &Window<'_>) -> Option<Value> {
    growth(window, true, false)
}

pub(super) fn delta(window: &Window<'_>) -> Option<Value> {
    growth(window, false, false)
}

fn growth(window: &Window<'_>, counter: bool, per_second: bool) -> Option<Value> {
    let seconds = window.range_seconds();
    if window.histograms.is_empty() {
        let grown = extrapolated(window, counter)?;
        return Some(Value::Float(if per_second {
            grown / seconds
        } else {
            grown
        }));
    }
    if !window.values.is_empty() {
        window.notes.mixed(window.labels.name());
        return None;
    }
    let sum = merged(window)?;
    Some(
        if per_second {
            sum.scaled(1.0 / seconds)
        } else {
            sum
        }
        .into(),
    )
}

/// The distribution of the whole window.
pub(super) fn merged(window: &Window<'_>) -> Option<Distribution> {
    let ((_, first), rest) = window.histograms.split_first()?;
    let mut sum = Distribution::clone(first);
    for (_, other) in rest {
        sum.add(other, 1.0);
    }
    Some(sum)
}

fn extrapolated(window: &Window<'_>, counter: bool) -> Option<f64> {
    let reach = Reach::of(window.times_ms, window.from_ms, window.to_ms)?;
    let (first, last) = (*window.values.first()?, *window.values.last()?);
    let falls = counter.then(|| {
        let falls = window.values.windows(2).filter(|pair| pair[1] < pair[0]);
        falls.map(|pair| pair[0]).sum()
    });
    Some(reach.grown(first, last, falls))
}

/// What of an extrapolation depends on times alone, in seconds.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::promql) struct Reach {
    /// From the first sample to the last.
    sampled: f64,
    /// How far the series is taken to go on before its first sample, and after its last.
    before: f64,
    after: f64,
}

impl Reach {
    /// Of the samples within a window; there must be two.
    pub(in crate::promql) fn of(times_ms: &[i64], from_ms: i64, to_ms: i64) -> Option<Self> {
        let (first_ms, last_ms) = (*times_ms.first()?, *times_ms.last()?);
        if times_ms.len() < 2 {
            return None;
        }
        let seconds = |from_ms: i64, to_ms: i64| (to_ms - from_ms) as f64 / 1_000.0;
        let sampled = seconds(first_ms, last_ms);
        let spacing = sampled / (times_ms.len() - 1) as f64;
        // Nearer to the window's end than about one spacing: the series goes on to that end. Farther: it began or
        // ended within the window, half a spacing away on average.
        let reach = |gap: f64| {
            if gap >= spacing * 1.1 {
                spacing / 2.0
            } else {
                gap
            }
        };
        Some(Self {
            sampled,
            before: reach(seconds(from_ms, first_ms)),
            after: reach(seconds(last_ms, to_ms)),
        })
    }

    /// The growth from the first value to the last, extrapolated; of a counter, with the sum of what it fell from.
    #[inline]
    pub(in crate::promql) fn grown(self, first: f64, last: f64, falls: Option<f64>) -> f64 {
        let mut grown = last - first;
        let mut before = self.before;
        if let Some(falls) = falls {
            grown += falls;
            if grown > 0.0 && first >= 0.0 {
                // A counter does not begin below zero.
                before = before.min(self.sampled * (first / grown));
            }
        }
        grown * ((self.sampled + before + self.after) / self.sampled)
    }
}

pub(super) fn irate(window: &Window<'_>) -> Option<Value> {
    let ([.., before_ms, last_ms], [.., before, last]) = (window.times_ms, window.values) else {
        return None;
    };
    let grown = if last < before { *last } else { last - before };
    Some(Value::Float(
        grown / ((last_ms - before_ms) as f64 / 1_000.0),
    ))
}

pub(super) fn idelta(window: &Window<'_>) -> Option<Value> {
    let [.., before, last] = *window.values else {
        return None;
    };
    Some(Value::Float(last - before))
}

pub(super) fn changes(window: &Window<'_>) -> Option<Value> {
    count_pairs(window, changed)
}

pub(super) fn resets(window: &Window<'_>) -> Option<Value> {
    count_pairs(window, fell)
}

pub(in crate::promql) fn changed(before: f64, now: f64) -> bool {
    now != before && !(now.is_nan() && before.is_nan())
}

pub(in crate::promql) fn fell(before: f64, now: f64) -> bool {
    now < before
}

fn count_pairs(window: &Window<'_>, counts: impl Fn(f64, f64) -> bool) -> Option<Value> {
    window.values.first()?;
    let pairs = window.values.windows(2);
    let pairs = pairs.filter(|pair| counts(pair[0], pair[1]));
    Some(Value::Float(pairs.count() as f64))
}
