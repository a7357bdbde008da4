//! What a pickle can hold here: small values that point into the payload and into the machine's tables, and the way
//! of a text from its spelling to its bytes.

use std::borrow::Cow;

/// A value on the machine's stack; copying it copies no text and no list.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value<'a> {
    Mark,
    /// `None`: nothing that could be a point's part.
    Nothing,
    Number(f64),
    Text(Text<'a>),
    /// Members `start .. start + length` of the table of tuples.
    Tuple {
        start: u32,
        length: u32,
    },
    /// A row in the table of lists: lists may grow after others know of them.
    List(u32),
}

/// A text as it stands in the payload.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Text<'a> {
    /// Its bytes, counted.
    Plain(&'a [u8]),
    /// Protocol 0, `V`: Latin-1 with `\uXXXX` and `\UXXXXXXXX`.
    Unicode(&'a [u8]),
    /// Protocol 0, `S`: Python's own spelling of a string, without its quotes.
    Quoted(&'a [u8]),
}

impl<'a> Text<'a> {
    /// `None` for a spelling that Python would not read either.
    pub(super) fn bytes(self) -> Option<Cow<'a, [u8]>> {
        match self {
            Text::Plain(bytes) => Some(Cow::Borrowed(bytes)),
            Text::Unicode(bytes) if bytes.iter().all(|b| b.is_ascii() && *b != b'\\') => {
                Some(Cow::Borrowed(bytes))
            }
            Text::Unicode(bytes) => unicode(bytes).map(Cow::Owned),
            Text::Quoted(bytes) if !bytes.contains(&b'\\') => Some(Cow::Borrowed(bytes)),
            Text::Quoted(bytes) => quoted(bytes).map(Cow::Owned),
        }
    }
}

fn unicode(mut bytes: &[u8]) -> Option<Vec<u8>> {
    let mut text = String::with_capacity(bytes.len());
    while let Some((first, rest)) = bytes.split_first() {
        let digits = match (first, rest.first()) {
            (b'\\', Some(b'u')) => 4,
            (b'\\', Some(b'U')) => 8,
            _ => 0,
        };
        if digits == 0 {
            text.push(char::from(*first));
            bytes = rest;
        } else {
            text.push(char::from_u32(hexadecimal(rest.get(1..=digits)?)?)?);
            bytes = &rest[1 + digits..];
        }
    }
    Some(text.into_bytes())
}

fn quoted(mut bytes: &[u8]) -> Option<Vec<u8>> {
    let mut text = Vec::with_capacity(bytes.len());
    while let Some((first, rest)) = bytes.split_first() {
        bytes = rest;
        if *first != b'\\' {
            text.push(*first);
            continue;
        }
        let (escape, rest) = rest.split_first()?;
        bytes = rest;
        text.push(match escape {
            b'\\' | b'\'' | b'"' => *escape,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'x' => {
                let (digits, rest) = bytes.split_at_checked(2)?;
                bytes = rest;
                u8::try_from(hexadecimal(digits)?).ok()?
            }
            _ => return None,
        });
    }
    Some(text)
}

fn hexadecimal(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0_u32, |number, digit| {
        Some(number << 4 | char::from(*digit).to_digit(16)?)
    })
}
