//! A payload to points: what the pickle made, read as carbon reads it. A bad point is one refusal and its neighbours
//! stand; a bad pickle has none.

use std::borrow::Cow;

use super::machine::{self, Heap};
use super::value::Value;
use crate::{Reject, graphite};

/// The points of one payload.
#[derive(Debug)]
pub struct Batch<'a> {
    points: Value<'a>,
    heap: Heap<'a>,
}

/// One measurement; the value is finite.
#[derive(Debug, Clone, PartialEq)]
pub struct Point<'a> {
    /// Lent from the payload but where protocol 0 spells it with escapes; [`graphite::series_key`] reads it.
    pub path: Cow<'a, [u8]>,
    /// `None` for `-1`, which means the time of arrival.
    pub timestamp_ms: Option<i64>,
    pub value: f64,
}

/// Reads a payload, its length left off. What follows the pickle's own end is not looked at, as in carbon.
///
/// # Errors
/// [`Reject::TooLong`] past [`super::MAX_PAYLOAD_BYTES`]; [`Reject::Unsupported`] for a pickle that names code;
/// [`Reject::OverLimit`] past a bound of its tables; [`Reject::Malformed`]. Nothing of such a payload is to be stored
/// and its connection is best closed.
pub fn parse(payload: &[u8]) -> Result<Batch<'_>, Reject> {
    if payload.len() > super::MAX_PAYLOAD_BYTES {
        return Err(Reject::TooLong);
    }
    let (points, heap) = machine::run(payload)?;
    heap.members(points).ok_or(Reject::Malformed)?;
    Ok(Batch { points, heap })
}

impl<'a> Batch<'a> {
    /// Each point in its order.
    ///
    /// Refusals: [`Reject::Malformed`] for what is no pair of a text and a pair; [`Reject::BadTimestamp`],
    /// [`Reject::BadValue`], [`Reject::NotFinite`].
    pub fn points(&self) -> impl Iterator<Item = Result<Point<'a>, Reject>> + use<'_, 'a> {
        let points = self.heap.members(self.points).unwrap_or_default();
        points.iter().map(|point| self.point(*point))
    }

    fn point(&self, point: Value<'a>) -> Result<Point<'a>, Reject> {
        let Some([Value::Text(path), measured]) = self.heap.members(point) else {
            return Err(Reject::Malformed);
        };
        let Some([timestamp, value, ..]) = self.heap.members(*measured) else {
            return Err(Reject::Malformed);
        };
        Ok(Point {
            path: path.bytes().ok_or(Reject::BadText)?,
            timestamp_ms: read_timestamp(*timestamp)?,
            value: read_value(*value)?,
        })
    }
}

fn read_timestamp(value: Value<'_>) -> Result<Option<i64>, Reject> {
    let seconds = number(value).map_err(|_| Reject::BadTimestamp)?;
    // carbon cuts the fraction off before it compares.
    if seconds.trunc() == -1.0 {
        return Ok(None);
    }
    graphite::seconds_to_ms(seconds).map(Some)
}

fn read_value(value: Value<'_>) -> Result<f64, Reject> {
    let value = number(value)?;
    if value.is_finite() {
        Ok(value)
    } else {
        Err(Reject::NotFinite)
    }
}

fn number(value: Value<'_>) -> Result<f64, Reject> {
    match value {
        Value::Number(number) => Ok(number),
        Value::Text(text) => {
            let bytes = text.bytes().ok_or(Reject::BadText)?;
            graphite::read_value(bytes.trim_ascii())
        }
        _ => Err(Reject::BadValue),
    }
}
