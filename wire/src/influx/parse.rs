//! A body to lines: where each ends, which are comments, and which number each has. A string may hold newlines, so
//! where a line ends is only known when its fields are read.

use memchr::{memchr, memchr_iter};

use super::fields::{Field, Open, closing_quote};
use super::line::{self, Line};
use super::{Fault, LineError, Precision};

/// A longer line is refused, and skipped to its end.
pub const MAX_LINE_BYTES: usize = 64 * 1024;

/// The lines of a body or a datagram.
///
/// Blank lines and those that begin with `#` are passed over; a carriage return at the end of a line is left out.
#[must_use]
pub fn parse(body: &[u8], precision: Precision) -> Lines<'_> {
    Lines {
        rest: body,
        number: 0,
        precision,
        fields: Vec::new(),
    }
}

/// Made by [`parse`]. No `Iterator`: the fields of a line stand in one buffer that all lines of the body share.
#[derive(Debug, Clone)]
pub struct Lines<'a> {
    rest: &'a [u8],
    /// Newlines passed.
    number: usize,
    precision: Precision,
    fields: Vec<Field<'a>>,
}

impl<'a> Lines<'a> {
    /// The next line; `None` after the last.
    ///
    /// # Errors
    /// What is wrong with it; nothing of such a line is to be stored, and the next call goes on behind it.
    pub fn next_line(&mut self) -> Option<Result<Line<'a, '_>, LineError<'a>>> {
        loop {
            if self.rest.is_empty() {
                return None;
            }
            let number = self.number + 1;
            let body = self.rest;
            let text = self.take(line_end(body, 0));
            let start = text.iter().position(|byte| !is_blank(*byte));
            let Some(start) = start else { continue };
            if text[start] == b'#' {
                continue;
            }
            return Some(match self.read(body, text, start) {
                Ok((series, timestamp_ms)) => Ok(Line {
                    number,
                    series,
                    fields: &self.fields,
                    timestamp_ms,
                }),
                Err(fault) => Err(LineError {
                    number,
                    line: &text[start..],
                    fault,
                }),
            });
        }
    }

    /// Moves behind the line that ends at `end` and gives its text.
    fn take(&mut self, end: usize) -> &'a [u8] {
        let text = &self.rest[..end];
        self.rest = self.rest.get(end + 1..).unwrap_or_default();
        self.number += 1;
        text.strip_suffix(b"\r").unwrap_or(text)
    }

    fn read(
        &mut self,
        body: &'a [u8],
        mut text: &'a [u8],
        start: usize,
    ) -> Result<(&'a [u8], Option<i64>), Fault<'a>> {
        let mut resume = None;
        self.fields.clear();
        loop {
            if text.len() > MAX_LINE_BYTES {
                return Err(Fault::LongLine);
            }
            match line::read(&text[start..], resume, self.precision, &mut self.fields) {
                Ok(read) => return Ok(read),
                Err(Open::Fault(fault)) => return Err(fault),
                Err(Open::String { key, quote }) => {
                    let longer = with_string(body, start + quote, text.len());
                    let end = longer.ok_or(Fault::UnbalancedQuotes)?;
                    self.number += memchr_iter(b'\n', &body[text.len()..end]).count() - 1;
                    self.rest = body;
                    text = self.take(end);
                    resume = Some(key);
                }
            }
        }
    }
}

/// The end of the line whose string begins at `quote` and goes on behind the newline at `newline`. `None` where the
/// quote was never closed: then its line is all that is lost. A closing quote is one that a field, a timestamp or
/// the line's end follows; any other is likelier the next line's opening one.
fn with_string(body: &[u8], quote: usize, newline: usize) -> Option<usize> {
    let within = &body[..body.len().min(MAX_LINE_BYTES)];
    let string = within.get(quote + 1..)?;
    let behind = quote + 1 + closing_quote(string)? + 1;
    match body.get(behind) {
        _ if behind <= newline => None,
        None | Some(b',' | b' ' | b'\n' | b'\r') => Some(line_end(body, behind)),
        Some(_) => None,
    }
}

fn line_end(body: &[u8], from: usize) -> usize {
    memchr(b'\n', &body[from..]).map_or(body.len(), |end| from + end)
}

/// What InfluxDB skips before a line and between its parts.
pub(super) fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | 0)
}
