//! Reads the journal back after whatever happened. A bad group with no good one behind it is a torn tail: cut and
//! counted. Since each group is written only after the one before was synced, a bad group with a good one behind it
//! is damage to synced bytes: reported by range, and the rest is served.

use std::ops::Range;
use std::path::{Path, PathBuf};

use super::record::{Record, read_all};
use super::segment::{self, GROUP_HEAD_BYTES, HEADER_BYTES, HeaderState};
use crate::StoreError;

/// Bytes below the synced offset that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Damage {
    pub(crate) path: PathBuf,
    pub(crate) bytes: Range<u64>,
}

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Replayed {
    /// The segments that are there, ascending, with their sizes.
    pub(crate) segments: Vec<(u32, u64)>,
    pub(crate) groups: u64,
    pub(crate) torn_bytes: u64,
    pub(crate) damage: Vec<Damage>,
}

/// Hands every record of every segment to `apply`, oldest first.
///
/// # Errors
/// Files that cannot be read, and a segment of a version from the future. Damage is no error.
pub(crate) fn replay(
    dir: &Path,
    mut apply: impl FnMut(u32, Record),
) -> Result<Replayed, StoreError> {
    let mut replayed = Replayed::default();
    for (number, path) in segments_in(dir)? {
        let bytes = std::fs::read(&path).map_err(StoreError::io("read", &path))?;
        let kept = replay_segment(number, &path, &bytes, &mut replayed, &mut apply)?;
        if kept < bytes.len() {
            replayed.torn_bytes += (bytes.len() - kept) as u64;
            cut(&path, kept as u64)?;
        }
        replayed.segments.push((number, kept as u64));
    }
    Ok(replayed)
}

fn segments_in(dir: &Path) -> Result<Vec<(u32, PathBuf)>, StoreError> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(StoreError::io("list", dir))? {
        let path = entry.map_err(StoreError::io("list", dir))?.path();
        found.extend(segment::number_of(&path).map(|number| (number, path)));
    }
    found.sort();
    Ok(found)
}

/// Gives back how many bytes of the segment stand.
fn replay_segment(
    number: u32,
    path: &Path,
    bytes: &[u8],
    replayed: &mut Replayed,
    apply: &mut impl FnMut(u32, Record),
) -> Result<usize, StoreError> {
    let mut damaged = |from: usize, to: usize| {
        let bytes = from as u64..to as u64;
        replayed.damage.push(Damage {
            path: path.to_owned(),
            bytes,
        });
    };
    match segment::check_header(bytes, number) {
        HeaderState::Good => {}
        HeaderState::Short => return Ok(0),
        HeaderState::Damaged => damaged(0, HEADER_BYTES),
        HeaderState::Future(found) => {
            return Err(StoreError::Format {
                dir: path.to_owned(),
                found: found.to_string(),
                known: 1,
            });
        }
    }
    let mut at = HEADER_BYTES;
    while at < bytes.len() {
        if let Some(payload) = segment::group_at(&bytes[at..]) {
            match read_all(payload) {
                Some(records) => records.into_iter().for_each(|record| apply(number, record)),
                None => damaged(at, at + GROUP_HEAD_BYTES + payload.len()),
            }
            replayed.groups += 1;
            at += GROUP_HEAD_BYTES + payload.len();
        } else if let Some(next) = segment::next_group(bytes, at + 1) {
            damaged(at, next);
            at = next;
        } else {
            break;
        }
    }
    Ok(at.min(bytes.len()))
}

fn cut(path: &Path, bytes: u64) -> Result<(), StoreError> {
    let file = std::fs::OpenOptions::new().write(true).open(path);
    file.and_then(|file| {
        file.set_len(bytes)?;
        file.sync_all()
    })
    .map_err(StoreError::io("cut the torn tail of", path))
}
