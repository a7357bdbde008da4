//! Prometheus' durations: `1h30m`, `500ms`. Whole numbers with units, each unit once, largest first.

/// The longest duration taken: what a signed 64-bit count of nanoseconds holds, about 292 years.
pub(super) const LONGEST_MS: i64 = i64::MAX / 1_000_000;

/// Milliseconds of each unit, largest first. A year is 365 days, as in Prometheus.
const UNITS: [(&str, i64); 7] = [
    ("y", 365 * 24 * 3_600_000),
    ("w", 7 * 24 * 3_600_000),
    ("d", 24 * 3_600_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// Reads `1h30m` as milliseconds; `0` needs no unit. `None` for anything else.
#[must_use]
pub fn parse_duration(text: &str) -> Option<i64> {
    if text == "0" {
        return Some(0);
    }
    if text.is_empty() {
        return None;
    }
    let mut rest = text;
    let mut total_ms: i64 = 0;
    let mut units = UNITS.iter();
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (count, tail) = rest.split_at_checked(digits)?;
        let letters = tail.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (unit, tail) = tail.split_at_checked(letters)?;
        // The iterator is shared between turns: a unit that is repeated or out of order is not found.
        let (_, unit_ms) = units.find(|(name, _)| *name == unit)?;
        let part_ms = count.parse::<i64>().ok()?.checked_mul(*unit_ms)?;
        total_ms = total_ms.checked_add(part_ms)?;
        rest = tail;
    }
    (total_ms <= LONGEST_MS).then_some(total_ms)
}

/// Writes milliseconds so that [`parse_duration`] reads them back.
pub(super) fn format_duration(duration_ms: i64) -> String {
    let mut rest = duration_ms.unsigned_abs();
    let mut out = String::from(if duration_ms < 0 { "-" } else { "" });
    if rest == 0 {
        out.push_str("0s");
    }
    for (unit, unit_ms) in UNITS {
        let unit_ms = unit_ms.unsigned_abs();
        // Weeks and years read well only where nothing is left over.
        if matches!(unit, "y" | "w") && !rest.is_multiple_of(unit_ms) {
            continue;
        }
        if rest >= unit_ms {
            out.push_str(&format!("{}{unit}", rest / unit_ms));
            rest %= unit_ms;
        }
    }
    out
}

/// Seconds as milliseconds, where that is a time or duration one can reckon with.
pub(super) fn seconds_to_ms(seconds: f64) -> Option<i64> {
    let duration_ms = (seconds * 1_000.0).round();
    (duration_ms.abs() <= LONGEST_MS as f64).then_some(duration_ms as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_units_in_order_once() {
        assert_eq!(parse_duration("1h30m"), Some(5_400_000));
        assert_eq!(parse_duration("1y2w3d4h5m6s7ms"), Some(33_019_506_007));
        assert_eq!(parse_duration("0"), Some(0));
        for bad in [
            "",
            "5",
            "m",
            "5m1h",
            "5m5m",
            "1.5h",
            "-5m",
            "5 m",
            "9999999999y",
            "5M",
            "5µ",
        ] {
            assert_eq!(parse_duration(bad), None, "{bad}");
        }
    }

    #[test]
    fn writes_what_it_reads() {
        for ms in [0, 1, 999, 60_000, 5_400_000, 604_800_000, 33_019_506_007] {
            assert_eq!(parse_duration(&format_duration(ms)), Some(ms));
        }
        assert_eq!(format_duration(-300_000), "-5m");
    }
}
