//! A pack: the chunks of several series in one entry of a table, under one checksum, as docs/format/pack.md describes.
//! What the series of a window share is written once: most of the key, and the times of those that were sampled
//! together. Pure: no files, no RocksDB, no clock.

mod read;
#[cfg(test)]
mod tests;
mod write;

pub(crate) use read::{Member, Pack};
pub(crate) use write::Packing;

use crate::index::MetricId;

/// Where a chunk lies within a window: by metric, then by series.
pub(crate) type Place = (MetricId, u32);

const VERSION: u8 = 1;
const CRC_BYTES: usize = 4;
/// The most chunks of a pack.
const MAX_MEMBERS: usize = 128;
/// A pack is closed from so many bytes of chunks on: reading one series reads all of its pack.
const FULL_BYTES: usize = 4 << 10;

/// How a chunk stands among the bodies.
const WHOLE: u64 = 0;
/// Floats: times, then values.
const TIMES: u64 = 1;
/// Floats at the times of the last one before that has its own: values.
const SAME_TIMES: u64 = 2;
const FORM_BITS: u32 = 2;

/// Why bytes are not a pack that can be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PackError {
    #[error("pack format {found} is not {VERSION}: read it with the version of weir that wrote it")]
    Version { found: u8 },
    #[error("pack is damaged ({what}): restore it from a backup or drop it")]
    Damaged { what: &'static str },
}
