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
    if !window.floats.is_empty() {
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
    let samples = window.floats;
    let ((first_ms, first), (last_ms, last)) = (*samples.first()?, *samples.last()?);
    if samples.len() < 2 {
        return None;
    }
    let mut grown = last - first;
    if counter {
        let falls = samples.windows(2).filter(|pair| pair[1].1 < pair[0].1);
        grown += falls.map(|pair| pair[0].1).sum::<f64>();
    }
    let seconds = |from_ms: i64, to_ms: i64| (to_ms - from_ms) as f64 / 1_000.0;
    let sampled = seconds(first_ms, last_ms);
    let spacing = sampled / (samples.len() - 1) as f64;
    // Nearer to the window's end than about one spacing: the series goes on to that end. Farther: it began or
    // ended within the window, half a spacing away on average.
    let reach = |gap: f64| {
        if gap >= spacing * 1.1 {
            spacing / 2.0
        } else {
            gap
        }
    };
    let mut before = reach(seconds(window.from_ms, first_ms));
    if counter && grown > 0.0 && first >= 0.0 {
        // A counter does not begin below zero.
        before = before.min(sampled * (first / grown));
    }
    let after = reach(seconds(last_ms, window.to_ms));
    Some(grown * ((sampled + before + after) / sampled))
}

pub(super) fn irate(window: &Window<'_>) -> Option<Value> {
    let [.., (before_ms, before), (last_ms, last)] = *window.floats else {
        return None;
    };
    let grown = if last < before { last } else { last - before };
    Some(Value::Float(
        grown / ((last_ms - before_ms) as f64 / 1_000.0),
    ))
}

pub(super) fn idelta(window: &Window<'_>) -> Option<Value> {
    let [.., (_, before), (_, last)] = *window.floats else {
        return None;
    };
    Some(Value::Float(last - before))
}

pub(super) fn changes(window: &Window<'_>) -> Option<Value> {
    count_pairs(window, |before, now| {
        now != before && !(now.is_nan() && before.is_nan())
    })
}

pub(super) fn resets(window: &Window<'_>) -> Option<Value> {
    count_pairs(window, |before, now| now < before)
}

fn count_pairs(window: &Window<'_>, counts: impl Fn(f64, f64) -> bool) -> Option<Value> {
    window.floats.first()?;
    let pairs = window
        .floats
        .windows(2)
        .filter(|pair| counts(pair[0].1, pair[1].1));
    Some(Value::Float(pairs.count() as f64))
}
