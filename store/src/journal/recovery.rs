//! Looks at the journal after whatever happened. Behind each group that was synced stands a mark that says so, and
//! the next group: a bad group with anything good behind it is damage to synced bytes, reported by range, and the rest
//! is served. A bad group with nothing good behind it was never acknowledged: a torn tail, cut and counted. Points are
//! passed over: they are read back later, by `replay.rs`.

use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};

use super::reading::{Segment, each_segment};
use super::record::{Record, put_mark, read_all, whole};
use super::segment::{self, HeaderState};
use super::writer::Group;
use crate::StoreError;

/// Bytes below the synced offset that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Damage {
    pub(crate) path: PathBuf,
    pub(crate) bytes: Range<u64>,
}

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (path, bytes) = (self.path.display(), &self.bytes);
        write!(f, "{path}: {}..{}", bytes.start, bytes.end)
    }
}

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Scanned {
    /// The segments that are there, ascending, with their sizes.
    pub(crate) segments: Vec<(u32, u64)>,
    pub(crate) groups: u64,
    pub(crate) torn_bytes: u64,
    pub(crate) damage: Vec<Damage>,
}

/// Hands every record of every segment to `apply`, oldest first; cuts torn tails and marks what has no mark.
///
/// # Errors
/// Files that cannot be read, and a segment of a version from the future. Damage is no error.
pub(crate) fn scan(
    dir: &Path,
    mut apply: impl FnMut(u32, Record<'_>),
) -> Result<Scanned, StoreError> {
    let mut scanned = Scanned::default();
    each_segment(&segments_in(dir)?, |segment| {
        let kept = scanned.look_at(segment, |_| true, &mut apply)?;
        let mut end = kept.end as u64;
        if kept.end < segment.len() {
            cut(&segment.path, end)?;
        }
        if kept.wants_mark {
            end += mark(&segment.path, segment.number, end)?;
        }
        scanned.segments.push((segment.number, end));
        Ok(true)
    })?;
    Ok(scanned)
}

/// The same, and changes nothing; points that cannot be read are damage too.
///
/// # Errors
/// As for [`scan`].
pub(crate) fn look(
    dir: &Path,
    mut apply: impl FnMut(u32, Record<'_>),
) -> Result<Scanned, StoreError> {
    let mut scanned = Scanned::default();
    each_segment(&segments_in(dir)?, |segment| {
        let kept = scanned.look_at(segment, whole, &mut apply)?;
        scanned.segments.push((segment.number, kept.end as u64));
        Ok(true)
    })?;
    Ok(scanned)
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

impl Scanned {
    /// Hands over the records of groups that can be read and that `accept` takes.
    fn look_at(
        &mut self,
        segment: &Segment,
        accept: impl Fn(&[Record<'_>]) -> bool,
        apply: &mut impl FnMut(u32, Record<'_>),
    ) -> Result<Kept, StoreError> {
        if let HeaderState::Future(found) = segment.header {
            return Err(StoreError::Format {
                dir: segment.path.clone(),
                found: found.to_string(),
                known: segment::VERSION,
            });
        }
        let mut bad = segment.bad.clone();
        let mut wants_mark = false;
        for (payload, bytes) in segment.groups() {
            let records = read_all(payload).filter(|records| accept(records));
            wants_mark = !matches!(records.as_deref(), Some([Record::Mark]));
            self.groups += u64::from(wants_mark);
            match records {
                Some(records) => records
                    .into_iter()
                    .for_each(|one| apply(segment.number, one)),
                None => bad.push(bytes),
            }
        }
        bad.sort_by_key(|bytes| bytes.start);
        self.damage.extend(bad.into_iter().map(|bytes| Damage {
            path: segment.path.clone(),
            bytes: bytes.start as u64..bytes.end as u64,
        }));
        self.torn_bytes += (segment.len() - segment.end) as u64;
        Ok(Kept {
            end: segment.end,
            wants_mark,
        })
    }
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
