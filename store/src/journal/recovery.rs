//! Looks at the journal after whatever happened. Behind each group that was synced stands a mark that says so, and
//! the next group: a bad group with anything good behind it is damage to synced bytes, reported by range, and the rest
//! is served. A bad group with nothing good behind it in the newest segment was never acknowledged: a torn tail, cut and
//! counted. A segment that is followed by another was closed, and the other says with how many bytes: what is missing of
//! those is damage, and so is a whole segment that `list.rs` names and nobody finds. Points are passed over: they are read back later, by `replay.rs`.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{Read, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;

use super::list::{self, List};
use super::reading::{Segment, each_segment};
use super::record::{Record, put_mark, read_all, whole};
use super::segment::{self, HeaderState};
use super::writer::Group;
use crate::StoreError;

/// What of a file is damaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lost {
    Bytes,
    /// All of it is gone, whose bytes those are; none where nobody knows how many there were.
    Segment,
    /// Nobody knows which segments there were.
    List,
}

/// Bytes below the synced offset that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Damage {
    pub(crate) path: PathBuf,
    pub(crate) bytes: Range<u64>,
    pub(crate) lost: Lost,
}

impl std::fmt::Display for Damage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (path, bytes) = (self.path.display(), &self.bytes);
        match (self.lost, bytes.end) {
            (Lost::Bytes, _) if bytes.is_empty() => write!(f, "{path}: the file is empty"),
            (Lost::Bytes, _) => write!(f, "{path}: {}..{}", bytes.start, bytes.end),
            (Lost::Segment, 0) => write!(f, "{path}: the whole file is lost"),
            (Lost::Segment, held) => write!(f, "{path}: the whole file is lost, {held} bytes"),
            (Lost::List, _) => write!(f, "{path}: it is damaged"),
        }
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

/// Groups whose records may wait to be applied.
const AHEAD: usize = 4;

/// Hands every record of every segment to `apply`, oldest first; cuts torn tails and marks what has no mark.
///
/// # Errors
/// Files that cannot be read, and a segment of a version from the future. Damage is no error.
pub(crate) fn scan(dir: &Path, apply: impl FnMut(Record)) -> Result<Scanned, StoreError> {
    look_at_all(dir, |_| true, apply, mend)
}

/// The same, and changes nothing; points that cannot be read are damage too.
///
/// # Errors
/// As for [`scan`].
pub(crate) fn look(dir: &Path, apply: impl FnMut(Record)) -> Result<Scanned, StoreError> {
    look_at_all(dir, whole, apply, |looked| Ok(Some(looked.len)))
}

/// `mend` gives a segment's size afterwards, `None` if it is gone.
fn look_at_all(
    dir: &Path,
    accept: impl Fn(&[u8]) -> bool + Send,
    mut apply: impl FnMut(Record),
    mend: impl Fn(&Looked) -> Result<Option<u64>, StoreError>,
) -> Result<Scanned, StoreError> {
    let mut scanned = Scanned::default();
    let found = segments_in(dir)?;
    let followed = followed(&found)?;
    let list = List::read(dir)?;
    let mut there = HashSet::new();
    let (empty, places) = channel();
    let look = move |segment: Segment, give: &mut dyn FnMut(Step) -> bool| {
        let looked = look_at(&segment, followed.get(&segment.number), &accept, give);
        // Nobody may want it any more.
        let _ = empty.send(segment.into_place());
        looked.is_some_and(|looked| give(Step::End(looked)))
    };
    each_segment(&found, AHEAD, places, look, |step| {
        match step {
            Step::Group(records) => records.into_iter().for_each(&mut apply),
            Step::End(looked) => {
                if looked.header != HeaderState::Short || !looked.bad.is_empty() {
                    there.insert(looked.number);
                }
                let mended = mend(&looked)?;
                let size = mended.map(|size| (looked.number, size));
                scanned.segments.extend(size);
                scanned.add(looked)?;
            }
        }
        Ok(true)
    })?;
    scanned.compare(dir, list, &there);
    Ok(scanned)
}

fn segments_in(dir: &Path) -> Result<Vec<(u32, PathBuf)>, StoreError> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(StoreError::io("list", dir))? {
        let path = entry.map_err(StoreError::io("list", dir))?.path();
        let Some(number) = segment::number_of(&path) else {
            continue;
        };
        if number > segment::MAX_NUMBER {
            return Err(StoreError::Corrupt {
                path,
                what: "no segment has such a number; move the file away".to_owned(),
            });
        }
        found.push((number, path));
    }
    found.sort();
    Ok(found)
}

/// All segments but the newest, and with how many bytes each was closed, where the one behind it says so.
fn followed(found: &[(u32, PathBuf)]) -> Result<HashMap<u32, Option<u64>>, StoreError> {
    let mut followed = HashMap::new();
    for pair in found.windows(2) {
        let ((number, _), (next, path)) = (&pair[0], &pair[1]);
        let mut header = Vec::new();
        File::open(path)
            .and_then(|file| {
                file.take(segment::HEADER_BYTES as u64)
                    .read_to_end(&mut header)
            })
            .map_err(StoreError::io("read", path))?;
        let bytes = segment::bytes_before(&header, *next);
        followed.insert(*number, bytes.filter(|_| number + 1 == *next));
    }
    Ok(followed)
}

