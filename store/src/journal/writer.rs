//! The writing end: one open segment, groups appended and synced one after the other, and the closed segments with
//! the windows they are still needed for.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;

use metrics::counter;

use super::list::List;
use super::record::put_mark;
use super::segment::{self, GROUP_HEAD_BYTES};
use crate::StoreError;
use crate::fail;
use crate::lock::sync_dir;
use crate::window::Window;

/// A closed segment: deletable once no window needs it.
#[derive(Debug)]
struct Closed {
    number: u32,
    bytes: u64,
    /// `None` until its points were read back: nobody knows yet who needs it.
    needed_by: Option<BTreeSet<Window>>,
}

impl Closed {
    fn is_needed(&self) -> bool {
        self.needed_by
            .as_ref()
            .is_none_or(|windows| !windows.is_empty())
    }
}

struct Open {
    number: u32,
    file: File,
    path: PathBuf,
    /// Where the next group goes: all before it was synced, but for the mark at its end.
    end: u64,
    /// Whether the newest mark is not synced yet.
    mark_waits: bool,
    needed_by: BTreeSet<Window>,
}

/// A group being made: room for its head, then records.
#[derive(Debug)]
pub(crate) struct Group(Vec<u8>);

impl Default for Group {
    fn default() -> Self {
        Self(vec![0; GROUP_HEAD_BYTES])
    }
}

impl Group {
    pub(crate) fn records(&mut self) -> &mut Vec<u8> {
        &mut self.0
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len() - GROUP_HEAD_BYTES
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(crate) fn clear(&mut self) {
        self.0.truncate(GROUP_HEAD_BYTES);
    }

    pub(super) fn sealed(&mut self) -> &[u8] {
        let head = segment::group_head(&self.0[GROUP_HEAD_BYTES..]);
        self.0[..GROUP_HEAD_BYTES].copy_from_slice(&head);
        &self.0
    }
}

/// The journal of one store; owned by the writer thread alone.
pub(crate) struct Journal {
    dir: PathBuf,
    segment_bytes: u64,
    next_number: u32,
    /// The segment that was closed last, and its bytes where they are known to be all on disk.
    last_closed: Option<(u32, Option<u64>)>,
    open: Option<Open>,
    closed: VecDeque<Closed>,
    closed_bytes: u64,
    /// Segments that were begun and that nobody let go of, lost ones too.
    list: List,
}

impl Journal {
    /// Goes on after recovery: the segments found stay closed, and stay until [`Journal::read_back`]; writing starts
    /// in a new one.
    /// IMPORTANT: numbers never go back while a watermark names them, so `floor` is the highest that any does.
    pub(crate) fn new(
        dir: PathBuf,
        segment_bytes: u64,
        found: Vec<(u32, u64)>,
        floor: u32,
    ) -> Self {
        // A damaged one was named; it is written anew with the next segment, with those that are there.
        let list = List::read(&dir).ok().flatten();
        let list = list.unwrap_or_else(|| found.iter().copied().collect());
        let newest = found.last().map_or(0, |(number, _)| *number);
        let newest = newest.max(list.newest());
        let last_closed = found.last().map(|(number, bytes)| (*number, Some(*bytes)));
        let closed = found.into_iter().map(|(number, bytes)| Closed {
            number,
            bytes,
            needed_by: None,
        });
        let closed: VecDeque<Closed> = closed.collect();
        Self {
            dir,
            segment_bytes,
            next_number: newest.max(floor) + 1,
            last_closed,
            open: None,
            closed_bytes: closed.iter().map(|segment| segment.bytes).sum(),
            closed,
            list,
        }
    }

    /// The segments found were read back: they are needed for these windows. No segment is needed for a window that
    /// is not open.
    pub(crate) fn read_back(
        &mut self,
        mut needed: HashMap<u32, BTreeSet<Window>>,
        open: &BTreeSet<Window>,
    ) {
        for segment in &mut self.closed {
            let found = || needed.remove(&segment.number).unwrap_or_default();
            let needed_by = segment.needed_by.get_or_insert_with(found);
            needed_by.retain(|window| open.contains(window));
        }
        if let Some(segment) = &mut self.open {
            segment.needed_by.retain(|window| open.contains(window));
        }
    }

