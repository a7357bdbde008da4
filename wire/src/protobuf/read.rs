//! Bytes to fields: the one place that knows tags, wire types and packed runs.

/// Why bytes are no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Damaged {
    #[error("unexpected end of the message")]
    Truncated,
    #[error("a number is longer than ten bytes or above 64 bits")]
    LongNumber,
    #[error("field number {0} is outside of 1 to 2^29 - 1")]
    FieldNumber(u64),
    #[error("field {0} is a group: groups are not taken")]
    Group(u32),
    #[error("field {0} has wire type {1}, which does not exist")]
    WireType(u32, u8),
    #[error("field {0} has the wrong wire type")]
    Mismatch(u32),
    #[error("field {0} is not UTF-8")]
    Text(u32),
}

/// A field as it stands in a message.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Field<'a> {
    pub number: u32,
    value: Value<'a>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Value<'a> {
    Varint(u64),
    Fixed64([u8; 8]),
    Bytes(&'a [u8]),
    Fixed32,
}

/// The fields of a message, one after the other; ends after the first that is damaged.
#[derive(Debug, Clone, Copy)]
pub struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    #[must_use]
    pub fn of(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    /// What is not yet read.
    #[must_use]
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    #[inline]
    fn read(&mut self) -> Result<Field<'a>, Damaged> {
        let tag = varint(&mut self.rest)?;
        let number = match u32::try_from(tag >> 3) {
            Ok(number) if (1..1 << 29).contains(&number) => number,
            _ => return Err(Damaged::FieldNumber(tag >> 3)),
        };
        let value = match (tag & 7) as u8 {
            0 => Value::Varint(varint(&mut self.rest)?),
            1 => Value::Fixed64(array(&mut self.rest)?),
            2 => Value::Bytes(counted(&mut self.rest)?),
            3 | 4 => return Err(Damaged::Group(number)),
            5 => {
                array::<4>(&mut self.rest)?;
                Value::Fixed32
            }
            other => return Err(Damaged::WireType(number, other)),
        };
        Ok(Field { number, value })
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Field<'a>, Damaged>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.read();
        if field.is_err() {
            self.rest = &[];
        }
        Some(field)
    }
}

/// Takes a length and so many bytes off the front, as streams of messages are framed; `None` at the end.
#[must_use]
pub fn delimited<'a>(rest: &mut &'a [u8]) -> Option<Result<&'a [u8], Damaged>> {
    if rest.is_empty() {
        return None;
    }
    let message = counted(rest);
    if message.is_err() {
        *rest = &[];
    }
    Some(message)
}

