//! The JSON form (protobuf.dev, "ProtoJSON Format"), rewritten as protobuf so that one reader serves both. Keys in
//! either case, integers as numbers or strings, enums as numbers or names, bytes in base 64; `null` and unknown keys
//! are nothing. What is written is at most a few times as long as what was read, whatever that claims.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::attributes::MAX_DEPTH;
use super::schema::{FieldOf, Message, REQUEST, Type};
use crate::protobuf::{put_bytes, put_double, put_fixed64, put_number};
use crate::{Invalid, Reject, base64, varint};

/// Messages within messages: a request's own levels, and those of values nested as deep as they may be.
const MAX_MESSAGES: usize = 8 + 2 * MAX_DEPTH;

/// An `ExportMetricsServiceRequest` in JSON as one in protobuf, for [`super::parse`].
///
/// # Errors
/// [`Reject::Malformed`] with line and column: no JSON, a value of the wrong type, nested too deep.
pub fn from_json(text: &[u8]) -> Result<Vec<u8>, Invalid> {
    let mut reader = serde_json::Deserializer::from_slice(text);
    let mut out = Vec::new();
    let seed = Into {
        message: &REQUEST,
        out: &mut out,
        depth: 0,
    };
    let read = seed.deserialize(&mut reader).and_then(|_| reader.end());
    read.map_err(|error| Invalid::new(Reject::Malformed, format!("JSON: {error}")))?;
    Ok(out)
}

/// Reads an object into a message's bytes; false for `null`.
struct Into<'o> {
    message: &'static Message,
    out: &'o mut Vec<u8>,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for Into<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        if self.depth > MAX_MESSAGES {
            return Err(D::Error::custom("nested too deep"));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Into<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_unit<E>(self) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        while let Some(field) = map.next_key_seed(Key(self.message))? {
            match field {
                Some(field) => map.next_value_seed(ValueOf {
                    field,
                    out: self.out,
                    depth: self.depth + 1,
                })?,
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(true)
    }
}

/// Finds the field of a key, in `lowerCamelCase` or `snake_case`.
struct Key(&'static Message);

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Option<&'static FieldOf>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key {
    type Value = Option<&'static FieldOf>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(self.0.0.iter().find(|field| same_name(field.0, key)))
    }
}

fn same_name(camel: &str, key: &str) -> bool {
    let snake = || {
        camel.chars().flat_map(|c| {
            c.is_ascii_uppercase()
                .then_some('_')
                .into_iter()
                .chain([c.to_ascii_lowercase()])
        })
    };
    camel == key || snake().eq(key.chars())
}

/// Reads a field's value and appends the field.
struct ValueOf<'o> {
    field: &'static FieldOf,
    out: &'o mut Vec<u8>,
    depth: usize,
}

impl<'de> DeserializeSeed<'de> for ValueOf<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        let FieldOf(_, number, kind) = *self.field;
        match kind {
            Type::One(message) => {
                let mut inner = Vec::new();
                let seed = Into {
                    message,
                    out: &mut inner,
                    depth: self.depth,
                };
                if seed.deserialize(deserializer)? {
                    put_bytes(self.out, number, &inner);
                }
                Ok(())
            }
            Type::Many(_) | Type::ManyFixed64 | Type::ManyUint64 | Type::ManyDouble => {
                deserializer.deserialize_any(self)
            }
            _ => match deserializer.deserialize_any(Scalar)? {
                Some(scalar) => put(self.out, number, kind, &scalar).map_err(D::Error::custom),
                None => Ok(()),
            },
        }
    }
}

impl<'de> Visitor<'de> for ValueOf<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an array for {:?}", self.field.0)
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let FieldOf(_, number, kind) = *self.field;
        let mut inner = Vec::new();
        if let Type::Many(message) = kind {
            loop {
                inner.clear();
                let seed = Into {
                    message,
                    out: &mut inner,
                    depth: self.depth,
                };
                match items.next_element_seed(seed)? {
                    Some(_) => put_bytes(self.out, number, &inner),
                    None => return Ok(()),
                }
            }
        }
        while let Some(scalar) = items.next_element_seed(ScalarSeed)? {
            let scalar = scalar.ok_or_else(|| A::Error::custom("null in an array of numbers"))?;
            put_packed(&mut inner, kind, &scalar).map_err(A::Error::custom)?;
        }
        put_bytes(self.out, number, &inner);
        Ok(())
    }
}

/// A value without parts, as JSON has it.
enum Plain {
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(String),
}

struct ScalarSeed;

