//! Prometheus' parameters: times (unix seconds or RFC 3339) and durations (seconds or `1h30m`) to milliseconds.

use weir_query::promql::parse_duration;

/// Milliseconds since 1970.
pub(super) fn time_ms(text: &str) -> Option<i64> {
    if let Ok(seconds) = text.parse::<f64>() {
        return milliseconds(seconds);
    }
    let parsed: jiff::Timestamp = text.parse().ok()?;
    Some(parsed.as_millisecond())
}

/// A duration in milliseconds; may be zero or negative, which the caller judges.
pub(super) fn duration_ms(text: &str) -> Option<i64> {
    match text.parse::<f64>() {
        Ok(seconds) => milliseconds(seconds),
        Err(_) => parse_duration(text),
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the bound is checked first"
)]
fn milliseconds(seconds: f64) -> Option<i64> {
    let ms = (seconds * 1_000.0).round();
    // Beyond 2^53 a float no longer names a millisecond; NaN fails the comparison too.
    (ms.abs() <= 9_007_199_254_740_992.0).then_some(ms as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_seconds_or_rfc3339() {
        assert_eq!(time_ms("1435781430.781"), Some(1_435_781_430_781));
        assert_eq!(time_ms("2015-07-01T20:10:30.781Z"), Some(1_435_781_430_781));
        assert_eq!(
            time_ms("2015-07-01T22:10:30.781+02:00"),
            Some(1_435_781_430_781)
        );
        for bad in ["", "NaN", "inf", "1e300", "yesterday"] {
            assert_eq!(time_ms(bad), None, "{bad}");
        }
    }

    #[test]
    fn durations_are_seconds_or_units() {
        assert_eq!(duration_ms("0.5"), Some(500));
        assert_eq!(duration_ms("-1"), Some(-1_000));
        assert_eq!(duration_ms("1h30m"), Some(5_400_000));
        assert_eq!(duration_ms("x"), None);
    }
}
