//! Lines through samples: deriv, predict_linear; and smoothing along a trend.

use crate::promql::Value;
use crate::promql::kahan::sum;
use crate::promql::window::Window;

pub(super) fn deriv(window: &Window<'_>) -> Option<Value> {
    let (first_ms, _) = *window.floats.first()?;
    line(window.floats, first_ms).map(|(slope, _)| Value::Float(slope))
}

pub(super) fn predict_linear(window: &Window<'_>) -> Option<Value> {
    let (slope, now) = line(window.floats, window.time_ms)?;
    Some(Value::Float(slope * window.param(0) + now))
}

/// Least squares: the slope per second and the value at `origin_ms`.
fn line(samples: &[(i64, f64)], origin_ms: i64) -> Option<(f64, f64)> {
    let ((_, first), true) = (samples.first()?, samples.len() >= 2) else {
        return None;
    };
    if samples.iter().all(|(_, y)| y == first) {
        // Exactly flat: arithmetic would make a slope of the rounding.
        let flat = first.is_finite().then_some((0.0, *first));
        return Some(flat.unwrap_or((f64::NAN, f64::NAN)));
    }
    let count = samples.len() as f64;
    let x = |(time_ms, _): &(i64, f64)| (time_ms - origin_ms) as f64 / 1_000.0;
    let sum_x = sum(samples.iter().map(x));
    let sum_y = sum(samples.iter().map(|s| s.1));
    let sum_xy = sum(samples.iter().map(|s| x(s) * s.1));
    let sum_xx = sum(samples.iter().map(|s| x(s) * x(s)));
    let slope = (sum_xy - sum_x * sum_y / count) / (sum_xx - sum_x * sum_x / count);
    Some((slope, sum_y / count - slope * sum_x / count))
}

/// Double exponential smoothing (Holt's linear method); factors outside 0..1 give NaN.
pub(super) fn smoothing(window: &Window<'_>) -> Option<Value> {
    let (level_factor, trend_factor) = (window.param(0), window.param(1));
    let [(_, first), (_, second), ..] = *window.floats else {
        return None;
    };
    let within = |factor: f64| factor > 0.0 && factor < 1.0;
    if !within(level_factor) || !within(trend_factor) {
        return Some(Value::Float(f64::NAN));
    }
    let (mut level, mut trend) = (first, second - first);
    for (place, (_, value)) in window.floats.iter().enumerate().skip(1) {
        let expected = level + trend;
        let next = level_factor * value + (1.0 - level_factor) * expected;
        // The first step has no trend older than its own.
        if place > 1 {
            trend = trend_factor * (next - level) + (1.0 - trend_factor) * trend;
        }
        level = next;
    }
    Some(Value::Float(level))
}
