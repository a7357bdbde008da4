//! Values and timestamps from their text, with the complaints that OpenTSDB's users know from Java.

use super::Fault;
use super::error::shown;
use crate::Reject;

/// 2100-01-01 in seconds.
const END_SECOND: i64 = 4_102_444_800;
/// OpenTSDB's least number of milliseconds, 13 digits: 2001-09-09.
const FIRST_MS: i64 = 1_000_000_000_000;
/// `+9223372036854775807` and `-9223372036854775808`; without a sign one less.
const LONG_CHARS: usize = 20;

/// A value: an integer unless it has a point or an exponent.
pub(super) fn read_value(word: &[u8]) -> Result<f64, Fault> {
    if word.is_empty() {
        return Err(Fault::argument(Reject::BadValue, "empty value"));
    }
    if !word.iter().any(|byte| matches!(byte, b'.' | b'e' | b'E')) {
        // `as` rounds to the nearest float.
        return read_long(word)
            .map(|value| value as f64)
            .map_err(|message| {
                let reject = if names_no_number(word) {
                    Reject::NotFinite
                } else {
                    Reject::BadValue
                };
                Fault::value(reject, message)
            });
    }
    let value: f64 = fast_float2::parse(word).map_err(|_| {
        Fault::value(
            Reject::BadValue,
            format!("For input string: \"{}\"", shown(word)),
        )
    })?;
    if value.is_finite() {
        Ok(value)
    } else {
        let message = format!("value is NaN or Infinite: {}", shown(word));
        Err(Fault::argument(Reject::NotFinite, message))
    }
}

/// Milliseconds of a timestamp in seconds or milliseconds, or of seconds with a fraction.
pub(super) fn read_timestamp(word: &[u8]) -> Result<i64, Fault> {
    let bad = |message: String| Fault::argument(Reject::BadTimestamp, message);
    let (number, ms) = match memchr::memchr(b'.', word) {
        None => {
            let number = long(word)?;
            let ms = if number < FIRST_MS {
                number.checked_mul(1_000)
            } else {
                Some(number)
            };
            (number, ms)
        }
        Some(point) => (long(&without(word, point))?, with_fraction(word, point)),
    };
    if number <= 0 {
        return Err(bad(format!("invalid timestamp: {number}")));
    }
    ms.filter(|ms| *ms < END_SECOND * 1_000)
        .ok_or_else(|| bad(misfit(number, word)))
}

fn long(word: &[u8]) -> Result<i64, Fault> {
    read_long(word).map_err(|message| Fault::value(Reject::BadTimestamp, message))
}

fn without(word: &[u8], point: usize) -> Vec<u8> {
    let digits = word[point + 1..].iter().filter(|byte| **byte != b'.');
    word[..point].iter().chain(digits).copied().collect()
}

/// `1234567890.5` and up to three digits behind the point: no other unit has a point.
fn with_fraction(word: &[u8], point: usize) -> Option<i64> {
    let fraction = &word[point + 1..];
    let milliseconds = read_long(fraction).ok()?;
    let scale = match fraction.len() {
        1 => 100,
        2 => 10,
        3 => 1,
        _ => return None,
    };
    let seconds = read_long(&word[..point]).ok()?;
    (0..END_SECOND)
        .contains(&seconds)
        .then(|| seconds * 1_000 + milliseconds * scale)
}

fn misfit(number: i64, word: &[u8]) -> String {
    let looks_like = match number {
        100_000_000_000_000..100_000_000_000_000_000 => "; it looks like microseconds",
        100_000_000_000_000_000.. => "; it looks like nanoseconds",
        _ => "",
    };
    format!(
        "bad timestamp={}: give seconds, or milliseconds of 13 digits, before the year 2100{looks_like}",
        shown(word)
    )
}

fn names_no_number(word: &[u8]) -> bool {
    let word = word.strip_prefix(b"-").unwrap_or(word);
    let word = word.strip_prefix(b"+").unwrap_or(word);
    [b"nan".as_slice(), b"inf", b"infinity"]
        .iter()
        .any(|name| word.eq_ignore_ascii_case(name))
}

/// An integer of 64 bits, or OpenTSDB's complaint about it.
fn read_long(word: &[u8]) -> Result<i64, String> {
    let signed = matches!(word.first(), Some(b'+' | b'-'));
    let digits = &word[usize::from(signed)..];
    if digits.is_empty() {
        return Err(match signed {
            true => format!("Just a sign, no value: {}", shown(word)),
            false => "Empty string".to_owned(),
        });
    }
    if word.len() > LONG_CHARS - usize::from(!signed) {
        return Err(format!("Value too long: {}", shown(word)));
    }
    let mut magnitude: u64 = 0;
    for digit in digits {
        if !digit.is_ascii_digit() {
            let text = shown(word);
            let other = text
                .chars()
                .skip(usize::from(signed))
                .find(|c| !c.is_ascii_digit());
            return Err(format!(
                "Invalid character '{}' in {text}",
                other.unwrap_or('?')
            ));
        }
        // Nineteen digits are below 2^64.
        magnitude = magnitude * 10 + u64::from(digit - b'0');
    }
    let value = if word[0] == b'-' {
        0_i64.checked_sub_unsigned(magnitude)
    } else {
        0_i64.checked_add_unsigned(magnitude)
    };
    value.ok_or_else(|| format!("Overflow in {}", shown(word)))
}
