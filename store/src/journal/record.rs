//! What a group holds: definitions of series, batches of points, series taken out, and the mark that what is before
//! it was synced. All are self-contained, so that a group can be read without the ones before it. A batch says how long
//! its points are, so that they can be passed over.

use weir_wire::varint::{Reader, put, put_bytes, put_signed};
use weir_wire::{KeyRef, KeyRun, SeriesKey, limits, put_labels, put_name};

use super::columns;
use crate::Origin;
use crate::columns::{Distribution, Points};
use crate::index::{Definition, DefinitionRun};

/// Read, never written.
const DEFINITION: u8 = 1;
/// Of segments of version 1: it does not say how long its points are. Read, never written.
const UNSIZED_BATCH: u8 = 2;
const MARK: u8 = 3;
const REMOVED: u8 = 4;
/// Point by point. Read, never written.
const BATCH: u8 = 5;
const COLUMNS: u8 = 6;
const DEFINITIONS: u8 = 7;
/// Series in one record of definitions.
pub(crate) const DEFINED_TOGETHER: usize = 4_096;
/// The least a series takes there: its metric, and a name of one byte with its length.
const DEFINED_BYTES: usize = 3;
const LABEL_BYTES_ABOUT: usize = 128;
/// Of a batch's length.
const LENGTH_BYTES: usize = 4;
const AGENT_BYTES: usize = 4_096;
const HISTOGRAM_BYTES: usize = 128 << 10;
/// The least a float point takes: id, time, value.
const FLOAT_POINT_BYTES: usize = 10;

/// One record of a group, without its points.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Record {
    Definition(Definition),
    Batch {
        origin: Option<Origin>,
    },
    /// What is before it in the segment was synced.
    Mark,
    /// Series that were deleted.
    Removed(Vec<u32>),
}

/// A batch's points as they lie in a group: to be read, or passed over.
struct PointBytes<'a>(&'a [u8]);

/// Takes points one by one, in their order.
pub(crate) trait TakePoints {
    fn float(&mut self, series: u32, time_ms: i64, value: f64);
    fn histogram(&mut self, one: Distribution);
}

/// The labels stand once, in the canonical form of a key's.
pub(crate) fn put_definitions(run: &DefinitionRun<'_>, out: &mut Vec<u8>) {
    out.push(DEFINITIONS);
    let start = begin_length(out);
    put(out, u64::from(run.first));
    put(out, run.members.len() as u64);
    let mut labels = Vec::with_capacity(LABEL_BYTES_ABOUT);
    put_labels(run.labels.iter().copied(), &mut labels);
    put_bytes(out, &labels);
    for (metric, name) in &run.members {
        put(out, u64::from(*metric));
        put_bytes(out, name.as_bytes());
    }
    end_length(start, out);
}

fn begin_length(out: &mut Vec<u8>) -> usize {
    out.extend_from_slice(&[0; LENGTH_BYTES]);
    out.len()
}

fn end_length(start: usize, out: &mut [u8]) {
    let length = (out.len() - start) as u32;
    out[start - LENGTH_BYTES..start].copy_from_slice(&length.to_le_bytes());
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
    out.push(COLUMNS);
    out.push(u8::from(origin.is_some()));
    if let Some(origin) = origin {
        put_bytes(out, origin.agent.as_bytes());
        put(out, origin.boot);
        put(out, origin.sequence);
    }
    let start = begin_length(out);
    columns::put_floats(points, out);
    put(out, points.histograms.len() as u64);
    for one in &points.histograms {
        put(out, u64::from(one.series));
        put_signed(out, one.timestamp_ms);
        put_bytes(out, &one.bytes);
    }
    end_length(start, out);
}

/// Reads a group's payload but for its points; `None` when it is not what these functions write.
pub(crate) fn read_all(payload: &[u8]) -> Option<Vec<Record>> {
    let mut reader = Reader(payload);
    let mut records = Vec::new();
    while !reader.is_empty() {
        let kind = reader.byte()?;
        records.push(match kind {
            DEFINITIONS => {
                read_definitions(&mut reader, &mut records)?;
                continue;
            }
            DEFINITION => Record::Definition(read_definition(&mut reader)?),
            COLUMNS | BATCH | UNSIZED_BATCH => {
                let origin = read_origin(&mut reader)?;
                point_bytes(kind, &mut reader)?;
                Record::Batch { origin }
            }
            MARK => read_mark(&mut reader)?,
            REMOVED => read_removed(&mut reader)?,
            _ => return None,
        });
    }
    Some(records)
}