impl<'de> DeserializeSeed<'de> for ScalarSeed {
    type Value = Option<Plain>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(Scalar)
    }
}

struct Scalar;

impl Visitor<'_> for Scalar {
    type Value = Option<Plain>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number, a string or a boolean")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Some(Plain::Bool(value)))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Some(Plain::Unsigned(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Some(Plain::Signed(value)))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Some(Plain::Float(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(Some(Plain::Text(value.to_owned())))
    }
}

fn put(out: &mut Vec<u8>, number: u32, kind: Type, scalar: &Plain) -> Result<(), &'static str> {
    match kind {
        Type::Text => put_bytes(out, number, scalar.text()?.as_bytes()),
        Type::Bytes => {
            let bytes = base64::decode(scalar.text()?).ok_or("bytes that are not base 64")?;
            put_bytes(out, number, &bytes);
        }
        Type::Bool => put_number(out, number, u64::from(scalar.truth()?)),
        Type::Int64 => put_number(out, number, scalar.signed()? as u64),
        Type::Fixed64 => put_fixed64(out, number, scalar.unsigned()?),
        Type::SFixed64 => put_fixed64(out, number, scalar.signed()? as u64),
        Type::Uint32 => put_number(out, number, scalar.unsigned()?),
        Type::Sint32 => {
            let value = scalar.signed()?;
            put_number(out, number, ((value << 1) ^ (value >> 63)) as u64);
        }
        Type::Double => put_double(out, number, scalar.float()?),
        Type::Temporality => put_number(out, number, scalar.temporality()?),
        Type::One(_) | Type::Many(_) | Type::ManyFixed64 | Type::ManyUint64 | Type::ManyDouble => {
            return Err("a value where a list belongs");
        }
    }
    Ok(())
}

fn put_packed(out: &mut Vec<u8>, kind: Type, scalar: &Plain) -> Result<(), &'static str> {
    match kind {
        Type::ManyUint64 => varint::put(out, scalar.unsigned()?),
        Type::ManyDouble => out.extend_from_slice(&scalar.float()?.to_le_bytes()),
        _ => out.extend_from_slice(&scalar.unsigned()?.to_le_bytes()),
    }
    Ok(())
}

impl Plain {
    fn text(&self) -> Result<&str, &'static str> {
        match self {
            Self::Text(text) => Ok(text),
            _ => Err("a string belongs here"),
        }
    }

    fn truth(&self) -> Result<bool, &'static str> {
        match self {
            Self::Bool(truth) => Ok(*truth),
            _ => Err("true or false belongs here"),
        }
    }

    fn unsigned(&self) -> Result<u64, &'static str> {
        const WRONG: &str = "a whole number from 0 to 2^64 belongs here";
        match self {
            Self::Unsigned(number) => Ok(*number),
            Self::Float(number) if whole(*number) && *number >= 0.0 => Ok(*number as u64),
            Self::Text(text) => text.parse().map_err(|_| WRONG),
            _ => Err(WRONG),
        }
    }

    fn signed(&self) -> Result<i64, &'static str> {
        const WRONG: &str = "a whole number within 64 bits belongs here";
        match self {
            Self::Signed(number) => Ok(*number),
            Self::Unsigned(number) => i64::try_from(*number).map_err(|_| WRONG),
            Self::Float(number) if whole(*number) => Ok(*number as i64),
            Self::Text(text) => text.parse().map_err(|_| WRONG),
            _ => Err(WRONG),
        }
    }

    fn float(&self) -> Result<f64, &'static str> {
        match self {
            Self::Unsigned(number) => Ok(*number as f64),
            Self::Signed(number) => Ok(*number as f64),
            Self::Float(number) => Ok(*number),
            // NaN, Infinity and -Infinity too.
            Self::Text(text) => fast_float2::parse(text).map_err(|_| "a number belongs here"),
            Self::Bool(_) => Err("a number belongs here"),
        }
    }

    fn temporality(&self) -> Result<u64, &'static str> {
        match self {
            Self::Text(name) => match name.strip_prefix("AGGREGATION_TEMPORALITY_") {
                Some("UNSPECIFIED") => Ok(0),
                Some("DELTA") => Ok(1),
                Some("CUMULATIVE") => Ok(2),
                _ => self
                    .unsigned()
                    .map_err(|_| "an aggregation temporality belongs here"),
            },
            _ => self.unsigned(),
        }
    }
}

fn whole(number: f64) -> bool {
    number.fract() == 0.0 && number.abs() < crate::buckets::MAX_COUNT
}
