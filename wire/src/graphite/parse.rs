//! One line to numbers and the raw words that name the series.

use memchr::{memchr, memchr_iter};

use crate::{KeyError, Reject, SeriesKey};

/// A line longer than this is skipped to its end.
pub const MAX_LINE_BYTES: usize = 64 * 1024;
/// 2100-01-01 in seconds: a larger number is milliseconds or worse.
const LAST_SECOND: f64 = 4_102_444_800.0;

/// A line that has the protocol's shape.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line<'a> {
    /// The words that name the series, as they stood in the line; [`series_key`] reads them.
    pub identity: &'a [u8],
    /// Milliseconds; `None` for `-1` and `N`, which mean the time of arrival.
    pub timestamp_ms: Option<i64>,
    pub value: f64,
}

/// Reads a line without its newline; a carriage return at its end is left out. `None` for an empty line.
///
/// Outcomes of odd numbers: NaN and infinities, `1e309` included, are [`Reject::NotFinite`]; `-0` is kept; as many
/// digits as fit a line are read to the nearest float; timestamps may have a fraction, must be above 0 and before
/// the year 2100 in seconds, so that milliseconds are caught.
///
/// # Errors
/// [`Reject::TooLong`], [`Reject::BadText`], [`Reject::Malformed`], [`Reject::BadValue`], [`Reject::NotFinite`], [`Reject::BadTimestamp`].
pub fn parse(line: &[u8]) -> Result<Option<Line<'_>>, Reject> {
    if line.len() > MAX_LINE_BYTES {
        return Err(Reject::TooLong);
    }
    let line = trim(line);
    if line.is_empty() {
        return Ok(None);
    }
    let words = Words::split(line).ok_or(Reject::Malformed)?;
    let parsed = match words {
        Words::Three([identity, value, timestamp]) => Line {
            identity,
            timestamp_ms: read_timestamp(timestamp)?,
            value: read_value(value)?,
        },
        Words::Four {
            identity,
            timestamp,
            value,
        } => Line {
            identity,
            timestamp_ms: read_timestamp(timestamp)?,
            value: read_value(value)?,
        },
    };
    Ok(Some(parsed))
}

/// The series that a line's identity names: `a.b.c`, `a.b;k=v`, or `a.b k=v,k2=v2`.
///
/// # Errors
/// [`Reject::BadText`] for what is not UTF-8 or holds control characters; [`Reject::BadName`] for an empty or
/// oversized name; [`Reject::BadLabels`] for labels without `=`, empty, repeated or past a limit.
pub fn series_key(identity: &[u8]) -> Result<SeriesKey, Reject> {
    let text = std::str::from_utf8(identity).map_err(|_| Reject::BadText)?;
    if text.chars().any(char::is_control) {
        return Err(Reject::BadText);
    }
    key_of(text).map_err(|error| match error {
        NoKey::Key(KeyError::EmptyName | KeyError::LongName) => Reject::BadName,
        _ => Reject::BadLabels,
    })
}

/// Why a text names no series.
pub(super) enum NoKey {
    /// A label is no pair, or its value is empty.
    Pair,
    Key(KeyError),
}

pub(super) fn key_of(text: &str) -> Result<SeriesKey, NoKey> {
    let (name, labels, separator) = match text.split_once([' ', ';']) {
        Some((name, labels)) if text.as_bytes()[name.len()] == b' ' => {
            (name, labels.trim_start(), ',')
        }
        Some((name, labels)) => (name, labels, ';'),
        None => (text, "", ';'),
    };
    let labels = labels.split(separator).filter(|label| !label.is_empty());
    let pairs: Option<Vec<(&str, &str)>> = labels.map(|label| label.split_once('=')).collect();
    let pairs = pairs.ok_or(NoKey::Pair)?;
    if pairs.iter().any(|(_, value)| value.is_empty()) {
        return Err(NoKey::Pair);
    }
    SeriesKey::new(name, pairs).map_err(NoKey::Key)
}

/// The word of a line that stands where its time is.
pub(super) fn timestamp_word(line: &[u8]) -> Option<&[u8]> {
    match Words::split(trim(line))? {
        Words::Three([_, _, timestamp]) | Words::Four { timestamp, .. } => Some(timestamp),
    }
}

/// The words of a line that name its series.
pub(super) fn identity(line: &[u8]) -> Option<&[u8]> {
    match Words::split(trim(line))? {
        Words::Three([identity, ..]) | Words::Four { identity, .. } => Some(identity),
    }
}

fn trim(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line).trim_ascii()
}

enum Words<'a> {
    Three([&'a [u8]; 3]),
    Four {
        identity: &'a [u8],
        timestamp: &'a [u8],
        value: &'a [u8],
    },
}

impl<'a> Words<'a> {
    /// The common case is two single spaces; anything else takes the slow road.
    fn split(line: &'a [u8]) -> Option<Self> {
        let mut spaces = memchr_iter(b' ', line);
        let (first, second, third) = (spaces.next(), spaces.next(), spaces.next());
        if let (Some(first), Some(second), None) = (first, second, third)
            && first + 1 < second
            && memchr(b'\t', line).is_none()
        {
            return Some(Words::Three([
                &line[..first],
                &line[first + 1..second],
                &line[second + 1..],
            ]));
        }
        Self::split_loose(line)
    }

    fn split_loose(line: &'a [u8]) -> Option<Self> {
        let words = line
            .split(|b| matches!(b, b' ' | b'\t'))
            .filter(|word| !word.is_empty());
        let mut found = [&line[..0]; 4];
        let mut count = 0;
        for word in words {
            *found.get_mut(count)? = word;
            count += 1;
        }
        match count {
            3 => Some(Words::Three([found[0], found[1], found[2]])),
            4 => {
                let end = offset_in(line, found[1]) + found[1].len();
                Some(Words::Four {
                    identity: &line[..end],
                    timestamp: found[2],
                    value: found[3],
                })
            }
            _ => None,
        }
    }
}

fn offset_in(line: &[u8], word: &[u8]) -> usize {
    (word.as_ptr() as usize).saturating_sub(line.as_ptr() as usize)
}

/// A finite number.
pub(crate) fn read_value(word: &[u8]) -> Result<f64, Reject> {
    let value: f64 = fast_float2::parse(word).map_err(|_| Reject::BadValue)?;
    if value.is_finite() {
        Ok(value)
    } else {
        Err(Reject::NotFinite)
    }
}

fn read_timestamp(word: &[u8]) -> Result<Option<i64>, Reject> {
    if matches!(word, b"-1" | b"N") {
        return Ok(None);
    }
    if word.len() == 10
        && let Some(seconds) = ten_digits(word)
    {
        return in_range(seconds as f64).map(|_| Some(seconds * 1_000));
    }
    let seconds: f64 = fast_float2::parse(word).map_err(|_| Reject::BadTimestamp)?;
    seconds_to_ms(seconds).map(Some)
}

/// Milliseconds of a time that is above 0 and before the year 2100.
pub(crate) fn seconds_to_ms(seconds: f64) -> Result<i64, Reject> {
    in_range(seconds).map(|seconds| (seconds * 1_000.0).round() as i64)
}

fn ten_digits(word: &[u8]) -> Option<i64> {
    word.iter().try_fold(0_i64, |n, byte| {
        byte.is_ascii_digit()
            .then(|| n * 10 + i64::from(byte - b'0'))
    })
}

fn in_range(seconds: f64) -> Result<f64, Reject> {
    if seconds > 0.0 && seconds < LAST_SECOND {
        Ok(seconds)
    } else {
        Err(Reject::BadTimestamp)
    }
}
