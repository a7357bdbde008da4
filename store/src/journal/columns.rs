//! A batch's floats in the journal: runs of series that follow each other, runs of one time, and the values as they are.
//! A host's batch takes eight bytes a point and hardly more, and is copied rather than encoded.

use weir_wire::varint::{Reader, put, put_signed};

use super::record::TakePoints;
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

/// Hands over the floats; `None` for bytes that [`put_floats`] does not write, with some handed over by then.
pub(super) fn read_floats(r: &mut Reader<'_>, to: &mut impl TakePoints) -> Option<()> {
    let count = r.bounded(r.0.len() / VALUE_BYTES)?;
    let mut series = Series(Runs::of(count, *r));
    series.0.pass(r)?;
    let mut times = Times(Runs::of(count, *r));
    times.0.pass(r)?;
    for value in r.take(count * VALUE_BYTES)?.as_chunks().0 {
        to.float(series.next()?, times.next()?, f64::from_le_bytes(*value));
    }
    Some(())
}

/// A column of runs: `step, more` for each.
struct Runs<'a> {
    count: usize,
    /// What the run's first is counted from.
    from: i64,
    /// Of the run that is being read.
    left: u64,
    reader: Reader<'a>,
}

impl<'a> Runs<'a> {
    fn of(count: usize, reader: Reader<'a>) -> Self {
        Self {
            count,
            from: 0,
            left: 0,
            reader,
        }
    }

    /// Leaves the reader behind the column.
    fn pass(&self, r: &mut Reader<'_>) -> Option<()> {
        let mut left = self.count;
        while left > 0 {
            r.signed()?;
            left -= r.bounded(left - 1)? + 1;
        }
        Some(())
    }

    #[cold]
    fn begin(&mut self) -> Option<i64> {
        let step = self.reader.signed()?;
        self.left = self.reader.unsigned()?.checked_add(1)?;
        Some(step)
    }
}

struct Series<'a>(Runs<'a>);

impl Series<'_> {
    #[inline]
    fn next(&mut self) -> Option<u32> {
        if self.0.left == 0 {
            self.0.from = self.0.begin()?.checked_add(self.0.from)?;
        }
        self.0.left -= 1;
        let one = u32::try_from(self.0.from).ok()?;
        self.0.from += 1;
        Some(one)
    }
}

struct Times<'a>(Runs<'a>);

impl Times<'_> {
    #[inline]
    fn next(&mut self) -> Option<i64> {
        if self.0.left == 0 {
            self.0.from = self.0.begin()?.wrapping_add(self.0.from);
        }
        self.0.left -= 1;
        Some(self.0.from)
    }
}
