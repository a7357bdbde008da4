//! Reads the journal back after whatever happened. Behind each group that was synced stands a mark that says so, and
//! the next group: a bad group with anything good behind it is damage to synced bytes, reported by range, and the rest
//! is served. A bad group with nothing good behind it was never acknowledged: a torn tail, cut and counted.

use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::record::{Record, put_mark, read_all};
use super::segment::{self, GROUP_HEAD_BYTES, HEADER_BYTES, HeaderState};
use super::writer::Group;
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
pub(crate) fn replay(dir: &Path, apply: impl FnMut(u32, Record)) -> Result<Replayed, StoreError> {
    read_segments(dir, apply, true)
}

/// The same, and changes nothing.
///
/// # Errors
/// As for [`replay`].
pub(crate) fn look(dir: &Path, apply: impl FnMut(u32, Record)) -> Result<Replayed, StoreError> {
    read_segments(dir, apply, false)
}

fn read_segments(
    dir: &Path,
    mut apply: impl FnMut(u32, Record),
    mend: bool,
) -> Result<Replayed, StoreError> {
    let mut replayed = Replayed::default();
    for (number, path) in segments_in(dir)? {
        let bytes = std::fs::read(&path).map_err(StoreError::io("read", &path))?;
        let kept = replay_segment(number, &path, &bytes, &mut replayed, &mut apply)?;
        if kept.end < bytes.len() {
            replayed.torn_bytes += (bytes.len() - kept.end) as u64;
            if mend {
                cut(&path, kept.end as u64)?;
            }
        }
        let mut end = kept.end as u64;
        if mend && kept.wants_mark {
            end += mark(&path, number, end)?;
        }
        replayed.segments.push((number, end));
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

/// What stands of a segment.
struct Kept {
    end: usize,
    /// The process ended between a sync and its mark: without one, damage that comes later would pass for a torn tail.
    wants_mark: bool,
}

/// Hands over the records that can be read.
fn replay_segment(
    number: u32,
    path: &Path,
    bytes: &[u8],
    replayed: &mut Replayed,
    apply: &mut impl FnMut(u32, Record),
) -> Result<Kept, StoreError> {
    let mut damaged = |from: usize, to: usize| {
        let bytes = from as u64..to as u64;
        replayed.damage.push(Damage {
            path: path.to_owned(),
            bytes,
        });
    };
    match segment::check_header(bytes, number) {
        HeaderState::Good => {}
        HeaderState::Short => {
            return Ok(Kept {
                end: 0,
                wants_mark: false,
            });
        }
        HeaderState::Damaged => damaged(0, HEADER_BYTES),
        HeaderState::Future(found) => {
            return Err(StoreError::Format {
                dir: path.to_owned(),
                found: found.to_string(),
                known: segment::VERSION,
            });
        }
    }
    let (mut at, mut wants_mark) = (HEADER_BYTES, false);
    while at < bytes.len() {
        if let Some(payload) = segment::group_at(&bytes[at..]) {
            let records = read_all(payload);
            wants_mark = !matches!(records.as_deref(), Some([Record::Mark]));
            replayed.groups += u64::from(wants_mark);
            match records {
                Some(records) => records.into_iter().for_each(|record| apply(number, record)),
                None => damaged(at, at + GROUP_HEAD_BYTES + payload.len()),
            }
            at += GROUP_HEAD_BYTES + payload.len();
        } else if let Some(next) = segment::next_group(bytes, at + 1) {
            damaged(at, next);
            at = next;
        } else {
            break;
        }
    }
    Ok(Kept {
        end: at.min(bytes.len()),
        wants_mark,
    })
}

fn cut(path: &Path, bytes: u64) -> Result<(), StoreError> {
    let file = std::fs::OpenOptions::new().write(true).open(path);
    file.and_then(|file| {
        file.set_len(bytes)?;
        file.sync_all()
    })
    .map_err(StoreError::io("cut the torn tail of", path))
}

fn mark(path: &Path, number: u32, end: u64) -> Result<u64, StoreError> {
    let mut group = Group::default();
    put_mark(number, end, group.records());
    let bytes = group.sealed();
    let file = std::fs::OpenOptions::new().append(true).open(path);
    file.and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    })
    .map_err(StoreError::io("mark", path))?;
    Ok(bytes.len() as u64)
}
