//! Reading packs: the checksum first, then chunk by chunk, none of them copied before somebody wants it.

use weir_wire::varint::Reader;

use super::{
    CRC_BYTES, FORM_BITS, MAX_MEMBERS, PackError, Place, SAME_TIMES, TIMES, VERSION, WHOLE,
};
use crate::chunk;

/// A pack whose checksum is right.
#[derive(Debug)]
pub(crate) struct Pack<'a> {
    left: usize,
    last: Place,
    directory: Reader<'a>,
    bodies: &'a [u8],
    times: &'a [u8],
}

/// One chunk in a pack.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Member<'a> {
    pub(crate) place: Place,
    body: Body<'a>,
}

#[derive(Debug, Clone, Copy)]
enum Body<'a> {
    Whole(&'a [u8]),
    Floats { times: &'a [u8], values: &'a [u8] },
}

impl<'a> Pack<'a> {
    /// # Errors
    /// Any damage; a version from the future.
    pub(crate) fn open(bytes: &'a [u8]) -> Result<Self, PackError> {
        let damaged = |what| PackError::Damaged { what };
        match bytes.first() {
            None => return Err(damaged("too short")),
            Some(&found) if found != VERSION => return Err(PackError::Version { found }),
            Some(_) => {}
        }
        let split: Option<(&[u8], &[u8; CRC_BYTES])> = bytes.split_last_chunk();
        let (body, crc) = split.ok_or(damaged("too short"))?;
        if crc32c::crc32c(body) != u32::from_le_bytes(*crc) {
            return Err(damaged("checksum"));
        }
        let mut reader = Reader(&body[1..]);
        let head = (
            reader.bounded(MAX_MEMBERS),
            reader.bytes(reader.0.len()).map(Reader),
        );
        let (Some(left), Some(directory)) = head else {
            return Err(damaged("head"));
        };
        Ok(Self {
            left,
            last: Place::default(),
            directory,
            bodies: reader.0,
            times: &[],
        })
    }

    fn member(&mut self) -> Option<Member<'a>> {
        let step = u32::try_from(self.directory.unsigned()?).ok()?;
        let series = u32::try_from(self.directory.unsigned()?).ok()?;
        let from = if step == 0 { self.last.1 } else { 0 };
        self.last = (self.last.0.checked_add(step)?, series.checked_add(from)?);
        let length_and_form = self.directory.unsigned()?;
        let form = length_and_form & ((1 << FORM_BITS) - 1);
        let length = usize::try_from(length_and_form >> FORM_BITS).ok()?;
        let times = match form {
            TIMES => Some(self.directory.bounded(length)?),
            _ => None,
        };
        let (bytes, rest) = self.bodies.split_at_checked(length)?;
        self.bodies = rest;
        let body = match (form, times) {
            (WHOLE, _) => Body::Whole(bytes),
            (TIMES, Some(times)) => {
                let (times, values) = bytes.split_at_checked(times)?;
                self.times = times;
                Body::Floats { times, values }
            }
            (SAME_TIMES, _) if !self.times.is_empty() => Body::Floats {
                times: self.times,
                values: bytes,
            },
            _ => return None,
        };
        Some(Member {
            place: self.last,
            body,
        })
    }
}

impl<'a> Iterator for Pack<'a> {
    type Item = Result<Member<'a>, PackError>;

    /// Chunks in the order of their places.
    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        self.left -= 1;
        let member = self.member();
        if member.is_none() {
            self.left = 0;
        }
        Some(member.ok_or(PackError::Damaged { what: "directory" }))
    }
}

impl<'a> Member<'a> {
    /// The chunk's bytes; `scratch` is where they are put together if they must be.
    pub(crate) fn chunk<'s>(&self, scratch: &'s mut Vec<u8>) -> &'s [u8]
    where
        'a: 's,
    {
        match self.body {
            Body::Whole(bytes) => bytes,
            Body::Floats { times, values } => {
                scratch.clear();
                scratch.extend_from_slice(&chunk::FLOATS_HEAD);
                scratch.extend_from_slice(times);
                scratch.extend_from_slice(values);
                scratch
            }
        }
    }

    pub(super) fn floats(&self) -> Option<(&'a [u8], &'a [u8])> {
        match self.body {
            Body::Whole(_) => None,
            Body::Floats { times, values } => Some((times, values)),
        }
    }

    pub(super) fn whole(&self) -> &'a [u8] {
        match self.body {
            Body::Whole(bytes) => bytes,
            Body::Floats { .. } => &[],
        }
    }
}
