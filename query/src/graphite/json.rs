//! graphite-web's JSON of a render: `[{"target","tags","datapoints":[[value,unix seconds],…]}]`. NaN is null and the
//! infinities are ±1e9999, as there.

use std::fmt::Write;

use super::RenderedSeries;

/// The body of `/render?format=json`; with `no_nulls`, gaps and empty series are left out.
#[must_use]
pub fn render_json(series: &[RenderedSeries], no_nulls: bool) -> String {
    let mut out = String::from("[");
    for one in series {
        if no_nulls && one.values.iter().all(Option::is_none) {
            continue;
        }
        if out.len() > 1 {
            out.push(',');
        }
        write_series(&mut out, one, no_nulls);
    }
    out.push(']');
    out
}

fn write_series(out: &mut String, series: &RenderedSeries, no_nulls: bool) {
    let target = serde_json::Value::from(series.target.as_str());
    let tags = serde_json::json!(series.tags);
    // Writing to a string cannot fail.
    let _ = write!(
        out,
        "{{\"target\":{target},\"tags\":{tags},\"datapoints\":["
    );
    let mut at_s = series.start_s;
    let mut first = true;
    for value in &series.values {
        if value.is_some() || !no_nulls {
            out.push_str(if first { "[" } else { ",[" });
            first = false;
            write_value(out, *value);
            let _ = write!(out, ",{at_s}]");
        }
        at_s = at_s.saturating_add(series.step_s);
    }
    out.push_str("]}");
}

fn write_value(out: &mut String, value: Option<f64>) {
    let _ = match value {
        Some(value) if value.is_finite() => write!(out, "{}", serde_json::Value::from(value)),
        Some(value) if value.is_infinite() && value > 0.0 => out.write_str("1e9999"),
        Some(value) if value.is_infinite() => out.write_str("-1e9999"),
        _ => out.write_str("null"),
    };
}