    /// Appends a group and syncs it: on `Ok` it is on disk.
    ///
    /// # Errors
    /// Whatever the file system says; the segment is abandoned then and never synced again, since a second fsync may
    /// report success for pages that were dropped by the first.
    pub(crate) fn write_group(
        &mut self,
        group: &mut Group,
        windows: &BTreeSet<Window>,
    ) -> Result<(), StoreError> {
        if self
            .open
            .as_ref()
            .is_some_and(|open| open.end >= self.segment_bytes)
        {
            self.rotate();
        }
        let mut open = match self.open.take() {
            Some(open) => open,
            None => self.start_segment()?,
        };
        let bytes = group.sealed();
        if let Err(source) = append(&mut open, bytes) {
            return Err(self.abandon(open, source));
        }
        open.end += bytes.len() as u64;
        open.needed_by.extend(windows);
        // The group is durable; without its mark damage to it could be taken for a torn tail, so the segment ends here.
        match mark(&mut open) {
            Ok(()) => self.open = Some(open),
            Err(_) => {
                let _ = open.file.set_len(open.end);
                self.close(open);
            }
        }
        Ok(())
    }

    /// Makes the newest mark durable; for a moment when nothing else is to be written.
    pub(crate) fn sync_mark(&mut self) {
        let Some(mut open) = self.open.take_if(|open| open.mark_waits) else {
            return;
        };
        open.mark_waits = false;
        match open.file.sync_data() {
            Ok(()) => self.open = Some(open),
            Err(_) => {
                // Whether the mark is on disk, nobody knows.
                let number = open.number;
                self.close(open);
                self.last_closed = Some((number, None));
            }
        }
    }

    pub(crate) fn mark_waits(&self) -> bool {
        self.open.as_ref().is_some_and(|open| open.mark_waits)
    }

    /// Closes the open segment; gives the number of the newest closed one, 0 before the first.
    pub(crate) fn rotate(&mut self) -> u32 {
        self.sync_mark();
        if let Some(open) = self.open.take() {
            let _ = fail::pass("journal.rotate");
            self.close(open);
        }
        self.next_number - 1
    }

