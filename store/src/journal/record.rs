//! What a group holds: definitions of series, batches of points, series taken out, and the mark that what is before
//! it was synced. All are self-contained, so that a group can be read without the ones before it. A batch says how long
//! its points are, so that they can be passed over.

use weir_wire::varint::{Reader, put, put_bytes, put_signed};
use weir_wire::{SeriesKey, limits};

use crate::Origin;
use crate::columns::{Distribution, Points};
use crate::index::Definition;

const DEFINITION: u8 = 1;
/// Of segments of version 1: it does not say how long its points are. Read, never written.
const UNSIZED_BATCH: u8 = 2;
const MARK: u8 = 3;
const REMOVED: u8 = 4;
const BATCH: u8 = 5;
/// Of a batch's length.
const LENGTH_BYTES: usize = 4;
const AGENT_BYTES: usize = 4_096;
const HISTOGRAM_BYTES: usize = 128 << 10;
/// The least a float point takes: id, time, value.
const FLOAT_POINT_BYTES: usize = 10;

/// One record of a group.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Record<'a> {
    Definition(Definition),
    Batch {
        origin: Option<Origin>,
        points: PointBytes<'a>,
    },
    /// What is before it in the segment was synced.
    Mark,
    /// Series that were deleted.
    Removed(Vec<u32>),
}

/// A batch's points as they lie in a group: to be read, or passed over.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct PointBytes<'a>(&'a [u8]);

/// Takes points one by one, in their order.
pub(crate) trait TakePoints {
    fn float(&mut self, series: u32, time_ms: i64, value: f64);
    fn histogram(&mut self, one: Distribution);
}

pub(crate) fn put_definition(definition: &Definition, out: &mut Vec<u8>) {
    out.push(DEFINITION);
    put(out, u64::from(definition.series));
    put(out, u64::from(definition.metric));
    put_bytes(out, definition.key.as_bytes());
}

pub(crate) fn put_mark(segment: u32, offset: u64, out: &mut Vec<u8>) {
    out.push(MARK);
    out.extend_from_slice(&segment.to_le_bytes());
    out.extend_from_slice(&offset.to_le_bytes());
}

pub(crate) fn put_removed(series: impl ExactSizeIterator<Item = u32>, out: &mut Vec<u8>) {
    out.push(REMOVED);
    put(out, series.len() as u64);
    series.for_each(|one| put(out, u64::from(one)));
}

pub(crate) fn put_batch(origin: Option<&Origin>, points: &Points, out: &mut Vec<u8>) {
    out.push(BATCH);
    out.push(u8::from(origin.is_some()));
    if let Some(origin) = origin {
        put_bytes(out, origin.agent.as_bytes());
        put(out, origin.boot);
        put(out, origin.sequence);
    }
    let length_at = out.len();
    out.extend_from_slice(&[0; LENGTH_BYTES]);
    put(out, points.series.len() as u64);
    out.reserve(points.series.len() * (FLOAT_POINT_BYTES + 2));
    let (mut series, mut time) = (0_i64, 0_i64);
    let times = points.series.iter().zip(&points.times_ms);
    for ((one, at_ms), value) in times.zip(&points.values) {
        put_signed(out, i64::from(*one) - series);
        put_signed(out, at_ms.wrapping_sub(time));
        out.extend_from_slice(&value.to_le_bytes());
        (series, time) = (i64::from(*one), *at_ms);
    }
    put(out, points.histograms.len() as u64);
    for one in &points.histograms {
        put(out, u64::from(one.series));
        put_signed(out, one.timestamp_ms);
        put_bytes(out, &one.bytes);
    }
    let from = length_at + LENGTH_BYTES;
    let length = (out.len() - from) as u32;
    out[length_at..from].copy_from_slice(&length.to_le_bytes());
}

/// Reads a group's payload; `None` when it is not what these functions write. Points are passed over.
pub(crate) fn read_all(payload: &[u8]) -> Option<Vec<Record<'_>>> {
    let mut reader = Reader(payload);
    let mut records = Vec::new();
    while !reader.is_empty() {
        records.push(match reader.byte()? {
            DEFINITION => Record::Definition(read_definition(&mut reader)?),
            BATCH => read_batch(&mut reader)?,
            UNSIZED_BATCH => read_unsized_batch(&mut reader)?,
            MARK => read_mark(&mut reader)?,
            REMOVED => read_removed(&mut reader)?,
            _ => return None,
        });
    }
    Some(records)
}

