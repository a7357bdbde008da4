//! The writing end: one open segment, groups appended and synced one after the other, and the closed segments with
//! the windows they are still needed for.

use std::collections::{BTreeSet, VecDeque};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::PathBuf;

use super::segment;
use crate::StoreError;
use crate::lock::sync_dir;
use crate::window::Window;

/// A closed segment: deletable once no window needs it.
#[derive(Debug)]
struct Closed {
    number: u32,
    bytes: u64,
    needed_by: BTreeSet<Window>,
}

struct Open {
    number: u32,
    file: File,
    path: PathBuf,
    synced: u64,
    needed_by: BTreeSet<Window>,
}

/// The journal of one store; owned by the writer thread alone.
pub(crate) struct Journal {
    dir: PathBuf,
    segment_bytes: u64,
    next_number: u32,
    open: Option<Open>,
    closed: VecDeque<Closed>,
}

impl Journal {
    /// Goes on after recovery: the segments found stay closed, writing starts in a new one.
    /// IMPORTANT: numbers never go back while a watermark names them, so `floor` is the highest that any does.
    pub(crate) fn new(
        dir: PathBuf,
        segment_bytes: u64,
        found: Vec<(u32, u64, BTreeSet<Window>)>,
        floor: u32,
    ) -> Self {
        let newest = found.last().map_or(0, |(number, _, _)| *number);
        let next_number = newest.max(floor) + 1;
        let closed = found.into_iter().map(|(number, bytes, needed_by)| Closed {
            number,
            bytes,
            needed_by,
        });
        Self {
            dir,
            segment_bytes,
            next_number,
            open: None,
            closed: closed.collect(),
        }
    }

    /// Appends a group and syncs it: on `Ok` it is on disk.
    ///
    /// # Errors
    /// Whatever the file system says; the segment is abandoned then and never synced again, since a second fsync may
    /// report success for pages that were dropped by the first.
    pub(crate) fn write_group(
        &mut self,
        payload: &[u8],
        windows: &BTreeSet<Window>,
    ) -> Result<(), StoreError> {
        if self
            .open
            .as_ref()
            .is_some_and(|open| open.synced >= self.segment_bytes)
        {
            self.rotate();
        }
        let mut open = match self.open.take() {
            Some(open) => open,
            None => self.start_segment()?,
        };
        let head = segment::group_head(payload);
        let put = open
            .file
            .write_all(&head)
            .and_then(|()| open.file.write_all(payload));
        if let Err(source) = put.and_then(|()| open.file.sync_data()) {
            return Err(self.abandon(open, source));
        }
        open.synced += (head.len() + payload.len()) as u64;
        open.needed_by.extend(windows);
        self.open = Some(open);
        Ok(())
    }

    /// Closes the open segment; gives the number of the newest closed one, 0 before the first.
    pub(crate) fn rotate(&mut self) -> u32 {
        if let Some(open) = self.open.take() {
            self.close(open);
        }
        self.next_number - 1
    }

    /// A window is durable as a table for all that segments up to `through` hold; gives back the bytes freed.
    ///
    /// IMPORTANT: the caller has synced the table, the definitions and the watermark before.
    pub(crate) fn release(&mut self, window: Window, through: u32) -> Result<u64, StoreError> {
        for segment in self
            .closed
            .iter_mut()
            .filter(|segment| segment.number <= through)
        {
            segment.needed_by.remove(&window);
        }
        let mut freed = 0;
        while let Some(first) = self.closed.front() {
            if first.number > through || !first.needed_by.is_empty() {
                break;
            }
            let path = segment::path(&self.dir, first.number);
            match std::fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(StoreError::io("remove", &path)(error));
                }
                _ => freed += first.bytes,
            }
            self.closed.pop_front();
        }
        Ok(freed)
    }

    /// Windows before this one are kept no longer: segments need not be for them. They go with the next release.
    pub(crate) fn forget_before(&mut self, window: Window) {
        let closed = self.closed.iter_mut().map(|segment| &mut segment.needed_by);
        let open = self.open.iter_mut().map(|segment| &mut segment.needed_by);
        for needed_by in closed.chain(open) {
            *needed_by = needed_by.split_off(&window);
        }
    }

    /// Bytes of all segments.
    pub(crate) fn bytes(&self) -> u64 {
        let closed: u64 = self.closed.iter().map(|segment| segment.bytes).sum();
        closed + self.open.as_ref().map_or(0, |open| open.synced)
    }

    fn close(&mut self, open: Open) {
        self.closed.push_back(Closed {
            number: open.number,
            bytes: open.synced,
            needed_by: open.needed_by,
        });
    }

    fn start_segment(&mut self) -> Result<Open, StoreError> {
        let number = self.next_number;
        let path = segment::path(&self.dir, number);
        // A number is used once: a half-made segment keeps its own and is skipped by recovery.
        self.next_number += 1;
        let mut options = OpenOptions::new();
        let made = options
            .write(true)
            .create_new(true)
            .open(&path)
            .and_then(|mut file| {
                file.write_all(&segment::header(number))?;
                file.sync_all()?;
                Ok(file)
            });
        let file = made
            .map_err(StoreError::io("start", &path))
            .and_then(|file| {
                sync_dir(&self.dir)?;
                Ok(file)
            });
        match file {
            Ok(file) => Ok(Open {
                number,
                file,
                path,
                synced: segment::HEADER_BYTES as u64,
                needed_by: BTreeSet::new(),
            }),
            Err(error) => {
                // It holds nothing: on a full disk it would only be in the way.
                let _ = std::fs::remove_file(&path);
                Err(error)
            }
        }
    }

    fn abandon(&mut self, open: Open, source: std::io::Error) -> StoreError {
        // What was not synced was not acknowledged; without this cut it would come back as if it had been.
        let _ = open.file.set_len(open.synced);
        let error = StoreError::io("write", &open.path)(source);
        self.close(open);
        error
    }
}
