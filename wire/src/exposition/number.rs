//! Numbers as Go reads and writes them, which is what these formats mean by a number.

/// Go's `ParseFloat` without hexadecimal and underscores; `None` too for what overflows to an infinity.
pub(super) fn read_float(word: &str) -> Option<f64> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    if word.is_empty() || !word.bytes().all(plain) {
        return None;
    }
    let value: f64 = fast_float2::parse(word).ok()?;
    let digits = word.bytes().any(|byte| byte.is_ascii_digit());
    (value.is_finite() || !digits).then_some(value)
}

/// The shortest form as Go's `%g` gives it, which clients write bounds and quantiles with: `0.005`, `1`, `1e+06`, `+Inf`.
#[must_use]
pub fn go_float(value: f64) -> String {
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    // %g goes over to an exponent from 21 digits on only for %v; for the shortest form it is from the seventh digit on.
    if (-4..6).contains(&exponent) || value == 0.0 {
        return format!("{value}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}