/// Whether the points of every batch can be read too.
pub(crate) fn whole(records: &[Record<'_>]) -> bool {
    let mut batches = records.iter().filter_map(|record| match record {
        Record::Batch { points, .. } => Some(points),
        _ => None,
    });
    batches.all(|points| points.read(&mut Nobody).is_some())
}

impl PointBytes<'_> {
    /// Hands over every point; `None` when the bytes are not what [`put_batch`] writes, with some handed over by then.
    pub(crate) fn read(&self, to: &mut impl TakePoints) -> Option<()> {
        let mut reader = Reader(self.0);
        read_points(&mut reader, to)?;
        reader.is_empty().then_some(())
    }
}

/// Wants no point, only to know whether they can be read.
struct Nobody;

impl TakePoints for Nobody {
    fn float(&mut self, _: u32, _: i64, _: f64) {}
    fn histogram(&mut self, _: Distribution) {}
}

fn read_definition(r: &mut Reader<'_>) -> Option<Definition> {
    Some(Definition {
        series: u32::try_from(r.unsigned()?).ok()?,
        metric: u32::try_from(r.unsigned()?).ok()?,
        key: SeriesKey::from_bytes(r.bytes(limits::KEY_BYTES)?).ok()?,
    })
}

fn read_batch<'a>(r: &mut Reader<'a>) -> Option<Record<'a>> {
    let origin = read_origin(r)?;
    let length = u32::from_le_bytes(r.array()?) as usize;
    let points = PointBytes(r.take(length)?);
    Some(Record::Batch { origin, points })
}

/// Where its points end is known only once they were read.
fn read_unsized_batch<'a>(r: &mut Reader<'a>) -> Option<Record<'a>> {
    let origin = read_origin(r)?;
    let from = r.0;
    read_points(r, &mut Nobody)?;
    let points = PointBytes(&from[..from.len() - r.0.len()]);
    Some(Record::Batch { origin, points })
}

/// Of the batch: `Some(None)` for one without.
fn read_origin(r: &mut Reader<'_>) -> Option<Option<Origin>> {
    Some(match r.byte()? {
        0 => None,
        _ => Some(Origin {
            agent: r.text(AGENT_BYTES)?.to_owned(),
            boot: r.unsigned()?,
            sequence: r.unsigned()?,
        }),
    })
}

fn read_points(r: &mut Reader<'_>, to: &mut impl TakePoints) -> Option<()> {
    let (mut series, mut time) = (0_i64, 0_i64);
    for _ in 0..r.bounded(r.0.len() / FLOAT_POINT_BYTES)? {
        series = series.checked_add(signed(r)?)?;
        time = time.wrapping_add(signed(r)?);
        let value = f64::from_le_bytes(r.array()?);
        to.float(u32::try_from(series).ok()?, time, value);
    }
    for _ in 0..r.bounded(r.0.len())? {
        to.histogram(Distribution {
            series: u32::try_from(r.unsigned()?).ok()?,
            timestamp_ms: r.signed()?,
            bytes: r.bytes(HISTOGRAM_BYTES)?.into(),
        });
    }
    Some(())
}

/// As [`Reader::signed`], quick for the one byte that nearly all steps take.
#[inline]
fn signed(r: &mut Reader<'_>) -> Option<i64> {
    match *r.0 {
        [raw @ 0..0x80, ref rest @ ..] => {
            r.0 = rest;
            Some(i64::from(raw >> 1) ^ -i64::from(raw & 1))
        }
        _ => r.signed(),
    }
}

fn read_mark<'a>(r: &mut Reader<'a>) -> Option<Record<'a>> {
    let _segment: [u8; 4] = r.array()?;
    let _offset: [u8; 8] = r.array()?;
    Some(Record::Mark)
}

fn read_removed<'a>(r: &mut Reader<'a>) -> Option<Record<'a>> {
    let mut series = Vec::new();
    for _ in 0..r.bounded(r.0.len())? {
        series.push(u32::try_from(r.unsigned()?).ok()?);
    }
    Some(Record::Removed(series))
}
