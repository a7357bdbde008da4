//! Durations as people write them: a whole number and a unit, several joined: `10s`, `1h30m`, `7d`, `500ms`.

use std::time::Duration;

use serde::{Deserialize, Deserializer};

const UNITS: [(&str, u64); 7] = [
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
    ("w", 7 * 86_400_000),
    ("y", 365 * 86_400_000),
];

/// A duration that was written as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct DurationText(pub Duration);

impl<'de> Deserialize<'de> for DurationText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = crate::text(deserializer, "a duration as text, like \"10s\" or \"7d\"")?;
        let duration = parse_duration(&text).ok_or_else(|| {
            serde::de::Error::custom(format!(
                "{text:?} is no duration; write it as \"10s\", \"1h30m\" or \"7d\" (units ms, s, m, h, d, w, y)"
            ))
        })?;
        Ok(Self(duration))
    }
}

/// Reads a duration; `None` for anything else, zero written without a unit included.
#[must_use]
pub fn parse_duration(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut total_ms = 0_u64;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: u64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (_, unit_ms) = UNITS.iter().find(|(unit, _)| *unit == &rest[..letters])?;
        total_ms = total_ms.checked_add(number.checked_mul(*unit_ms)?)?;
        rest = &rest[letters..];
    }
    (!text.is_empty()).then(|| Duration::from_millis(total_ms))
}