/// What comes of looking at segments, in their order.
enum Step {
    /// The records of a group.
    Group(Vec<Record>),
    /// That was all of a segment.
    End(Looked),
}

/// What stands of a segment.
struct Looked {
    number: u32,
    path: PathBuf,
    header: HeaderState,
    groups: u64,
    bad: Vec<Range<usize>>,
    end: u64,
    /// All its bytes.
    len: u64,
    torn_bytes: u64,
    /// The process ended between a sync and its mark: without one, damage that comes later would pass for a torn tail.
    wants_mark: bool,
}

/// Gives the records of groups that can be read and that `accept` takes; `None` when nobody wants them any more.
fn look_at(
    segment: &Segment,
    followed: Option<&Option<u64>>,
    accept: impl Fn(&[u8]) -> bool,
    give: &mut dyn FnMut(Step) -> bool,
) -> Option<Looked> {
    let mut looked = Looked {
        number: segment.number,
        path: segment.path.clone(),
        header: segment.header,
        groups: 0,
        bad: segment.bad.clone(),
        end: segment.end as u64,
        len: segment.len() as u64,
        torn_bytes: 0,
        wants_mark: false,
    };
    if let HeaderState::Future(_) = looked.header {
        return Some(looked);
    }
    for (payload, bytes) in segment.groups() {
        let records = read_all(payload).filter(|_| accept(payload));
        let is_mark = matches!(records.as_deref(), Some([Record::Mark]));
        looked.wants_mark = !is_mark && followed.is_none();
        looked.groups += u64::from(!is_mark);
        match records {
            Some(records) if !is_mark => give(Step::Group(records)).then_some(())?,
            Some(_) => {}
            None => looked.bad.push(bytes),
        }
    }
    looked.judge_tail(segment, followed);
    looked.bad.sort_by_key(|bytes| bytes.start);
    Some(looked)
}

impl Looked {
    /// What is behind the last whole group: torn in the newest segment, damage in one that was closed.
    fn judge_tail(&mut self, segment: &Segment, followed: Option<&Option<u64>>) {
        let (end, len) = (segment.end, segment.len());
        let closed_with = match followed {
            None => None,
            Some(Some(bytes)) => Some(*bytes as usize),
            // Nobody says how long it was: all that is there was closed, and its header at least.
            Some(None) => Some(len.max(usize::from(self.header == HeaderState::Short))),
        };
        let Some(closed_with) = closed_with.filter(|bytes| end < *bytes) else {
            self.torn_bytes = (len - end) as u64;
            return;
        };
        if end < len || len == 0 {
            self.bad.push(end..len);
        }
        if len > 0 && len < closed_with && followed.is_some_and(Option::is_some) {
            self.bad.push(len..closed_with);
        }
    }
}

impl Scanned {
    /// Names the segments of the list that were not found.
    fn compare(&mut self, dir: &Path, list: Option<List>, there: &HashSet<u32>) {
        let Some(list) = list else {
            self.damage.push(Damage {
                path: list::path(dir),
                bytes: 0..0,
                lost: Lost::List,
            });
            return;
        };
        let lost = list
            .segments()
            .filter(|(number, _)| !there.contains(number));
        self.damage.extend(lost.map(|(number, bytes)| Damage {
            path: segment::path(dir, number),
            bytes: 0..bytes.unwrap_or(0),
            lost: Lost::Segment,
        }));
    }

    fn add(&mut self, looked: Looked) -> Result<(), StoreError> {
        if let HeaderState::Future(found) = looked.header {
            return Err(StoreError::Format {
                dir: looked.path,
                found: found.to_string(),
                known: segment::VERSION,
            });
        }
        self.damage
            .extend(looked.bad.into_iter().map(|bytes| Damage {
                path: looked.path.clone(),
                bytes: bytes.start as u64..bytes.end as u64,
                lost: Lost::Bytes,
            }));
        self.groups += looked.groups;
        self.torn_bytes += looked.torn_bytes;
        Ok(())
    }
}

fn mend(looked: &Looked) -> Result<Option<u64>, StoreError> {
    if let HeaderState::Future(_) = looked.header {
        return Ok(Some(looked.len));
    }
    if looked.header == HeaderState::Short && looked.bad.is_empty() {
        // Half made. Followed by another it would pass for one that was emptied.
        std::fs::remove_file(&looked.path).map_err(StoreError::io("remove", &looked.path))?;
        return Ok(None);
    }
    if looked.torn_bytes > 0 {
        cut(&looked.path, looked.end)?;
    }
    let mut size = looked.len - looked.torn_bytes;
    if looked.wants_mark {
        size += mark(&looked.path, looked.number, looked.end)?;
    }
    Ok(Some(size))
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