impl<'a> Field<'a> {
    /// `bytes`, or a message.
    ///
    /// # Errors
    /// As all of these: [`Damaged::Mismatch`] for a field of another wire type.
    #[inline]
    pub fn bytes(&self) -> Result<&'a [u8], Damaged> {
        match self.value {
            Value::Bytes(bytes) => Ok(bytes),
            _ => Err(Damaged::Mismatch(self.number)),
        }
    }

    /// `string`.
    ///
    /// # Errors
    /// [`Damaged::Text`] too.
    pub fn text(&self) -> Result<&'a str, Damaged> {
        std::str::from_utf8(self.bytes()?).map_err(|_| Damaged::Text(self.number))
    }

    /// The fields of an embedded message.
    ///
    /// # Errors
    /// A field of another wire type.
    #[inline]
    pub fn message(&self) -> Result<Fields<'a>, Damaged> {
        self.bytes().map(Fields::of)
    }

    /// `uint64`, `uint32`, `bool`, an enum.
    ///
    /// # Errors
    /// A field of another wire type.
    #[inline]
    pub fn unsigned(&self) -> Result<u64, Damaged> {
        match self.value {
            Value::Varint(number) => Ok(number),
            _ => Err(Damaged::Mismatch(self.number)),
        }
    }

    /// `int64`.
    ///
    /// # Errors
    /// A field of another wire type.
    #[inline]
    pub fn int(&self) -> Result<i64, Damaged> {
        self.unsigned().map(|number| number as i64)
    }

    /// `sint64`, and `sint32` by its low bits.
    ///
    /// # Errors
    /// A field of another wire type.
    pub fn zigzag(&self) -> Result<i64, Damaged> {
        self.unsigned().map(unzigzag)
    }

    /// `double`.
    ///
    /// # Errors
    /// A field of another wire type.
    #[inline]
    pub fn double(&self) -> Result<f64, Damaged> {
        match self.value {
            Value::Fixed64(bytes) => Ok(f64::from_le_bytes(bytes)),
            _ => Err(Damaged::Mismatch(self.number)),
        }
    }

    /// `fixed64`, and `sfixed64` by its bits.
    ///
    /// # Errors
    /// A field of another wire type.
    pub fn fixed64(&self) -> Result<u64, Damaged> {
        match self.value {
            Value::Fixed64(bytes) => Ok(u64::from_le_bytes(bytes)),
            _ => Err(Damaged::Mismatch(self.number)),
        }
    }

    /// `repeated` integers, packed or one a field.
    ///
    /// # Errors
    /// A field of another wire type.
    pub fn numbers(&self) -> Result<Numbers<'a>, Damaged> {
        match self.value {
            Value::Varint(number) => Ok(Numbers {
                one: Some(number),
                rest: &[],
            }),
            Value::Bytes(rest) => Ok(Numbers { one: None, rest }),
            _ => Err(Damaged::Mismatch(self.number)),
        }
    }

    /// `repeated double` or `fixed64`, packed or one a field, as bits.
    ///
    /// # Errors
    /// A field of another wire type, or a run that is not of eight bytes each.
    pub fn doubles(&self) -> Result<Doubles<'a>, Damaged> {
        match self.value {
            Value::Fixed64(one) => Ok(Doubles {
                one: Some(one),
                rest: &[],
            }),
            Value::Bytes(rest) if rest.len() % 8 == 0 => Ok(Doubles { one: None, rest }),
            Value::Bytes(_) => Err(Damaged::Truncated),
            _ => Err(Damaged::Mismatch(self.number)),
        }
    }
}

/// Integers of a `repeated` field.
#[derive(Debug, Clone, Copy)]
pub struct Numbers<'a> {
    one: Option<u64>,
    rest: &'a [u8],
}

impl Iterator for Numbers<'_> {
    type Item = Result<u64, Damaged>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if let Some(one) = self.one.take() {
            return Some(Ok(one));
        }
        if self.rest.is_empty() {
            return None;
        }
        let number = varint(&mut self.rest);
        if number.is_err() {
            self.rest = &[];
        }
        Some(number)
    }
}

/// Eight-byte numbers of a `repeated` field, as their bits.
#[derive(Debug, Clone, Copy)]
pub struct Doubles<'a> {
    one: Option<[u8; 8]>,
    rest: &'a [u8],
}

impl Iterator for Doubles<'_> {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        if let Some(one) = self.one.take() {
            return Some(u64::from_le_bytes(one));
        }
        array(&mut self.rest).ok().map(u64::from_le_bytes)
    }
}

/// A signed number from its zigzag form.
pub(crate) fn unzigzag(raw: u64) -> i64 {
    (raw >> 1) as i64 ^ -((raw & 1) as i64)
}

#[inline]
fn varint(rest: &mut &[u8]) -> Result<u64, Damaged> {
    match rest.split_first() {
        Some((&byte, tail)) if byte < 0x80 => {
            *rest = tail;
            Ok(byte.into())
        }
        _ => long_varint(rest),
    }
}

fn long_varint(rest: &mut &[u8]) -> Result<u64, Damaged> {
    let mut value = 0;
    for (i, &byte) in rest.iter().take(10).enumerate() {
        if i == 9 && byte > 1 {
            return Err(Damaged::LongNumber);
        }
        value |= u64::from(byte & 0x7f) << (7 * i);
        if byte < 0x80 {
            *rest = &rest[i + 1..];
            return Ok(value);
        }
    }
    Err(Damaged::Truncated)
}

fn array<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], Damaged> {
    let (taken, tail) = rest.split_first_chunk().ok_or(Damaged::Truncated)?;
    *rest = tail;
    Ok(*taken)
}

#[inline]
fn counted<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], Damaged> {
    let length = usize::try_from(varint(rest)?).map_err(|_| Damaged::Truncated)?;
    let (taken, tail) = rest.split_at_checked(length).ok_or(Damaged::Truncated)?;
    *rest = tail;
    Ok(taken)
}
