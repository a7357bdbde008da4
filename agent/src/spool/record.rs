//! A record: one batch, complete in itself, with its length, checksum and sequence. Bytes in docs/format/spool.md. Pure:
//! what is written and what is read, no files.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use weir_wire::frame::{self, Dictionary, Frame, MAX_FRAME_BYTES};
use weir_wire::varint::Reader;
use weir_wire::{Sample, SeriesKey, Value};

pub(super) const MAGIC: [u8; 4] = *b"WREC";
/// Magic, length and checksum.
const HEAD_BYTES: usize = 12;
/// Sequence, time, points, and the frame's length: they stand before the body, and the length counts them.
const FIXED_BYTES: usize = 24;
/// A frame and its head, as much as deflate may make of it.
const MOST_BYTES: usize = MAX_FRAME_BYTES + (64 << 10);

/// What stands before the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    pub sequence: u64,
    /// When it was queued, by the host's clock.
    pub taken_ms: i64,
    pub points: u32,
    frame_bytes: u32,
}

/// A record in its place.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    pub head: Head,
    body: &'a [u8],
}

/// Appends a batch as a record.
pub(super) fn encode(
    sequence: u64,
    taken_ms: i64,
    points: &[(SeriesKey, Sample)],
    out: &mut Vec<u8>,
) {
    let frame = frame_of(sequence, points);
    let start = out.len();
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&[0; HEAD_BYTES - MAGIC.len()]);
    out.extend_from_slice(&sequence.to_le_bytes());
    out.extend_from_slice(&taken_ms.to_le_bytes());
    out.extend_from_slice(&(points.len() as u32).to_le_bytes());
    out.extend_from_slice(&(frame.len() as u32).to_le_bytes());
    let mut deflate = DeflateEncoder::new(&mut *out, Compression::fast());
    // Memory takes everything.
    let _ = deflate
        .write_all(&frame)
        .and_then(|()| deflate.finish().map(drop));
    let length = (out.len() - start - HEAD_BYTES) as u32;
    let sum = crc32c::crc32c(&out[start + HEAD_BYTES..]);
    out[start + 4..start + 8].copy_from_slice(&length.to_le_bytes());
    out[start + 8..start + HEAD_BYTES].copy_from_slice(&sum.to_le_bytes());
}

/// Takes a record off the front: it and how many bytes it has; `None` where there is no whole and undamaged one.
pub(super) fn decode(bytes: &[u8]) -> Option<(Record<'_>, usize)> {
    let mut reader = Reader(bytes);
    if reader.array() != Some(MAGIC) {
        return None;
    }
    let length = u32::from_le_bytes(reader.array()?) as usize;
    let sum = u32::from_le_bytes(reader.array()?);
    if !(FIXED_BYTES..=FIXED_BYTES + MOST_BYTES).contains(&length) {
        return None;
    }
    let rest = reader.take(length)?;
    if crc32c::crc32c(rest) != sum {
        return None;
    }
    let mut reader = Reader(rest);
    let head = Head {
        sequence: u64::from_le_bytes(reader.array()?),
        taken_ms: i64::from_le_bytes(reader.array()?),
        points: u32::from_le_bytes(reader.array()?),
        frame_bytes: u32::from_le_bytes(reader.array()?),
    };
    let record = Record {
        head,
        body: reader.0,
    };
    Some((record, HEAD_BYTES + length))
}

impl Record<'_> {
    /// As it lies in its segment.
    #[must_use]
    pub fn bytes(&self) -> usize {
        HEAD_BYTES + FIXED_BYTES + self.body.len()
    }

    /// The batch's points; `None` where the body is not what the head says it is.
    #[must_use]
    pub fn points(&self) -> Option<Vec<(SeriesKey, Sample)>> {
        let said = self.head.frame_bytes as usize;
        if said > MOST_BYTES {
            return None;
        }
        let mut frame = Vec::new();
        // One byte more would be noticed below: it is never unpacked further than it said.
        let mut deflate = DeflateDecoder::new(self.body).take(said as u64 + 1);
        deflate.read_to_end(&mut frame).ok()?;
        let (Frame::Batch(batch), taken) = frame::decode(&frame).ok()?? else {
            return None;
        };
        let points = points_of(&batch)?;
        let is_as_said = taken == said
            && frame.len() == said
            && batch.sequence == self.head.sequence
            && points.len() == self.head.points as usize;
        is_as_said.then_some(points)
    }
}

fn frame_of(sequence: u64, points: &[(SeriesKey, Sample)]) -> Vec<u8> {
    let mut batch = frame::Batch::with_capacity(sequence, points.len());
    let mut dictionary = Dictionary::default();
    for (key, sample) in points {
        let (id, is_new) = dictionary.id(key);
        if is_new {
            batch.introduce(id, key.borrowed());
        }
        batch.push(id, sample);
    }
    let mut bytes = Vec::new();
    frame::encode(&Frame::Batch(batch), &mut bytes);
    bytes
}

/// Floats first, then histograms: as they lie in a frame.
fn points_of(batch: &frame::Batch) -> Option<Vec<(SeriesKey, Sample)>> {
    let keys: Vec<SeriesKey> = batch.new_series.iter().map(|key| key.to_key()).collect();
    let key = |id: u32| keys.get(id.checked_sub(batch.first_id)? as usize).cloned();
    let floats = batch.floats.iter();
    let floats = floats.map(|(id, at_ms, value)| (id, at_ms, Value::Float(value)));
    let histograms = batch.histograms.iter().map(|one| {
        let value = Value::Histogram(std::sync::Arc::clone(&one.histogram));
        (one.series, one.timestamp_ms, value)
    });
    let all = floats.chain(histograms);
    all.map(|(id, timestamp_ms, value)| {
        let sample = Sample {
            timestamp_ms,
            value,
        };
        Some((key(id)?, sample))
    })
    .collect()
}
