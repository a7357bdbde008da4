//! Prometheus' JSON of results, written straight to bytes: times as seconds with up to three decimals, numbers as
//! strings in Go's shortest form, labels ascending by name, histograms in the form of native histograms.

use std::fmt;

use crate::promql::{Distribution, Labels, Point, QueryValue, Value};

/// Appends `{"resultType":…,"result":…}`, the `data` of an answer.
pub fn write(out: &mut Vec<u8>, value: &QueryValue) {
    match value {
        QueryValue::Scalar(scalar) => {
            put(out, "{\"resultType\":\"scalar\",\"result\":[");
            short_time(out, scalar.time_ms);
            put(out, &format!(",\"{}\"]}}", Float(scalar.value)));
        }
        QueryValue::Text(text) => {
            put(out, "{\"resultType\":\"string\",\"result\":[");
            short_time(out, text.time_ms);
            put(out, ",");
            string(out, &text.value);
            put(out, "]}");
        }
        QueryValue::Vector(elements) => {
            put(out, "{\"resultType\":\"vector\",\"result\":");
            list(out, elements, |out, element| {
                metric(out, &element.labels);
                put(
                    out,
                    if element.point.value.histogram().is_some() {
                        ",\"histogram\":"
                    } else {
                        ",\"value\":"
                    },
                );
                point(out, &element.point);
                put(out, "}");
            });
            put(out, "}");
        }
        QueryValue::Matrix(series) => {
            put(out, "{\"resultType\":\"matrix\",\"result\":");
            list(out, series, |out, one| {
                metric(out, &one.labels);
                points(
                    out,
                    ",\"values\":",
                    one.points.iter().filter(|p| p.value.float().is_some()),
                );
                points(
                    out,
                    ",\"histograms\":",
                    one.points.iter().filter(|p| p.value.histogram().is_some()),
                );
                put(out, "}");
            });
            put(out, "}");
        }
    }
}

/// The whole as text.
#[must_use]
pub fn to_string(value: &QueryValue) -> String {
    let mut out = Vec::new();
    write(&mut out, value);
    // Only text was written.
    String::from_utf8(out).unwrap_or_default()
}

/// A number as Go's `FormatFloat(v, 'f', -1, 64)` prints it: as short as reads back the same, without exponent.
#[derive(Debug, Clone, Copy)]
pub struct Float(pub f64);

impl fmt::Display for Float {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_infinite() {
            return f.write_str(if self.0 > 0.0 { "+Inf" } else { "-Inf" });
        }
        write!(f, "{}", self.0)
    }
}

fn put(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
}

fn list<T>(out: &mut Vec<u8>, items: &[T], mut each: impl FnMut(&mut Vec<u8>, &T)) {
    put(out, "[");
    for (i, item) in items.iter().enumerate() {
        put(out, if i == 0 { "" } else { "," });
        each(out, item);
    }
    put(out, "]");
}

/// Opens the object of a series.
fn metric(out: &mut Vec<u8>, labels: &Labels) {
    put(out, "{\"metric\":{");
    for (i, (name, value)) in labels.iter().enumerate() {
        put(out, if i == 0 { "" } else { "," });
        string(out, name);
        put(out, ":");
        string(out, value);
    }
    put(out, "}");
}

fn points<'a>(out: &mut Vec<u8>, key: &str, points: impl Iterator<Item = &'a Point>) {
    let mut before = key;
    let mut opening = "[";
    for one in points {
        put(out, before);
        put(out, opening);
        point(out, one);
        (before, opening) = (",", "");
    }
    if opening.is_empty() {
        put(out, "]");
    }
}

fn point(out: &mut Vec<u8>, point: &Point) {
    put(out, "[");
    time(out, point.time_ms);
    put(out, ",");
    match &point.value {
        Value::Float(value) => number(out, *value),
        Value::Histogram(value) => histogram(out, value),
    }
    put(out, "]");
}

fn histogram(out: &mut Vec<u8>, value: &Distribution) {
    put(out, "{\"count\":");
    number(out, value.count);
    put(out, ",\"sum\":");
    number(out, value.sum);
    let mut opening = ",\"buckets\":[";
    for bucket in value.buckets.iter().filter(|bucket| bucket.count != 0.0) {
        put(out, opening);
        // 1: the lower bound is within, the upper is not.
        put(out, "[1,");
        number(out, bucket.lower);
        put(out, ",");
        number(out, bucket.upper);
        put(out, ",");
        number(out, bucket.count);
        put(out, "]");
        opening = ",";
    }
    put(out, if opening == "," { "]}" } else { "}" });
}

/// A sample's number in quotes: very small and very large ones with an exponent of at least two digits.
fn number(out: &mut Vec<u8>, value: f64) {
    let size = value.abs();
    let text = if size == 0.0 || (1e-6..1e21).contains(&size) || !size.is_finite() {
        format!("\"{}\"", Float(value))
    } else {
        let short = format!("{value:e}");
        let (digits, exponent) = short.split_once('e').unwrap_or((&short, "0"));
        let (sign, exponent) = match exponent.strip_prefix('-') {
            Some(exponent) => ('-', exponent),
            None => ('+', exponent),
        };
        format!("\"{digits}e{sign}{exponent:0>2}\"")
    };
    put(out, &text);
}

/// Seconds: whole, or with three decimals.
fn time(out: &mut Vec<u8>, time_ms: i64) {
    let (sign, ms) = (if time_ms < 0 { "-" } else { "" }, time_ms.unsigned_abs());
    let text = match ms % 1_000 {
        0 => format!("{sign}{}", ms / 1_000),
        rest => format!("{sign}{}.{rest:03}", ms / 1_000),
    };
    put(out, &text);
}

/// Seconds without zeros at the end: scalars and strings take another way through Prometheus than samples do.
fn short_time(out: &mut Vec<u8>, time_ms: i64) {
    let start = out.len();
    time(out, time_ms);
    if time_ms % 1_000 != 0 {
        while out.len() > start && out.last() == Some(&b'0') {
            out.pop();
        }
    }
}

/// A JSON string. Only what must be escaped is.
fn string(out: &mut Vec<u8>, text: &str) {
    put(out, "\"");
    for c in text.chars() {
        match c {
            '"' => put(out, "\\\""),
            '\\' => put(out, "\\\\"),
            '\n' => put(out, "\\n"),
            '\r' => put(out, "\\r"),
            '\t' => put(out, "\\t"),
            '\0'..='\u{1f}' | '\u{2028}' | '\u{2029}' => {
                put(out, &format!("\\u{:04x}", u32::from(c)))
            }
            c => put(out, c.encode_utf8(&mut [0; 4])),
        }
    }
    put(out, "\"");
}
