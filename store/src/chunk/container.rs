//! What is around the samples: version and sections (docs/format/chunk.md, "Chunk"). Hands out sections with their heads
//! read; what a section holds is for [`floats`](super::floats) and [`histograms`](super::histograms), and the checksum
//! is the pack's.

use weir_wire::varint::{self, Reader};

use super::ChunkError;
use super::times::Head;

/// The most samples in one section: it bounds what a head can make a reader allocate.
pub(super) const MAX_SAMPLES: usize = 65_535;
/// The most sections in one chunk: together 16.7 million samples, more than four hours of one a millisecond.
pub(super) const MAX_SECTIONS: usize = 256;

pub(super) const VERSION: u8 = 2;
const VERSION_BITS: u8 = 0x0f;
const EMPTY: u8 = 0x00;
const MANY: u8 = 0x30;

/// What a section holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Floats = 0x10,
    Histograms = 0x20,
}

/// A section whose head was read, and the bytes behind the head.
#[derive(Debug, Clone, Copy)]
pub(super) struct Section<'a> {
    pub(super) kind: Kind,
    pub(super) head: Head,
    pub(super) rest: Reader<'a>,
}

/// Appends a chunk; `write` appends section by section what [`Kind`] it says.
///
/// # Panics
/// On more than [`MAX_SECTIONS`].
pub(super) fn write<S>(
    sections: &[(Kind, S)],
    mut write: impl FnMut(&S, &mut Vec<u8>),
    out: &mut Vec<u8>,
) {
    assert!(
        sections.len() <= MAX_SECTIONS,
        "too many samples for one chunk"
    );
    match sections {
        [] => out.push(VERSION | EMPTY),
        [(kind, only)] => {
            out.push(VERSION | *kind as u8);
            write(only, out);
        }
        many => {
            out.push(VERSION | MANY);
            let mut bytes = Vec::new();
            for (kind, section) in many {
                bytes.clear();
                write(section, &mut bytes);
                out.push(*kind as u8);
                varint::put_bytes(out, &bytes);
            }
        }
    }
}

/// The sections of a chunk, one after the other; only their heads are read.
#[derive(Debug)]
pub(super) enum Sections<'a> {
    None,
    One(Kind, &'a [u8]),
    Many { left: usize, rest: Reader<'a> },
}

impl<'a> Sections<'a> {
    /// # Errors
    /// Too few bytes; a version from the future.
    pub(super) fn open(bytes: &'a [u8]) -> Result<Self, ChunkError> {
        check_version(bytes)?;
        let damaged = ChunkError::Damaged { what: "head" };
        let (&first, rest) = bytes.split_first().ok_or(damaged.clone())?;
        match (first & !VERSION_BITS, rest) {
            (EMPTY, []) => Ok(Self::None),
            (MANY, _) => Ok(Self::Many {
                left: MAX_SECTIONS,
                rest: Reader(rest),
            }),
            (kind, _) => Ok(Self::One(Kind::read(kind).ok_or(damaged)?, rest)),
        }
    }
}

impl<'a> Iterator for Sections<'a> {
    type Item = Result<Section<'a>, ChunkError>;

    fn next(&mut self) -> Option<Self::Item> {
        let (kind, bytes) = match self {
            Self::None => return None,
            Self::One(kind, bytes) => {
                let one = (*kind, *bytes);
                *self = Self::None;
                one
            }
            Self::Many { rest, .. } if rest.is_empty() => return None,
            Self::Many { left, rest } => match next_of_many(left, rest) {
                Some(next) => next,
                None => {
                    *self = Self::None;
                    return Some(Err(ChunkError::Damaged { what: "sections" }));
                }
            },
        };
        Some(Section::open(kind, bytes))
    }
}

fn next_of_many<'a>(left: &mut usize, rest: &mut Reader<'a>) -> Option<(Kind, &'a [u8])> {
    *left = left.checked_sub(1)?;
    let kind = Kind::read(rest.byte()?)?;
    Some((kind, rest.bytes(rest.0.len())?))
}

impl Kind {
    fn read(byte: u8) -> Option<Self> {
        [Self::Floats, Self::Histograms]
            .into_iter()
            .find(|&kind| kind as u8 == byte)
    }
}

impl<'a> Section<'a> {
    fn open(kind: Kind, bytes: &'a [u8]) -> Result<Self, ChunkError> {
        let mut rest = Reader(bytes);
        let head = Head::read(&mut rest)?;
        Ok(Self { kind, head, rest })
    }

    /// To be called behind the last sample.
    ///
    /// # Errors
    /// Bytes are left.
    pub(super) fn finish(self) -> Result<(), ChunkError> {
        let what = "bytes after the samples";
        self.rest
            .is_empty()
            .then_some(())
            .ok_or(ChunkError::Damaged { what })
    }
}

fn check_version(bytes: &[u8]) -> Result<(), ChunkError> {
    let what = "too short";
    let first = bytes.first().ok_or(ChunkError::Damaged { what })?;
    let (found, known) = (first & VERSION_BITS, VERSION);
    if found == known {
        Ok(())
    } else {
        Err(ChunkError::Version { found, known })
    }
}
