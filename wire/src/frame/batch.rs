//! A batch's body: the series that are new to the session, then columns of floats, then histograms.
//! Columns compress by delta: consecutive points tend to be consecutive series at one time.

use std::sync::Arc;

use super::message::{Batch, Point};
use crate::series::limits::KEY_BYTES;
use crate::varint::{Reader, put, put_bytes, put_signed};
use crate::{Histogram, Sample, SeriesKey, Value};

const HISTOGRAM_BYTES: usize = 128 << 10;
/// The least a point takes: one byte of id, one of time, and a value of eight.
const FLOAT_POINT_BYTES: usize = 10;

pub(super) fn put_batch(batch: &Batch, out: &mut Vec<u8>) {
    put(out, batch.sequence);
    put_series(&batch.new_series, out);
    let floats = |p: &Point| match p.sample.value {
        Value::Float(value) => Some((p.series, p.sample.timestamp_ms, value)),
        Value::Histogram(_) => None,
    };
    let count = batch.points.iter().filter_map(floats).count();
    put(out, count as u64);
    put_positions(
        batch
            .points
            .iter()
            .filter_map(floats)
            .map(|(s, t, _)| (s, t)),
        out,
    );
    for (_, _, value) in batch.points.iter().filter_map(floats) {
        out.extend_from_slice(&value.to_le_bytes());
    }
    put(out, (batch.points.len() - count) as u64);
    put_histograms(&batch.points, out);
}

fn put_series(new_series: &[(u32, SeriesKey)], out: &mut Vec<u8>) {
    put(out, new_series.len() as u64);
    put(out, new_series.first().map_or(0, |(id, _)| u64::from(*id)));
    for (_, key) in new_series {
        put_bytes(out, key.as_bytes());
    }
}

/// Ids, then times, each as the step from the one before.
fn put_positions(points: impl Iterator<Item = (u32, i64)> + Clone, out: &mut Vec<u8>) {
    let mut last = 0;
    for (series, _) in points.clone() {
        put_signed(out, i64::from(series) - last);
        last = i64::from(series);
    }
    let mut last = 0_i64;
    for (_, timestamp_ms) in points {
        put_signed(out, timestamp_ms.wrapping_sub(last));
        last = timestamp_ms;
    }
}

fn put_histograms(points: &[Point], out: &mut Vec<u8>) {
    let mut bytes = Vec::new();
    for point in points {
        let Value::Histogram(histogram) = &point.sample.value else {
            continue;
        };
        put(out, u64::from(point.series));
        put_signed(out, point.sample.timestamp_ms);
        bytes.clear();
        histogram.encode(&mut bytes);
        put_bytes(out, &bytes);
    }
}

pub(super) fn read_batch(r: &mut Reader<'_>) -> Option<Batch> {
    let sequence = r.unsigned()?;
    let new_series = read_series(r)?;
    let mut points = read_floats(r)?;
    let histograms = r.bounded(r.0.len())?;
    for _ in 0..histograms {
        points.push(read_histogram(r)?);
    }
    Some(Batch {
        sequence,
        new_series,
        points,
    })
}

fn read_series(r: &mut Reader<'_>) -> Option<Vec<(u32, SeriesKey)>> {
    let count = r.bounded(r.0.len())?;
    let first = u32::try_from(r.unsigned()?).ok()?;
    let mut series = Vec::new();
    for i in 0..count {
        let id = first.checked_add(u32::try_from(i).ok()?)?;
        series.push((id, SeriesKey::from_bytes(r.bytes(KEY_BYTES)?).ok()?));
    }
    Some(series)
}

fn read_floats(r: &mut Reader<'_>) -> Option<Vec<Point>> {
    let count = r.bounded(r.0.len() / FLOAT_POINT_BYTES)?;
    let mut points = Vec::with_capacity(count);
    let mut series = 0_i64;
    for _ in 0..count {
        series = series.checked_add(r.signed()?)?;
        points.push(Point {
            series: u32::try_from(series).ok()?,
            sample: Sample {
                timestamp_ms: 0,
                value: Value::Float(0.0),
            },
        });
    }
    let mut timestamp_ms = 0_i64;
    for point in &mut points {
        timestamp_ms = timestamp_ms.wrapping_add(r.signed()?);
        point.sample.timestamp_ms = timestamp_ms;
    }
    for point in &mut points {
        point.sample.value = Value::Float(f64::from_le_bytes(r.array()?));
    }
    Some(points)
}

fn read_histogram(r: &mut Reader<'_>) -> Option<Point> {
    let series = u32::try_from(r.unsigned()?).ok()?;
    let timestamp_ms = r.signed()?;
    let histogram = Histogram::decode(r.bytes(HISTOGRAM_BYTES)?).ok()?;
    Some(Point {
        series,
        sample: Sample {
            timestamp_ms,
            value: Value::Histogram(Arc::new(histogram)),
        },
    })
}
