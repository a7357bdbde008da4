//! A segment's bytes: a header, then records. Finds its way past what is damaged: bad bytes with a good record behind them
//! are damage, bad bytes with none are a torn tail. Pure: reads memory, and reports.

use std::ops::Range;

use weir_wire::varint::Reader;

use super::record::{self, MAGIC, Record};

const SEGMENT_MAGIC: [u8; 8] = *b"WEIRSPOL";
/// The version written here, and the newest that is read.
pub(super) const VERSION: u32 = 1;
pub(super) const HEADER_BYTES: usize = 24;
/// How many times its own length a segment may cost to find good records behind bad ones.
const SEARCH_TIMES: usize = 16;

/// Why a segment is not read at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SegmentError {
    #[error("its header is damaged")]
    Header,
    #[error("it is of version {0}, and only versions to {VERSION} are read here; update the agent")]
    Version(u32),
}

/// What a segment holds.
#[derive(Debug)]
pub struct Segment<'a> {
    /// What its records' sequences count within; with the agent's name it makes them unlike all others.
    pub run: u64,
    /// Records and where they end, in their order.
    pub records: Vec<(Record<'a>, usize)>,
    /// Bad bytes with a good record behind them.
    pub damaged: Vec<Range<usize>>,
    /// Bad bytes at the end.
    pub torn_bytes: usize,
}

/// `"WEIRSPOL", version u32, run u64, crc32c u32` of what stands before it.
pub(super) fn header(run: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEADER_BYTES);
    out.extend_from_slice(&SEGMENT_MAGIC);
    out.extend_from_slice(&VERSION.to_le_bytes());
    out.extend_from_slice(&run.to_le_bytes());
    out.extend_from_slice(&crc32c::crc32c(&out).to_le_bytes());
    out
}

/// Reads a whole segment.
///
/// # Errors
/// Where nothing of it can be read; whatever else is wrong is in the answer.
pub fn read(bytes: &[u8]) -> Result<Segment<'_>, SegmentError> {
    let run = read_header(bytes)?;
    let mut segment = Segment {
        run,
        records: Vec::new(),
        damaged: Vec::new(),
        torn_bytes: 0,
    };
    let mut left = bytes.len().saturating_mul(SEARCH_TIMES);
    let mut at = HEADER_BYTES;
    while at < bytes.len() {
        if let Some((record, taken)) = record::decode(&bytes[at..]) {
            at += taken;
            segment.records.push((record, at));
            continue;
        }
        match next_good(bytes, at + 1, &mut left) {
            Some(good) => {
                segment.damaged.push(at..good);
                at = good;
            }
            None => {
                segment.torn_bytes = bytes.len() - at;
                break;
            }
        }
    }
    Ok(segment)
}

fn read_header(bytes: &[u8]) -> Result<u64, SegmentError> {
    let read = || {
        let mut reader = Reader(bytes.get(..HEADER_BYTES)?);
        let magic: [u8; 8] = reader.array()?;
        let version = u32::from_le_bytes(reader.array()?);
        let run = u64::from_le_bytes(reader.array()?);
        let sum = u32::from_le_bytes(reader.array()?);
        Some((magic, version, run, sum))
    };
    let (magic, version, run, sum) = read().ok_or(SegmentError::Header)?;
    if magic == SEGMENT_MAGIC && version > VERSION {
        return Err(SegmentError::Version(version));
    }
    let is_whole = magic == SEGMENT_MAGIC
        && version == VERSION
        && crc32c::crc32c(&bytes[..HEADER_BYTES - 4]) == sum;
    is_whole.then_some(run).ok_or(SegmentError::Header)
}

/// Where the next good record begins. `left` bounds the work: bytes that look like many long records must not cost a
/// look at the rest of the segment each.
fn next_good(bytes: &[u8], from: usize, left: &mut usize) -> Option<usize> {
    let starts = bytes.get(from..)?.windows(MAGIC.len()).enumerate();
    for (at, _) in starts.filter(|(_, window)| *window == MAGIC) {
        let rest = &bytes[from + at..];
        let length = rest.get(4..8).map_or(0, |length| {
            length
                .iter()
                .rev()
                .fold(0, |all, byte| all << 8 | usize::from(*byte))
        });
        *left = left.checked_sub(length.min(rest.len()) + MAGIC.len())?;
        if record::decode(rest).is_some() {
            return Some(from + at);
        }
    }
    None
}
