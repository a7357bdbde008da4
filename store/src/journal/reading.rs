//! Segments into memory, on a thread ahead of who wants them: which of their bytes are whole groups, and which are bad.
//! Says nothing of what that means, and changes nothing.

use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, sync_channel};

use super::segment::{self, GROUP_HEAD_BYTES, HEADER_BYTES, HeaderState, Sums};
use crate::StoreError;

/// A segment in memory.
pub(super) struct Segment {
    pub(super) number: u32,
    pub(super) path: PathBuf,
    pub(super) header: HeaderState,
    /// Behind the last whole group; 0 where not even the header is whole.
    pub(super) end: usize,
    /// Bytes before the end that belong to no whole group.
    pub(super) bad: Vec<Range<usize>>,
    bytes: Vec<u8>,
    /// Where the payloads of whole groups are.
    groups: Vec<Range<usize>>,
}

impl Segment {
    /// The memory, to be used again.
    pub(super) fn into_place(self) -> Vec<u8> {
        self.bytes
    }

    /// All its bytes, those behind the end too.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The payloads of whole groups, and the bytes that each group takes.
    pub(super) fn groups(&self) -> impl Iterator<Item = (&[u8], Range<usize>)> {
        self.groups.iter().map(|payload| {
            let bytes = payload.start - GROUP_HEAD_BYTES..payload.end;
            (&self.bytes[payload.clone()], bytes)
        })
    }
}

/// Reads segment after segment, in the order asked for, on a thread of its own, which gives what `make` makes of each to
/// `take`, until one of them wants no more. Of what was made no more than `ahead` waits. Memory that comes back by
/// `places` is used again: it costs no page faults.
///
/// # Errors
/// The first file that cannot be read, and what `take` refuses.
pub(super) fn each_segment<T: Send>(
    asked: &[(u32, PathBuf)],
    ahead: usize,
    places: Receiver<Vec<u8>>,
    make: impl Fn(Segment, &mut dyn FnMut(T) -> bool) -> bool + Send,
    mut take: impl FnMut(T) -> Result<bool, StoreError>,
) -> Result<(), StoreError> {
    std::thread::scope(|scope| {
        let (made, inbox) = sync_channel(ahead);
        scope.spawn(move || {
            for (number, path) in asked {
                let place = places.try_recv().unwrap_or_default();
                let going = match read(*number, path, place) {
                    Ok(segment) => make(segment, &mut |one| made.send(Ok(one)).is_ok()),
                    Err(error) => made.send(Err(error)).is_ok(),
                };
                if !going {
                    return;
                }
            }
        });
        for one in inbox {
            if !take(one?)? {
                break;
            }
        }
        Ok(())
    })
}

fn read(number: u32, path: &Path, mut bytes: Vec<u8>) -> Result<Segment, StoreError> {
    bytes.clear();
    File::open(path)
        .and_then(|mut file| file.read_to_end(&mut bytes))
        .map_err(StoreError::io("read", path))?;
    let mut segment = Segment {
        number,
        path: path.to_owned(),
        header: segment::check_header(&bytes, number),
        end: 0,
        bad: Vec::new(),
        bytes,
        groups: Vec::new(),
    };
    if segment.header != HeaderState::Short {
        segment.find_groups();
    }
    Ok(segment)
}

impl Segment {
    fn find_groups(&mut self) {
        if self.header == HeaderState::Damaged {
            self.bad.push(0..HEADER_BYTES);
        }
        let (mut at, mut sums) = (HEADER_BYTES, Sums::default());
        while at < self.bytes.len() {
            if let Some(payload) = segment::group_at(&self.bytes[at..]) {
                let from = at + GROUP_HEAD_BYTES;
                at = from + payload.len();
                self.groups.push(from..at);
            } else if let Some(next) = segment::next_group(&self.bytes, at + 1, &mut sums) {
                self.bad.push(at..next);
                at = next;
            } else {
                break;
            }
        }
        self.end = at.min(self.bytes.len());
    }
}
