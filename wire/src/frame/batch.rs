//! A batch's body: the series that are new to the session, then columns of floats, then histograms.
//! Columns compress by delta: consecutive points tend to be consecutive series at one time. They are read into the
//! columns they stay in until they are on disk.

use std::sync::Arc;

use super::message::{Batch, Distribution, Floats};
use crate::series::limits::KEY_BYTES;
use crate::varint::{Reader, put, put_bytes, put_signed};
use crate::{Histogram, KeyRun};

const HISTOGRAM_BYTES: usize = 128 << 10;
/// The least a point takes: one byte of id, one of time, and a value of eight.
const FLOAT_POINT_BYTES: usize = 10;
/// Steps read at once where they are all the same: a host's series follow each other, and are of one time.
const ALIKE: usize = 8;
/// Room made ahead for each new series' key.
const KEY_BYTES_ABOUT: usize = 64;

pub(super) fn put_batch(batch: &Batch, out: &mut Vec<u8>) {
    put(out, batch.sequence);
    put_series(batch, out);
    put_floats(&batch.floats, out);
    put(out, batch.histograms.len() as u64);
    put_histograms(&batch.histograms, out);
}

fn put_series(batch: &Batch, out: &mut Vec<u8>) {
    put(out, batch.new_series.len() as u64);
    put(out, u64::from(batch.first_id));
    for key in batch.new_series.iter() {
        put_bytes(out, key.as_bytes());
    }
}

/// Ids, then times, each as the step from the one before, then values.
fn put_floats(floats: &Floats, out: &mut Vec<u8>) {
    put(out, floats.values.len() as u64);
    let mut last = 0;
    for series in &floats.series {
        put_signed(out, i64::from(*series) - last);
        last = i64::from(*series);
    }
    let mut last = 0_i64;
    for timestamp_ms in &floats.times_ms {
        put_signed(out, timestamp_ms.wrapping_sub(last));
        last = *timestamp_ms;
    }
    for value in &floats.values {
        out.extend_from_slice(&value.to_le_bytes());
    }
}

fn put_histograms(histograms: &[Distribution], out: &mut Vec<u8>) {
    let mut bytes = Vec::new();
    for one in histograms {
        put(out, u64::from(one.series));
        put_signed(out, one.timestamp_ms);
        bytes.clear();
        one.histogram.encode(&mut bytes);
        put_bytes(out, &bytes);
    }
}

pub(super) fn read_batch(r: &mut Reader<'_>) -> Option<Batch> {
    let sequence = r.unsigned()?;
    let (first_id, new_series) = read_series(r)?;
    let floats = read_floats(r)?;
    let mut histograms = Vec::new();
    for _ in 0..r.bounded(r.0.len())? {
        histograms.push(read_histogram(r)?);
    }
    Some(Batch {
        sequence,
        first_id,
        new_series,
        floats,
        histograms,
    })
}

fn read_series(r: &mut Reader<'_>) -> Option<(u32, KeyRun)> {
    let count = r.bounded(r.0.len())?;
    let first = u32::try_from(r.unsigned()?).ok()?;
    first.checked_add(u32::try_from(count).ok()?)?;
    let bytes = r.0.len().min(count.saturating_mul(KEY_BYTES_ABOUT));
    let mut series = KeyRun::with_capacity(count, bytes);
    for _ in 0..count {
        series.push_bytes(r.bytes(KEY_BYTES)?).ok()?;
    }
    Some((first, series))
}

fn read_floats(r: &mut Reader<'_>) -> Option<Floats> {
    let count = r.bounded(r.0.len() / FLOAT_POINT_BYTES)?;
    let mut series = Vec::with_capacity(count);
    let mut id = 0_i64;
    while series.len() < count {
        let (step, times) = read_steps(r, count - series.len())?;
        // The last of these steps that are alike goes furthest: if it is an id, all are.
        let last = id.checked_add(step.checked_mul(times as i64)?)?;
        if times > 1 {
            u32::try_from(id + step).ok()?;
        }
        u32::try_from(last).ok()?;
        series.extend((1..=times as i64).map(|n| (id + step * n) as u32));
        id = last;
    }
    let mut times_ms = Vec::with_capacity(count);
    let mut timestamp_ms = 0_i64;
    while times_ms.len() < count {
        let (step, times) = read_steps(r, count - times_ms.len())?;
        for _ in 0..times {
            timestamp_ms = timestamp_ms.wrapping_add(step);
            times_ms.push(timestamp_ms);
        }
    }
    let values = r.take(count.checked_mul(size_of::<f64>())?)?;
    let values = values.as_chunks().0.iter();
    Some(Floats {
        series,
        times_ms,
        values: values.map(|bytes| f64::from_le_bytes(*bytes)).collect(),
    })
}

/// The next step, and how many times it is there in a row as far as that is seen at once, at most `most`.
#[inline]
fn read_steps(r: &mut Reader<'_>, most: usize) -> Option<(i64, usize)> {
    if most >= ALIKE
        && let Some(bytes) = r.0.first_chunk::<ALIKE>()
        && bytes[0] < 0x80
        && *bytes == [bytes[0]; ALIKE]
    {
        r.0 = &r.0[ALIKE..];
        let raw = i64::from(bytes[0]);
        return Some(((raw >> 1) ^ -(raw & 1), ALIKE));
    }
    Some((r.signed()?, 1))
}

fn read_histogram(r: &mut Reader<'_>) -> Option<Distribution> {
    let series = u32::try_from(r.unsigned()?).ok()?;
    let timestamp_ms = r.signed()?;
    let histogram = Histogram::decode(r.bytes(HISTOGRAM_BYTES)?).ok()?;
    Some(Distribution {
        series,
        timestamp_ms,
        histogram: Arc::new(histogram),
    })
}
