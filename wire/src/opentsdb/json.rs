//! The body of `POST /api/put`: one datapoint or an array of them. Each is kept as it stood until it is asked for, so a
//! bad one costs no neighbour and can be repeated in the answer. Nothing here descends by calling itself: depth is
//! passed over.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::{Fault, Identity, Rules, name, number};
use crate::{Reject, SeriesKey};

/// More datapoints in one body are refused.
pub const MAX_DATAPOINTS: usize = 100_000;

/// More objects and arrays in one datapoint, whatever their order, are refused as too deep.
pub const MAX_NESTING: usize = 64;

/// Why a body has no datapoints at all.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    #[error("Missing request content")]
    Empty,
    #[error("No datapoints found in content")]
    NoDatapoints,
    #[error("more than {MAX_DATAPOINTS} datapoints in one request: send them in several")]
    TooMany,
    #[error("Unable to parse the given JSON: {0}")]
    Json(#[source] serde_json::Error),
}

impl BodyError {
    /// The cause as counted.
    #[must_use]
    pub fn reject(&self) -> Reject {
        match self {
            BodyError::TooMany => Reject::OverLimit,
            BodyError::Empty | BodyError::NoDatapoints | BodyError::Json(_) => Reject::Malformed,
        }
    }
}

/// One datapoint of a body, not yet read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Datapoint<'a> {
    json: &'a str,
}

/// The numbers of a datapoint, and what names its series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct JsonPut<'a> {
    /// JSON, as it stood; [`json_series_key`] reads it.
    pub identity: Identity<'a>,
    pub timestamp_ms: i64,
    /// Finite.
    pub value: f64,
}

/// The datapoints of a body.
///
/// # Errors
/// A [`BodyError`]; nothing of the body is to be stored.
pub fn datapoints(body: &[u8]) -> Result<Vec<Datapoint<'_>>, BodyError> {
    let body = body.trim_ascii();
    if body.is_empty() {
        return Err(BodyError::Empty);
    }
    if body[0] == b'{' {
        let one: &RawValue = serde_json::from_slice(body).map_err(BodyError::Json)?;
        return Ok(vec![Datapoint { json: one.get() }]);
    }
    let Datapoints(datapoints) = serde_json::from_slice(body).map_err(BodyError::Json)?;
    match datapoints.len() {
        0 => Err(BodyError::NoDatapoints),
        1..=MAX_DATAPOINTS => Ok(datapoints),
        _ => Err(BodyError::TooMany),
    }
}

impl<'a> Datapoint<'a> {
    /// The datapoint as it was sent, for the answer's `details`.
    #[must_use]
    pub fn json(&self) -> &'a str {
        self.json
    }

    /// Reads its numbers; unknown members are passed over. Values and timestamps may be numbers or numeric strings.
    ///
    /// # Errors
    /// The first that is wrong of metric, timestamp, value and tags; [`Fault::details`] is for the answer.
    pub fn read(&self, rules: Rules) -> Result<JsonPut<'a>, Fault> {
        let brackets = memchr::memchr2_iter(b'{', b'[', self.json.as_bytes());
        if brackets.take(MAX_NESTING + 1).count() > MAX_NESTING {
            let message = format!("nested deeper than {MAX_NESTING}");
            return Err(Fault::argument(Reject::Malformed, message));
        }
        // An array would be taken for members by their order.
        let members: Members<'a> = Some(self.json)
            .filter(|json| json.starts_with('{'))
            .and_then(|json| serde_json::from_str(json).ok())
            .ok_or_else(unreadable)?;
        let metric = members.metric.map_or("\"\"", RawValue::get);
        if metric == "\"\"" {
            return Err(Fault::argument(Reject::BadName, "Metric name was empty"));
        }
        let timestamp_ms = read_timestamp(members.timestamp)?;
        let value = match members.value.map(scalar) {
            None => Cow::Borrowed(""),
            Some(text) => text.ok_or_else(unreadable)?,
        };
        if value.is_empty() {
            return Err(Fault::argument(Reject::BadValue, "Empty value"));
        }
        let value = number::read_value(value.as_bytes())?;
        let tags = members.tags.map_or("{}", RawValue::get);
        if rules.require_tags && is_empty_object(tags) {
            return Err(Fault::argument(Reject::BadLabels, "Missing tags"));
        }
        Ok(JsonPut {
            identity: Identity {
                metric: metric.as_bytes(),
                tags: tags.as_bytes(),
            },
            timestamp_ms,
            value,
        })
    }
}

