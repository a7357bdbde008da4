//! A body to value lists. Each is kept as it stood until it is read, so a bad one costs no other; depth is passed over
//! without a call to itself.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::{Invalid, Reject};

/// More value lists in one body are refused.
pub const MAX_LISTS: usize = 100_000;
/// Data sources of one list.
const MAX_SOURCES: usize = 256;
/// More objects and arrays in one list, whatever their order, are refused as too deep.
const MAX_NESTING: usize = 64;
/// 1980-01-01 and 2100-01-01: what is outside is no time in seconds.
const TIMES_S: std::ops::Range<f64> = 315_532_800.0..4_102_444_800.0;

/// One value list.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ValueList<'a> {
    /// `None` where a value is not known.
    pub values: Vec<Option<f64>>,
    /// `counter`, `gauge`, `derive` or `absolute`, a value.
    #[serde(borrow)]
    pub dstypes: Vec<Cow<'a, str>>,
    #[serde(borrow)]
    pub dsnames: Vec<Cow<'a, str>>,
    time: f64,
    #[serde(borrow)]
    pub host: Cow<'a, str>,
    #[serde(borrow)]
    pub plugin: Cow<'a, str>,
    #[serde(borrow, default)]
    pub plugin_instance: Cow<'a, str>,
    #[serde(borrow, rename = "type")]
    pub kind: Cow<'a, str>,
    #[serde(borrow, default)]
    pub type_instance: Cow<'a, str>,
}

impl ValueList<'_> {
    #[must_use]
    pub fn timestamp_ms(&self) -> i64 {
        (self.time * 1_000.0).round() as i64
    }
}

/// The value lists of a body, in their order, or why one is refused.
///
/// # Errors
/// [`Reject::Malformed`] for what is no array, [`Reject::OverLimit`] past [`MAX_LISTS`]: nothing of it is to be stored.
pub fn parse(body: &[u8]) -> Result<Vec<Result<ValueList<'_>, Invalid>>, Invalid> {
    let Lists(lists) = serde_json::from_slice(body).map_err(|error| {
        Invalid::new(
            Reject::Malformed,
            format!("no array of value lists: {error}"),
        )
    })?;
    if lists.len() > MAX_LISTS {
        let text = format!("more than {MAX_LISTS} value lists in one request: lower BufferSize");
        return Err(Invalid::new(Reject::OverLimit, text));
    }
    Ok(lists.into_iter().map(read).collect())
}

fn read(list: &RawValue) -> Result<ValueList<'_>, Invalid> {
    let malformed = |text: String| Invalid::new(Reject::Malformed, text);
    let brackets = memchr::memchr2_iter(b'{', b'[', list.get().as_bytes());
    if brackets.take(MAX_NESTING + 1).count() > MAX_NESTING {
        return Err(malformed(format!("nested deeper than {MAX_NESTING}")));
    }
    let list: ValueList<'_> = match serde_json::from_str(list.get()) {
        Ok(list) => list,
        Err(_) if is_notification(list) => {
            let text = "notifications are not kept";
            return Err(Invalid::new(Reject::Unsupported, text));
        }
        Err(error) => return Err(malformed(format!("no value list: {error}"))),
    };
    let sources = list.values.len();
    if sources > MAX_SOURCES || list.dstypes.len() != sources || list.dsnames.len() != sources {
        let text =
            format!("values, dstypes and dsnames must be as many, and {MAX_SOURCES} at most");
        return Err(malformed(text));
    }
    if !TIMES_S.contains(&list.time) {
        let text = format!("{} is no time in seconds", list.time);
        return Err(Invalid::new(Reject::BadTimestamp, text));
    }
    Ok(list)
}

fn is_notification(list: &RawValue) -> bool {
    list.get().contains("\"severity\"")
}

/// Up to one more than [`MAX_LISTS`]; the others are passed over.
struct Lists<'a>(Vec<&'a RawValue>);

impl<'a> Deserialize<'a> for Lists<'a> {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        struct Items;
        impl<'a> Visitor<'a> for Items {
            type Value = Lists<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an array of value lists")
            }

            fn visit_seq<A: SeqAccess<'a>>(self, mut items: A) -> Result<Self::Value, A::Error> {
                let mut lists = Vec::new();
                while let Some(item) = items.next_element::<&RawValue>()? {
                    if lists.len() <= MAX_LISTS {
                        lists.push(item);
                    }
                }
                Ok(Lists(lists))
            }
        }
        deserializer.deserialize_seq(Items)
    }
}
