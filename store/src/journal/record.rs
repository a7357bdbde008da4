//! What a group holds: definitions of series, and batches of points. Both are self-contained, so that a group
//! can be read without the ones before it.

use std::sync::Arc;

use weir_wire::varint::{Reader, put, put_bytes, put_signed};
use weir_wire::{Histogram, Sample, SeriesKey, Value, limits};

use crate::index::Definition;
use crate::{Origin, Point, SeriesId};

const DEFINITION: u8 = 1;
const BATCH: u8 = 2;
const AGENT_BYTES: usize = 4_096;
const HISTOGRAM_BYTES: usize = 128 << 10;
/// The least a float point takes: id, time, value.
const FLOAT_POINT_BYTES: usize = 10;

/// One record of a group.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Record {
    Definition(Definition),
    Batch {
        origin: Option<Origin>,
        points: Vec<Point>,
    },
}

pub(crate) fn put_definition(definition: &Definition, out: &mut Vec<u8>) {
    out.push(DEFINITION);
    put(out, u64::from(definition.series));
    put(out, u64::from(definition.metric));
    put_bytes(out, definition.key.as_bytes());
}

pub(crate) fn put_batch(origin: Option<&Origin>, points: &[Point], out: &mut Vec<u8>) {
    out.push(BATCH);
    out.push(u8::from(origin.is_some()));
    if let Some(origin) = origin {
        put_bytes(out, origin.agent.as_bytes());
        put(out, origin.boot);
        put(out, origin.sequence);
    }
    let floats = points
        .iter()
        .filter(|p| matches!(p.sample.value, Value::Float(_)));
    let count = floats.clone().count();
    put(out, count as u64);
    let (mut series, mut time) = (0_i64, 0_i64);
    for point in floats {
        put_signed(out, i64::from(point.series.0) - series);
        put_signed(out, point.sample.timestamp_ms.wrapping_sub(time));
        if let Value::Float(value) = point.sample.value {
            out.extend_from_slice(&value.to_le_bytes());
        }
        (series, time) = (i64::from(point.series.0), point.sample.timestamp_ms);
    }
    put(out, (points.len() - count) as u64);
    put_histograms(points, out);
}

fn put_histograms(points: &[Point], out: &mut Vec<u8>) {
    let mut bytes = Vec::new();
    for point in points {
        if let Value::Histogram(histogram) = &point.sample.value {
            put(out, u64::from(point.series.0));
            put_signed(out, point.sample.timestamp_ms);
            bytes.clear();
            histogram.encode(&mut bytes);
            put_bytes(out, &bytes);
        }
    }
}

/// Reads a group's payload; `None` when it is not what these functions write.
pub(crate) fn read_all(payload: &[u8]) -> Option<Vec<Record>> {
    let mut reader = Reader(payload);
    let mut records = Vec::new();
    while !reader.is_empty() {
        records.push(match reader.byte()? {
            DEFINITION => Record::Definition(read_definition(&mut reader)?),
            BATCH => read_batch(&mut reader)?,
            _ => return None,
        });
    }
    Some(records)
}

fn read_definition(r: &mut Reader<'_>) -> Option<Definition> {
    Some(Definition {
        series: u32::try_from(r.unsigned()?).ok()?,
        metric: u32::try_from(r.unsigned()?).ok()?,
        key: SeriesKey::from_bytes(r.bytes(limits::KEY_BYTES)?).ok()?,
    })
}

fn read_batch(r: &mut Reader<'_>) -> Option<Record> {
    let origin = match r.byte()? {
        0 => None,
        _ => Some(Origin {
            agent: r.text(AGENT_BYTES)?.to_owned(),
            boot: r.unsigned()?,
            sequence: r.unsigned()?,
        }),
    };
    let mut points = Vec::new();
    let (mut series, mut time) = (0_i64, 0_i64);
    for _ in 0..r.bounded(r.0.len() / FLOAT_POINT_BYTES)? {
        series = series.checked_add(r.signed()?)?;
        time = time.wrapping_add(r.signed()?);
        let value = Value::Float(f64::from_le_bytes(r.array()?));
        points.push(point(u32::try_from(series).ok()?, time, value));
    }
    for _ in 0..r.bounded(r.0.len())? {
        let series = u32::try_from(r.unsigned()?).ok()?;
        let time = r.signed()?;
        let histogram = Histogram::decode(r.bytes(HISTOGRAM_BYTES)?).ok()?;
        points.push(point(series, time, Value::Histogram(Arc::new(histogram))));
    }
    Some(Record::Batch { origin, points })
}

fn point(series: u32, timestamp_ms: i64, value: Value) -> Point {
    Point {
        series: SeriesId(series),
        sample: Sample {
            timestamp_ms,
            value,
        },
    }
}