    /// A window is durable as a table for all that segments up to `through` hold; gives back the bytes freed.
    ///
    /// IMPORTANT: the caller has synced the table, the definitions and the watermark before.
    pub(crate) fn release(&mut self, window: Window, through: u32) -> Result<u64, StoreError> {
        let closed = self
            .closed
            .iter_mut()
            .filter(|segment| segment.number <= through);
        for needed_by in closed.filter_map(|segment| segment.needed_by.as_mut()) {
            needed_by.remove(&window);
        }
        let goes = |segment: &Closed| segment.number <= through && !segment.is_needed();
        self.take_off_the_list(through)?;
        let mut freed = 0;
        let mut at = 0;
        while let Some(segment) = self.closed.get(at) {
            // One that is needed does not hold up those behind it: nothing in a segment refers to another.
            if !goes(segment) {
                at += 1;
                continue;
            }
            let path = segment::path(&self.dir, segment.number);
            fail::pass("journal.trim").map_err(StoreError::io("remove", &path))?;
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(StoreError::io("remove", &path)(error));
                }
                _ => freed += segment.bytes,
            }
            self.closed_bytes -= segment.bytes;
            self.closed.remove(at);
            fail::pass("journal.trimmed").map_err(StoreError::io("remove", &path))?;
        }
        Ok(freed)
    }

    /// IMPORTANT: before any file is deleted. Of those up to `through` that are not there any more nobody knows for which
    /// windows they are needed.
    fn take_off_the_list(&mut self, through: u32) -> Result<(), StoreError> {
        let needed = self.closed.iter().filter(|segment| segment.is_needed());
        let needed: BTreeSet<u32> = needed.map(|segment| segment.number).collect();
        let mut list = self.list.clone();
        list.retain(|number| number > through || needed.contains(&number));
        if list == self.list {
            return Ok(());
        }
        match list.store(&self.dir) {
            // What frees room must not need any: without a list no segment is missed.
            Err(error) if error.is_out_of_space() => List::remove(&self.dir)?,
            stored => stored?,
        }
        self.list = list;
        Ok(())
    }

    /// Windows before this one are kept no longer: segments need not be for them. They go with the next release.
    pub(crate) fn forget_before(&mut self, window: Window) {
        let closed = self
            .closed
            .iter_mut()
            .filter_map(|segment| segment.needed_by.as_mut());
        let open = self.open.iter_mut().map(|segment| &mut segment.needed_by);
        for needed_by in closed.chain(open) {
            *needed_by = needed_by.split_off(&window);
        }
    }

    /// The open segment holds nothing of a window that is not in tables, or on its way there.
    pub(crate) fn forget(&mut self, window: Window) {
        if let Some(open) = &mut self.open {
            open.needed_by.remove(&window);
        }
    }

    /// Bytes of all segments.
    pub(crate) fn bytes(&self) -> u64 {
        self.closed_bytes + self.open.as_ref().map_or(0, |open| open.end)
    }

    fn close(&mut self, open: Open) {
        self.last_closed = Some((open.number, Some(open.end)));
        self.list.close(open.number, open.end);
        self.closed_bytes += open.end;
        self.closed.push_back(Closed {
            number: open.number,
            bytes: open.end,
            needed_by: Some(open.needed_by),
        });
    }

    fn start_segment(&mut self) -> Result<Open, StoreError> {
        let number = self.next_number;
        let path = segment::path(&self.dir, number);
        let before = self
            .last_closed
            .and_then(|(before, bytes)| bytes.filter(|_| before + 1 == number));
        self.next_number += 1;
        let made = create(&path, number, before)
            .map_err(StoreError::io("start", &path))
            .and_then(|file| {
                let passed =
                    fail::pass("journal.dir_sync").map_err(StoreError::io("sync", &self.dir));
                if passed? {
                    sync_dir(&self.dir)?;
                }
                Ok(file)
            });
        match made {
            Ok(file) => {
                self.put_on_the_list(number);
                Ok(Open {
                    number,
                    file,
                    path,
                    end: segment::HEADER_BYTES as u64,
                    mark_waits: false,
                    needed_by: BTreeSet::new(),
                })
            }
            Err(error) => {
                // It holds nothing: on a full disk it would only be in the way. Its number is free again.
                if std::fs::remove_file(&path).is_ok() || !path.exists() {
                    self.next_number = number;
                }
                Err(error)
            }
        }
    }

    /// Without it a loss of the segment would not be found out; that is no reason to take no writes.
    fn put_on_the_list(&mut self, number: u32) {
        self.list.put(number);
        if let Err(error) = self.list.store(&self.dir) {
            counter!("weir_store_journal_failures_total").increment(1);
            tracing::warn!("{error}; were segment {number} lost, nobody would know");
        }
    }

    fn abandon(&mut self, open: Open, source: std::io::Error) -> StoreError {
        // What was not synced was not acknowledged; without this cut it would come back as if it had been.
        let _ = open.file.set_len(open.end);
        let error = StoreError::io("write", &open.path)(source);
        self.close(open);
        error
    }
}

fn create(path: &std::path::Path, number: u32, before: Option<u64>) -> std::io::Result<File> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(&segment::header(number, before))?;
    file.sync_all()?;
    Ok(file)
}

fn append(open: &mut Open, bytes: &[u8]) -> std::io::Result<()> {
    fail::pass("journal.append")?;
    open.file.write_all(bytes)?;
    if fail::pass("journal.sync")? {
        open.file.sync_data()?;
    }
    open.mark_waits = false;
    fail::pass("journal.synced")?;
    Ok(())
}

/// Writes behind a group that it was synced. A kill leaves it; for a loss of power the next sync takes it along.
fn mark(open: &mut Open) -> std::io::Result<()> {
    let mut group = Group::default();
    put_mark(open.number, open.end, group.records());
    fail::pass("journal.mark")?;
    open.file.write_all(group.sealed())?;
    open.end += group.sealed().len() as u64;
    open.mark_waits = true;
    Ok(())
}