/// The series that a [`JsonPut`] names.
///
/// # Errors
/// As [`super::series_key`]; also tags that are no object of texts, numbers and booleans, or a name given twice.
pub fn json_series_key(identity: Identity<'_>) -> Result<SeriesKey, Fault> {
    let metric: &RawValue = serde_json::from_slice(identity.metric).map_err(|_| unreadable())?;
    let metric = scalar(metric).ok_or_else(unreadable)?;
    let Tags(tags) = serde_json::from_slice(identity.tags).map_err(|_| unreadable())?;
    let mut pairs = Vec::with_capacity(tags.len());
    for (key, value) in tags {
        let value = scalar(value).ok_or_else(unreadable)?;
        if pairs.iter().any(|(other, _)| *other == key) {
            let message = format!("duplicate tag: {}", super::error::shown(key.as_bytes()));
            return Err(Fault::argument(Reject::BadLabels, message));
        }
        pairs.push((key, value));
    }
    let pairs: Vec<(&str, &str)> = pairs
        .iter()
        .map(|(k, v)| (k.as_str(), v.as_ref()))
        .collect();
    name::checked(&metric, &pairs)
}

fn read_timestamp(json: Option<&RawValue>) -> Result<i64, Fault> {
    let invalid = || Fault::argument(Reject::BadTimestamp, "Invalid timestamp");
    let text = json.and_then(scalar).ok_or_else(invalid)?;
    number::read_timestamp(text.as_bytes()).map_err(|fault| {
        // What looks like another unit is worth more words than OpenTSDB has.
        if fault.message.starts_with("bad timestamp") {
            fault
        } else {
            invalid()
        }
    })
}

fn unreadable() -> Fault {
    Fault::argument(Reject::Malformed, "Unable to parse the given JSON")
}

fn is_empty_object(json: &str) -> bool {
    let inner = json
        .strip_prefix('{')
        .and_then(|json| json.strip_suffix('}'));
    inner.is_some_and(|inner| inner.trim_ascii().is_empty())
}

/// The text of a string, a number or a boolean; `None` for anything deeper, and for null.
fn scalar(json: &RawValue) -> Option<Cow<'_, str>> {
    match json.get().as_bytes().first()? {
        b'"' => serde_json::from_str(json.get()).ok().map(Cow::Owned),
        b'[' | b'{' | b'n' => None,
        _ => Some(Cow::Borrowed(json.get())),
    }
}

#[derive(Deserialize)]
struct Members<'a> {
    #[serde(borrow, default)]
    metric: Option<&'a RawValue>,
    #[serde(borrow, default)]
    timestamp: Option<&'a RawValue>,
    #[serde(borrow, default)]
    value: Option<&'a RawValue>,
    #[serde(borrow, default)]
    tags: Option<&'a RawValue>,
}

/// Up to one more than [`MAX_DATAPOINTS`]; the others are passed over.
struct Datapoints<'a>(Vec<Datapoint<'a>>);

impl<'a> Deserialize<'a> for Datapoints<'a> {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        struct Items;
        impl<'a> Visitor<'a> for Items {
            type Value = Datapoints<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a datapoint or an array of datapoints")
            }

            fn visit_seq<A: SeqAccess<'a>>(self, mut items: A) -> Result<Self::Value, A::Error> {
                let mut datapoints = Vec::new();
                while let Some(item) = items.next_element::<&RawValue>()? {
                    if datapoints.len() <= MAX_DATAPOINTS {
                        datapoints.push(Datapoint { json: item.get() });
                    }
                }
                Ok(Datapoints(datapoints))
            }
        }
        deserializer.deserialize_seq(Items)
    }
}

/// Names and values in their order, one more than fit a series at most.
struct Tags<'a>(Vec<(String, &'a RawValue)>);

impl<'a> Deserialize<'a> for Tags<'a> {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'a> Visitor<'a> for Pairs {
            type Value = Tags<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of tags")
            }

            fn visit_map<A: MapAccess<'a>>(self, mut pairs: A) -> Result<Self::Value, A::Error> {
                let mut tags = Vec::new();
                while let Some(pair) = pairs.next_entry()? {
                    if tags.len() <= crate::limits::LABELS {
                        tags.push(pair);
                    }
                }
                Ok(Tags(tags))
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}
