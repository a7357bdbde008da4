//! The lines that nearly all are: `name:value|type`, with a rate and tags at most, in plain ASCII. Takes one at a glance or
//! not at all: what is not taken here [`super::line`] reads, and it would have read these the same.

use std::borrow::Cow;

use super::name;
use super::parse::{Dialect, MAX_LINE_BYTES, Metric, Value};
use super::tags::Tags;

/// Longer numbers are read with all that numbers may have.
const DIGITS: usize = 15;

/// The one metric of a line, where it is plain.
#[inline]
pub(super) fn metric(line: &[u8], dialect: Dialect) -> Option<Metric<'_>> {
    let name_end = line.iter().position(|byte| !name::is_kept(*byte))?;
    if name_end == 0 || line[name_end] != b':' || line[0] == b'_' || line.len() > MAX_LINE_BYTES {
        return None;
    }
    let values = &line[name_end + 1..];
    let value_end = values
        .iter()
        .position(|byte| !is_plain(*byte) || *byte == b'|')?;
    let (value, kind) = (
        &values[..value_end],
        values[value_end..].strip_prefix(b"|")?,
    );
    let (kind, fields) = match kind.iter().position(|byte| *byte == b'|') {
        None => (kind, &[][..]),
        Some(end) => (&kind[..end], &kind[end + 1..]),
    };
    let value = match kind {
        b"c" => Value::Counter(number(value)?),
        b"ms" | b"h" | b"d" => Value::Timer(number(value)?),
        b"g" => match value.first()? {
            b'+' | b'-' if dialect.signed_gauges => Value::GaugeDelta(number(value)?),
            _ => Value::GaugeSet(number(value)?),
        },
        b"s" if !value.is_empty() => Value::Set(std::str::from_utf8(value).ok()?),
        _ => return None,
    };
    let (rate, tags) = rate_and_tags(fields)?;
    Some(Metric {
        name: Cow::Borrowed(std::str::from_utf8(&line[..name_end]).ok()?),
        value,
        rate,
        tags: Tags::new("", tags),
        timestamp_ms: None,
    })
}

/// Nothing, `@rate`, `#tags`, or both in this order.
#[inline]
fn rate_and_tags(fields: &[u8]) -> Option<(f64, &str)> {
    if fields.is_empty() {
        return Some((1.0, ""));
    }
    if !fields.iter().all(|byte| is_plain(*byte) || *byte == b':') {
        return None;
    }
    let fields = std::str::from_utf8(fields).ok()?;
    let (rate, tags) = match fields.strip_prefix('@') {
        None => (1.0, fields),
        Some(rest) => {
            let (rate, tags) = rest.split_once('|').unwrap_or((rest, "#"));
            (fast_float2::parse(rate).ok()?, tags)
        }
    };
    let tags = tags.strip_prefix('#')?;
    (rate > 0.0 && rate <= 1.0 && !tags.contains('|')).then_some((rate, tags))
}

/// ASCII that is seen, but for the colon, which begins a value.
#[inline]
fn is_plain(byte: u8) -> bool {
    byte > b' ' && byte < 0x7f && byte != b':'
}

#[inline]
fn number(text: &[u8]) -> Option<f64> {
    if (1..=DIGITS).contains(&text.len()) && text.iter().all(u8::is_ascii_digit) {
        let whole = text
            .iter()
            .fold(0_u64, |sum, digit| sum * 10 + u64::from(digit - b'0'));
        return Some(whole as f64);
    }
    let number: f64 = fast_float2::parse(text).ok()?;
    number.is_finite().then_some(number)
}
