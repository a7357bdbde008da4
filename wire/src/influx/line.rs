//! One line in its three parts: the series' raw name, fields, and a timestamp. Tags are looked at only when
//! something is wrong: who caches names has seen them before.

use memchr::memchr_iter;

use super::fields::{self, Field, Open};
use super::parse::is_blank;
use super::{Fault, Precision, name};

/// A line without fault.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Line<'a, 'b> {
    /// From 1, in the body that was parsed.
    pub number: usize,
    /// Measurement and tags as they stood: with a field's key the identity of a series. Tags in another order are
    /// other bytes, but [`super::series_key`] makes one key of both.
    pub series: &'a [u8],
    /// In the order of the line, at least one. A key that is given twice is here twice.
    pub fields: &'b [Field<'a>],
    /// `None` for the time of arrival.
    pub timestamp_ms: Option<i64>,
}

/// Reads a line that begins with its measurement. After [`Open::String`] it is asked again with more bytes and with
/// the field to go on at, so that a line is walked once however many newlines are in its strings.
pub(super) fn read<'a>(
    line: &'a [u8],
    resume: Option<usize>,
    precision: Precision,
    fields: &mut Vec<Field<'a>>,
) -> Result<(&'a [u8], Option<i64>), Open<'a>> {
    let end = series_end(line);
    let series = &line[..end];
    read_rest(line, resume.unwrap_or(end), precision, fields)
        .map(|timestamp_ms| (series, timestamp_ms))
        .map_err(|open| match (name::check(series), open) {
            // InfluxDB reads from the left and so finds this one first.
            (Err(fault), _) => Open::Fault(fault),
            (Ok(()), open) => open,
        })
}

fn read_rest<'a>(
    line: &'a [u8],
    from: usize,
    precision: Precision,
    fields: &mut Vec<Field<'a>>,
) -> Result<Option<i64>, Open<'a>> {
    if line[0] == b',' {
        return Err(Fault::MissingMeasurement.into());
    }
    let start = skip_blanks(line, from);
    if start == line.len() {
        return Err(Fault::MissingFields.into());
    }
    let end = fields::read(line, start, fields)?;
    Ok(read_timestamp(&line[skip_blanks(line, end)..], precision)?)
}

/// The first space that no backslash stands before. As in InfluxDB, a backslash hides what follows even if it is
/// itself behind one.
fn series_end(line: &[u8]) -> usize {
    memchr_iter(b' ', line)
        .find(|at| *at > 0 && line[at - 1] != b'\\')
        .unwrap_or(line.len())
}

fn skip_blanks(line: &[u8], from: usize) -> usize {
    let mut at = from;
    while line.get(at).is_some_and(|byte| is_blank(*byte)) {
        at += 1;
    }
    at
}

fn read_timestamp(text: &[u8], precision: Precision) -> Result<Option<i64>, Fault<'_>> {
    let text = text.trim_ascii_end();
    if text.is_empty() {
        return Ok(None);
    }
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let length = digits.iter().take_while(|b| b.is_ascii_digit()).count();
    match digits.get(length) {
        None if length > 0 => {}
        Some(b' ') if length > 0 => return Err(Fault::InvalidPoint),
        _ => return Err(Fault::BadTimestamp),
    }
    // Nineteen digits are below 2^64; more are no time in any unit.
    if length > 19 {
        return Err(Fault::BadTimestamp);
    }
    let number = digits.iter().fold(0_u64, |number, digit| {
        number
            .wrapping_mul(10)
            .wrapping_add(u64::from(digit - b'0'))
    });
    let timestamp = if digits.len() < text.len() {
        -i128::from(number)
    } else {
        i128::from(number)
    };
    i64::try_from(timestamp)
        .ok()
        .and_then(|timestamp| precision.to_ms(timestamp))
        .map(Some)
        .ok_or(Fault::TimeOutOfRange {
            timestamp,
            precision,
        })
}