/// Hands over the points of a group and passes over all else; `None` when it is not what these functions write, with
/// some handed over by then.
pub(crate) fn read_points(payload: &[u8], to: &mut impl TakePoints) -> Option<()> {
    let mut reader = Reader(payload);
    while !reader.is_empty() {
        match reader.byte()? {
            DEFINITIONS => {
                let length = u32::from_le_bytes(reader.array()?) as usize;
                reader.take(length)?;
            }
            DEFINITION => pass_definition(&mut reader)?,
            kind @ (COLUMNS | BATCH | UNSIZED_BATCH) => {
                read_origin(&mut reader)?;
                let mut points = Reader(point_bytes(kind, &mut reader)?.0);
                read_point_list(kind, &mut points, to)?;
                points.is_empty().then_some(())?;
            }
            MARK => drop(read_mark(&mut reader)?),
            REMOVED => drop(read_removed(&mut reader)?),
            _ => return None,
        }
    }
    Some(())
}

/// Whether the points of a group can be read too.
pub(crate) fn whole(payload: &[u8]) -> bool {
    read_points(payload, &mut Nobody).is_some()
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

fn pass_definition(r: &mut Reader<'_>) -> Option<()> {
    let (_series, _metric) = (r.unsigned()?, r.unsigned()?);
    r.bytes(limits::KEY_BYTES).map(drop)
}

fn read_definitions(r: &mut Reader<'_>, records: &mut Vec<Record>) -> Option<()> {
    let length = u32::from_le_bytes(r.array()?) as usize;
    let mut r = Reader(r.take(length)?);
    let first = u32::try_from(r.unsigned()?).ok()?;
    let count = r.bounded(DEFINED_TOGETHER.min(r.0.len() / DEFINED_BYTES))?;
    first.checked_add(count as u32)?;
    let labels = r.bytes(limits::KEY_BYTES)?;
    let (mut keys, mut key) = (KeyRun::default(), Vec::new());
    for series in first..first + count as u32 {
        let metric = u32::try_from(r.unsigned()?).ok()?;
        let name = r.text(limits::NAME_BYTES)?;
        key.clear();
        put_name(name, &mut key);
        key.extend_from_slice(labels);
        // Only the first is checked in whole: see there.
        keys.push_bytes(&key).ok()?;
        records.push(Record::Definition(Definition {
            series,
            metric,
            key: keys.last().map(KeyRef::to_key)?,
        }));
    }
    r.is_empty().then_some(())
}

/// Behind an origin. Without a length, where points end is known only once they were read.
fn point_bytes<'a>(kind: u8, r: &mut Reader<'a>) -> Option<PointBytes<'a>> {
    if kind != UNSIZED_BATCH {
        let length = u32::from_le_bytes(r.array()?) as usize;
        return r.take(length).map(PointBytes);
    }
    let from = r.0;
    read_point_list(UNSIZED_BATCH, r, &mut Nobody)?;
    Some(PointBytes(&from[..from.len() - r.0.len()]))
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

fn read_point_list(kind: u8, r: &mut Reader<'_>, to: &mut impl TakePoints) -> Option<()> {
    if kind == COLUMNS {
        columns::read_floats(r, to)?;
    } else {
        read_rows(r, to)?;
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

/// Floats point by point, as they were before they were in columns.
fn read_rows(r: &mut Reader<'_>, to: &mut impl TakePoints) -> Option<()> {
    let (mut series, mut time) = (0_i64, 0_i64);
    for _ in 0..r.bounded(r.0.len() / FLOAT_POINT_BYTES)? {
        series = series.checked_add(signed(r)?)?;
        time = time.wrapping_add(signed(r)?);
        let value = f64::from_le_bytes(r.array()?);
        to.float(u32::try_from(series).ok()?, time, value);
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

fn read_mark(r: &mut Reader<'_>) -> Option<Record> {
    let _segment: [u8; 4] = r.array()?;
    let _offset: [u8; 8] = r.array()?;
    Some(Record::Mark)
}

fn read_removed(r: &mut Reader<'_>) -> Option<Record> {
    let mut series = Vec::new();
    for _ in 0..r.bounded(r.0.len())? {
        series.push(u32::try_from(r.unsigned()?).ok()?);
    }
    Some(Record::Removed(series))
}
