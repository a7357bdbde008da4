//! A segment file: its name, its header, and the frame around each group.

use std::path::{Path, PathBuf};

pub(crate) const HEADER_BYTES: usize = 24;
pub(crate) const GROUP_HEAD_BYTES: usize = 16;
/// A group's payload at most; a length above it is no length.
pub(crate) const MAX_GROUP_BYTES: usize = 64 << 20;
const MAGIC: &[u8; 8] = b"WEIRJRNL";
const GROUP_MAGIC: [u8; 4] = *b"WGRP";
/// What is written. Read too: version 1, whose batches do not say how long they are, 2, which says nothing of the
/// segment before, and 3, which no list names.
pub(crate) const VERSION: u32 = 4;
const OLDEST_VERSION: u32 = 1;
/// The first with the size of the segment before.
const SIZED_VERSION: u32 = 3;
/// Numbers above it are no segment's: as many could be written as nobody will write.
pub(crate) const MAX_NUMBER: u32 = u32::MAX - (1 << 24);

/// `00000042.journal`
pub(crate) fn path(dir: &Path, number: u32) -> PathBuf {
    dir.join(format!("{number:08}.journal"))
}

/// The number in a segment's file name.
pub(crate) fn number_of(path: &Path) -> Option<u32> {
    if path.extension()? != "journal" {
        return None;
    }
    let stem = path.file_stem()?.to_str()?;
    // Two names of one number would be two segments of it.
    let number = stem.parse().ok();
    number.filter(|number| format!("{number:08}") == stem)
}

/// `magic [8], version u32 LE, number u32 LE, before u32 LE, crc32c u32 LE of what is before it`. `before` is how many
/// bytes the segment of the number before was closed with; 0 where that is not known, or it was none.
pub(crate) fn header(number: u32, before: Option<u64>) -> [u8; HEADER_BYTES] {
    let before = before.and_then(|bytes| u32::try_from(bytes).ok());
    header_of(VERSION, number, before.unwrap_or(0))
}

/// How many bytes the segment before was closed with, if a good header says so.
pub(crate) fn bytes_before(header: &[u8], number: u32) -> Option<u64> {
    if check_header(header, number) != HeaderState::Good {
        return None;
    }
    let before = u32::from_le_bytes(header[16..20].try_into().ok()?);
    (before > 0).then_some(u64::from(before))
}

fn header_of(version: u32, number: u32, before: u32) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    header[..8].copy_from_slice(MAGIC);
    header[8..12].copy_from_slice(&version.to_le_bytes());
    header[12..16].copy_from_slice(&number.to_le_bytes());
    header[16..20].copy_from_slice(&before.to_le_bytes());
    let sum = crc32c::crc32c(&header[..20]);
    header[20..].copy_from_slice(&sum.to_le_bytes());
    header
}

/// What a segment's first bytes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum HeaderState {
    Good,
    /// Nothing or too little was written before a crash.
    Short,
    Damaged,
    Future(u32),
}

pub(crate) fn check_header(bytes: &[u8], number: u32) -> HeaderState {
    let Some(found) = bytes.get(..HEADER_BYTES) else {
        return HeaderState::Short;
    };
    let before = u32::from_le_bytes([found[16], found[17], found[18], found[19]]);
    let good = |version| {
        (version >= SIZED_VERSION || before == 0) && found == header_of(version, number, before)
    };
    if (OLDEST_VERSION..=VERSION).any(good) {
        return HeaderState::Good;
    }
    let version = u32::from_le_bytes([found[8], found[9], found[10], found[11]]);
    let sum = u32::from_le_bytes([found[20], found[21], found[22], found[23]]);
    if &found[..8] == MAGIC && crc32c::crc32c(&found[..20]) == sum && version > VERSION {
        return HeaderState::Future(version);
    }
    HeaderState::Damaged
}

/// Puts a group's frame before its payload: `"WGRP", length u32 LE, crc32c u32 LE of length and payload, zero u32`.
pub(crate) fn group_head(payload: &[u8]) -> [u8; GROUP_HEAD_BYTES] {
    let length = (payload.len() as u32).to_le_bytes();
    let mut head = [0; GROUP_HEAD_BYTES];
    head[..4].copy_from_slice(&GROUP_MAGIC);
    head[4..8].copy_from_slice(&length);
    let sum = crc32c::crc32c_append(crc32c::crc32c(&length), payload);
    head[8..12].copy_from_slice(&sum.to_le_bytes());
    head
}

/// The payload of the whole, undamaged group at the front of `bytes`.
pub(crate) fn group_at(bytes: &[u8]) -> Option<&[u8]> {
    let (head, rest) = bytes.split_first_chunk::<GROUP_HEAD_BYTES>()?;
    let length = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
    if length > MAX_GROUP_BYTES {
        return None;
    }
    let payload = rest.get(..length)?;
    (group_head(payload) == *head).then_some(payload)
}

/// The sums of a segment's beginnings, a step apart: what is between two places is summed from them in no time. Values
/// are anybody's, and may be full of what looks like heads of long groups.
#[derive(Default)]
pub(crate) struct Sums(Vec<u32>);

/// Bytes from sum to sum.
const SUM_STEP: usize = 512;

impl Sums {
    fn until(&mut self, bytes: &[u8], end: usize) -> u32 {
        if self.0.is_empty() {
            self.0.push(0);
            for step in bytes.chunks(SUM_STEP) {
                let last = self.0.last().copied().unwrap_or(0);
                self.0.push(crc32c::crc32c_append(last, step));
            }
        }
        let step = end / SUM_STEP;
        crc32c::crc32c_append(self.0[step], &bytes[step * SUM_STEP..end])
    }

    /// As [`group_at`] at a place, without the payload.
    fn has_group(&mut self, bytes: &[u8], at: usize) -> bool {
        let Some((head, rest)) = bytes[at..].split_first_chunk::<GROUP_HEAD_BYTES>() else {
            return false;
        };
        let number =
            |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let length = number(4) as usize;
        if length > MAX_GROUP_BYTES || length > rest.len() || number(12) != 0 {
            return false;
        }
        let from = at + GROUP_HEAD_BYTES;
        let before = crc32c::crc32c_combine(self.until(bytes, from), 0, length);
        let payload = self.until(bytes, from + length) ^ before;
        crc32c::crc32c_combine(crc32c::crc32c(&head[4..8]), payload, length) == number(8)
    }
}

/// Where the next undamaged group starts, at or after `from`. `sums` are those of `bytes`, and empty at first.
pub(crate) fn next_group(bytes: &[u8], from: usize, sums: &mut Sums) -> Option<usize> {
    let mut at = from;
    while let Some(rest) = bytes.get(at..) {
        let step = rest.windows(4).position(|four| four == GROUP_MAGIC)?;
        if sums.has_group(bytes, at + step) {
            return Some(at + step);
        }
        at += step + 1;
    }
    None
}
