//! Statistics of one series over a window. Sums and means of histograms are histograms.

use super::counter::merged;
use crate::promql::Value;
use crate::promql::kahan::{self, Mean, Variance};
use crate::promql::quantile as numbers;
use crate::promql::window::Window;

pub(super) fn sum(window: &Window<'_>) -> Option<Value> {
    one_kind(
        window,
        |window| kahan::sum(window.values.iter().copied()),
        |window| merged(window).map(Value::from),
    )
}

pub(super) fn avg(window: &Window<'_>) -> Option<Value> {
    one_kind(window, mean, |window| {
        Some(
            merged(window)?
                .scaled(1.0 / window.histograms.len() as f64)
                .into(),
        )
    })
}

/// Where samples are rolled up, the numbers are sums of several.
fn mean(window: &Window<'_>) -> f64 {
    if let Some(weights) = window.weights {
        let sum = kahan::sum(window.values.iter().copied());
        return sum / kahan::sum(weights.iter().copied());
    }
    let mut mean = Mean::default();
    window.values.iter().for_each(|value| mean.add(*value));
    mean.value()
}

fn one_kind(
    window: &Window<'_>,
    floats: impl Fn(&Window<'_>) -> f64,
    histograms: impl Fn(&Window<'_>) -> Option<Value>,
) -> Option<Value> {
    match (window.values.is_empty(), window.histograms.is_empty()) {
        (false, true) => Some(Value::Float(floats(window))),
        (true, _) => histograms(window),
        (false, false) => {
            window.notes.mixed(window.labels.name());
            None
        }
    }
}

pub(super) fn count(window: &Window<'_>) -> Option<Value> {
    let floats = match window.weights {
        Some(weights) => kahan::sum(weights.iter().copied()),
        None => window.values.len() as f64,
    };
    Some(Value::Float(floats + window.histograms.len() as f64))
}

pub(super) fn present(_: &Window<'_>) -> Option<Value> {
    Some(Value::Float(1.0))
}

pub(super) fn first(window: &Window<'_>) -> Option<Value> {
    let floats = window.times_ms.first().zip(window.values.first());
    match (floats, window.histograms.first()) {
        (Some((time_ms, _)), Some((other_ms, value))) if other_ms < time_ms => {
            Some(Value::Histogram(value.clone()))
        }
        (Some((_, value)), _) => Some(Value::Float(*value)),
        (None, value) => value.map(|(_, value)| Value::Histogram(value.clone())),
    }
}

pub(super) fn last(window: &Window<'_>) -> Option<Value> {
    let floats = window.times_ms.last().zip(window.values.last());
    match (floats, window.histograms.last()) {
        (Some((time_ms, _)), Some((other_ms, value))) if other_ms > time_ms => {
            Some(Value::Histogram(value.clone()))
        }
        (Some((_, value)), _) => Some(Value::Float(*value)),
        (None, value) => value.map(|(_, value)| Value::Histogram(value.clone())),
    }
}

pub(super) fn min(window: &Window<'_>) -> Option<Value> {
    extreme(window, |value, kept| value < kept).map(|(_, value)| Value::Float(value))
}

pub(super) fn max(window: &Window<'_>) -> Option<Value> {
    extreme(window, |value, kept| value > kept).map(|(_, value)| Value::Float(value))
}

/// NaN gives way to any number.
fn extreme(window: &Window<'_>, better: impl Fn(f64, f64) -> bool) -> Option<(i64, f64)> {
    let samples = window.times_ms.iter().copied();
    let samples = samples.zip(floats(window)?.iter().copied());
    samples.reduce(|kept, next| {
        if better(next.1, kept.1) || kept.1.is_nan() {
            next
        } else {
            kept
        }
    })
}

/// The numbers of a window, where there are any; a note where histograms are passed over.
fn floats<'a>(window: &Window<'a>) -> Option<&'a [f64]> {
    window.values.first()?;
    if !window.histograms.is_empty() {
        let name = window.labels.name();
        window.notes.inform(format!(
            "PromQL info: ignored histograms in a range containing both floats and histograms for metric name {name:?}"
        ));
    }
    Some(window.values)
}

pub(super) fn stdvar(window: &Window<'_>) -> Option<Value> {
    variance(window).map(Value::Float)
}

pub(super) fn stddev(window: &Window<'_>) -> Option<Value> {
    variance(window).map(|variance| Value::Float(variance.sqrt()))
}

fn variance(window: &Window<'_>) -> Option<f64> {
    let mut variance = Variance::default();
    floats(window)?
        .iter()
        .for_each(|value| variance.add(*value));
    Some(variance.value())
}

pub(super) fn quantile(window: &Window<'_>) -> Option<Value> {
    let quantile = window.param(0);
    let mut values: Vec<f64> = floats(window)?.to_vec();
    if let Some(text) = numbers::warning(quantile) {
        window.notes.warn(text);
    }
    Some(Value::Float(numbers::quantile(quantile, &mut values)))
}

/// The median distance from the median.
pub(super) fn mad(window: &Window<'_>) -> Option<Value> {
    let mut values: Vec<f64> = floats(window)?.to_vec();
    let median = numbers::quantile(0.5, &mut values);
    let mut distances: Vec<f64> = values.iter().map(|value| (value - median).abs()).collect();
    Some(Value::Float(numbers::quantile(0.5, &mut distances)))
}

pub(super) fn ts_of_first(window: &Window<'_>) -> Option<Value> {
    let times = [
        window.times_ms.first().copied(),
        window.histograms.first().map(|s| s.0),
    ];
    times.into_iter().flatten().min().map(seconds)
}

pub(super) fn ts_of_last(window: &Window<'_>) -> Option<Value> {
    let times = [
        window.times_ms.last().copied(),
        window.histograms.last().map(|s| s.0),
    ];
    times.into_iter().flatten().max().map(seconds)
}

pub(super) fn ts_of_min(window: &Window<'_>) -> Option<Value> {
    // Of equals the last, as in Prometheus.
    extreme(window, |value, kept| value <= kept).map(|(time_ms, _)| seconds(time_ms))
}

pub(super) fn ts_of_max(window: &Window<'_>) -> Option<Value> {
    extreme(window, |value, kept| value >= kept).map(|(time_ms, _)| seconds(time_ms))
}

fn seconds(time_ms: i64) -> Value {
    Value::Float(time_ms as f64 / 1_000.0)
}
