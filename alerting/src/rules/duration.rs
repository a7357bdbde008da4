//! Prometheus' durations: `5m`, `1h30m`, `1d12h`, `250ms`, and `0`. Units descend, each at most once.

const UNITS: [(&str, i64); 7] = [
    ("y", 365 * 86_400_000),
    ("w", 7 * 86_400_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// Milliseconds; `None` for what is no duration.
pub(super) fn parse_duration(text: &str) -> Option<i64> {
    if text == "0" {
        return Some(0);
    }
    let mut rest = text;
    let mut units = UNITS.as_slice();
    let mut total_ms = 0_i64;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: i64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let letters = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        let index = units
            .iter()
            .position(|(unit, _)| *unit == &rest[..letters])?;
        let unit_ms = units[index].1;
        units = &units[index + 1..];
        total_ms = total_ms.checked_add(number.checked_mul(unit_ms)?)?;
        rest = &rest[letters..];
    }
    (!text.is_empty()).then_some(total_ms)
}
