//! The middle of a line, `key=value,key=value`: keys as they stand, values read. Quotes mean something only at the
//! front of a value.

use memchr::memchr2;

use super::{Fault, number};

/// More fields in one line are refused.
pub const MAX_FIELDS: usize = 4_096;

/// One field of a line, which is one series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Field<'a> {
    /// As it stood, escapes and all; [`super::series_key`] reads it.
    pub key: &'a [u8],
    pub value: FieldValue<'a>,
}

/// A field's value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum FieldValue<'a> {
    /// Finite. Integers are the nearest float, booleans 1 and 0.
    Number(f64),
    /// What stood between the quotes, escapes and all: nothing that can be measured.
    Text(&'a [u8]),
}

/// Reads fields from `text[at..]` into `fields` and tells where they end: at a space or the end.
///
/// # Errors
/// The fault, and [`Open::String`] where a string's end is not in `text`; the fields before it are in `fields`.
pub(super) fn read<'a>(
    text: &'a [u8],
    mut at: usize,
    fields: &mut Vec<Field<'a>>,
) -> Result<usize, Open<'a>> {
    loop {
        if fields.len() == MAX_FIELDS {
            return Err(Fault::ManyFields.into());
        }
        let key_end = read_key(text, at)?;
        let key = &text[at..key_end];
        let rest = &text[key_end + 1..];
        let (value, length) = match rest.first() {
            None | Some(b',' | b' ') => return Err(Fault::MissingFieldValue.into()),
            Some(b'"') => {
                let end = closing_quote(&rest[1..]).ok_or(Open::String {
                    key: at,
                    quote: key_end + 1,
                })?;
                (FieldValue::Text(&rest[1..=end]), end + 2)
            }
            Some(_) => {
                let (value, length) = number::read(rest)?;
                (FieldValue::Number(value), length)
            }
        };
        fields.push(Field { key, value });
        at = key_end + 1 + length;
        match text.get(at) {
            None | Some(b' ') => return Ok(at),
            Some(b',') => at += 1,
            Some(_) => return Err(Fault::InvalidField.into()),
        }
    }
}

/// Why reading fields stopped early.
#[derive(Debug)]
pub(super) enum Open<'a> {
    Fault(Fault<'a>),
    /// The string that begins at offset `quote` has no end; its field begins at offset `key`.
    String {
        key: usize,
        quote: usize,
    },
}

impl<'a> From<Fault<'a>> for Open<'a> {
    fn from(fault: Fault<'a>) -> Self {
        Open::Fault(fault)
    }
}

/// Where the key's `=` is.
fn read_key(text: &[u8], start: usize) -> Result<usize, Fault<'_>> {
    let mut at = start;
    loop {
        match text.get(at) {
            Some(b'=') if at == start => return Err(Fault::MissingFieldKey),
            Some(b'=') => return Ok(at),
            Some(b'\\') => at += 2,
            None | Some(b',' | b' ') => return Err(Fault::InvalidField),
            Some(_) => at += 1,
        }
    }
}

/// Where the string ends whose first byte is the first of `text`: the next quote that no backslash hides.
pub(super) fn closing_quote(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        let found = at + memchr2(b'"', b'\\', text.get(at..)?)?;
        if text[found] == b'"' {
            return Some(found);
        }
        at = found + 2;
    }
}
