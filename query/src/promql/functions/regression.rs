//! Lines through samples: deriv, predict_linear; and smoothing along a trend.

use super::Windows;
use crate::json::Float;
use crate::promql::eval::{Eval, Evaluated};
use crate::promql::kahan::sum;
use crate::promql::reading::Need;
use crate::promql::window::Window;
use crate::promql::{Expr, QueryError, Value};

pub(super) fn deriv(window: &Window<'_>) -> Option<Value> {
    let first_ms = *window.times_ms.first()?;
    line(window, first_ms).map(|(slope, _)| Value::Float(slope))
}

pub(super) fn predict_linear(window: &Window<'_>) -> Option<Value> {
    let (slope, now) = line(window, window.time_ms)?;
    Some(Value::Float(slope * window.param(0) + now))
}

/// Least squares: the slope per second and the value at `origin_ms`.
fn line(window: &Window<'_>, origin_ms: i64) -> Option<(f64, f64)> {
    let (first, true) = (window.values.first()?, window.values.len() >= 2) else {
        return None;
    };
    if window.values.iter().all(|y| y == first) {
        // Exactly flat: arithmetic would make a slope of the rounding.
        let flat = first.is_finite().then_some((0.0, *first));
        return Some(flat.unwrap_or((f64::NAN, f64::NAN)));
    }
    let count = window.values.len() as f64;
    let x = |time_ms: &i64| (time_ms - origin_ms) as f64 / 1_000.0;
    let samples = || window.times_ms.iter().map(x).zip(window.values);
    let sum_x = sum(samples().map(|(x, _)| x));
    let sum_y = sum(samples().map(|(_, y)| *y));
    let sum_xy = sum(samples().map(|(x, y)| x * y));
    let sum_xx = sum(samples().map(|(x, _)| x * x));
    let slope = (sum_xy - sum_x * sum_y / count) / (sum_xx - sum_x * sum_x / count);
    Some((slope, sum_y / count - slope * sum_x / count))
}

/// Double exponential smoothing (Holt's linear method); factors outside 0..1 are refused where there is any sample.
pub(super) fn smoothing(eval: &Eval<'_>, args: &[Expr]) -> Result<Evaluated, QueryError> {
    let mut refused = None;
    let smooth = |window: &Window<'_>| match (factor(window, 0), factor(window, 1)) {
        (Ok(level), Ok(trend)) => smoothed(window, level, trend),
        (Err(why), _) | (_, Err(why)) => {
            refused.get_or_insert(why);
            None
        }
    };
    let function = Windows {
        run: |_| None,
        need: Need::Trend,
        kernel: None,
        keeps_name: false,
    };
    let series = super::windows(eval, args, smooth, &function)?;
    match refused {
        Some(why) => Err(QueryError::Execution(why)),
        None => Ok(Evaluated::Vector(series)),
    }
}

/// The factor at a place; NaN passes, as in Prometheus.
fn factor(window: &Window<'_>, place: usize) -> Result<f64, String> {
    let factor = window.param(place);
    if !(factor <= 0.0 || factor >= 1.0) {
        return Ok(factor);
    }
    let (what, sign) = [("smoothing", "sf"), ("trend", "tf")][place.min(1)];
    let got = match factor.is_finite() {
        true => format!("{factor:.6}"),
        false => Float(factor).to_string(),
    };
    Err(format!(
        "invalid {what} factor. Expected: 0 < {sign} < 1, got: {got}"
    ))
}

fn smoothed(window: &Window<'_>, level_factor: f64, trend_factor: f64) -> Option<Value> {
    let [first, second, ..] = *window.values else {
        return None;
    };
    let (mut level, mut trend) = (first, second - first);
    for (place, value) in window.values.iter().enumerate().skip(1) {
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
