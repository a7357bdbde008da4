//! A batch's floats in the journal: runs of series that follow each other, runs of one time, and the values as they are.
//! A host's batch takes eight bytes a point and hardly more, and is copied rather than encoded.

use weir_wire::varint::{Reader, put, put_signed};

use crate::columns::Points;

const VALUE_BYTES: usize = size_of::<f64>();

pub(super) fn put_floats(points: &Points, out: &mut Vec<u8>) {
    let floats = points.values.len();
    put(out, floats as u64);
    out.reserve(floats * VALUE_BYTES);
    put_series(&points.series, out);
    put_times(&points.times_ms, out);
    let start = out.len();
    out.resize(start + floats * VALUE_BYTES, 0);
    let places = out[start..].as_chunks_mut().0.iter_mut();
    for (place, value) in places.zip(&points.values) {
        *place = value.to_le_bytes();
    }
}

/// Each run: the step from one past the last series to its first, and how many follow the first.
fn put_series(series: &[u32], out: &mut Vec<u8>) {
    let mut expected = 0;
    for run in series.chunk_by(|one, next| one.checked_add(1) == Some(*next)) {
        let first = i64::from(run[0]);
        put_signed(out, first - expected);
        put(out, run.len() as u64 - 1);
        expected = first + run.len() as i64;
    }
}

/// Each run: the step from the last time, and how many more are of the same.
fn put_times(times_ms: &[i64], out: &mut Vec<u8>) {
    let mut last = 0_i64;
    for run in times_ms.chunk_by(|one, next| one == next) {
        put_signed(out, run[0].wrapping_sub(last));
        put(out, run.len() as u64 - 1);
        last = run[0];
    }
}

pub(super) fn read_floats(r: &mut Reader<'_>) -> Option<Points> {
    let count = r.bounded(r.0.len() / VALUE_BYTES)?;
    let mut points = Points::with_capacity(count);
    let mut expected = 0_i64;
    while points.series.len() < count {
        let first = u32::try_from(expected.checked_add(r.signed()?)?).ok()?;
        let more = r.bounded(count - points.series.len() - 1)?;
        let last = first.checked_add(u32::try_from(more).ok()?)?;
        points.series.extend(first..=last);
        expected = i64::from(last) + 1;
    }
    let mut at_ms = 0_i64;
    while points.times_ms.len() < count {
        at_ms = at_ms.wrapping_add(r.signed()?);
        let more = r.bounded(count - points.times_ms.len() - 1)?;
        let times = points.times_ms.len() + more + 1;
        points.times_ms.resize(times, at_ms);
    }
    let values = r.take(count * VALUE_BYTES)?.as_chunks().0.iter();
    points
        .values
        .extend(values.map(|bytes| f64::from_le_bytes(*bytes)));
    Some(points)
}
