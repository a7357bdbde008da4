//! A lane: the segment files of one class, oldest first. Here is the way in, and what becomes of the files; the way out
//! is in `reading`. Knows no bound and no other lane.

mod reading;

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::kind::{Kind, path};
use super::segment::{self, HEADER_BYTES};
use reading::Loaded;

/// A segment is closed when it is so long, at most a share of the whole, or so old.
const SEGMENT_BYTES: u64 = 1 << 20;
const SEGMENT_SHARE: u64 = 16;
const SEGMENT_AGE_MS: i64 = 600_000;

/// Behind a record: its segment, and where it ends there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub segment: u64,
    pub offset: u64,
}

/// A segment file, and what of it is not acknowledged.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    pub number: u64,
    pub run: u64,
    pub bytes: u64,
    pub batches: u64,
    pub samples: u64,
    pub last_sequence: u64,
    pub oldest_ms: i64,
    pub newest_ms: i64,
}

#[derive(Debug)]
pub(super) struct Lane {
    pub kind: Kind,
    dir: PathBuf,
    segment_bytes: u64,
    /// Closed and synced.
    pub segments: VecDeque<Segment>,
    writing: Option<(File, Segment)>,
    /// Acknowledged up to here.
    pub mark: Place,
    /// Handed out up to here.
    cursor: Place,
    loaded: Option<Loaded>,
}

impl Lane {
    pub(super) fn new(kind: Kind, dir: &Path, max_bytes: u64) -> Self {
        Self {
            kind,
            dir: dir.to_owned(),
            segment_bytes: SEGMENT_BYTES.min(max_bytes / SEGMENT_SHARE),
            segments: VecDeque::new(),
            writing: None,
            mark: Place::default(),
            cursor: Place::default(),
            loaded: None,
        }
    }

    /// With what a former process left.
    pub(super) fn holding(self, segments: VecDeque<Segment>, mark: Place) -> Self {
        Self {
            segments,
            mark,
            cursor: mark,
            ..self
        }
    }

    /// Appends to the newest segment, or to a new one, for which a number is asked.
    pub(super) fn append(
        &mut self,
        run: u64,
        head: (u64, i64, u64),
        bytes: &[u8],
        number: impl FnOnce() -> u64,
    ) -> io::Result<()> {
        let (segment_bytes, (sequence, taken_ms, samples)) = (self.segment_bytes, head);
        let is_over = |segment: &Segment| {
            segment.bytes + bytes.len() as u64 > segment_bytes
                || taken_ms - segment.oldest_ms > SEGMENT_AGE_MS
        };
        if self
            .writing
            .as_ref()
            .is_some_and(|(_, segment)| is_over(segment))
        {
            self.close()?;
        }
        let (mut file, mut segment) = match self.writing.take() {
            Some(writing) => writing,
            None => self.create(run, number(), taken_ms)?,
        };
        let written = file.write_all(bytes);
        if written.is_ok() {
            segment.bytes += bytes.len() as u64;
            segment.batches += 1;
            segment.samples += samples;
            segment.last_sequence = sequence;
            segment.newest_ms = segment.newest_ms.max(taken_ms);
        }
        self.writing = Some((file, segment));
        written
    }

    fn create(&self, run: u64, number: u64, taken_ms: i64) -> io::Result<(File, Segment)> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let mut file = options.open(self.path(number))?;
        file.write_all(&segment::header(run))
            .inspect_err(|_| self.delete(number))?;
        let segment = Segment {
            number,
            run,
            bytes: HEADER_BYTES as u64,
            batches: 0,
            samples: 0,
            last_sequence: 0,
            oldest_ms: taken_ms,
            newest_ms: taken_ms,
        };
        Ok((file, segment))
    }

    /// What was appended is on disk when this returned.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        match &self.writing {
            Some((file, _)) => file.sync_data(),
            None => Ok(()),
        }
    }

    /// Syncs the newest segment and ends it.
    pub(super) fn close(&mut self) -> io::Result<()> {
        self.sync()?;
        let closed = self.writing.take().map(|(_, segment)| segment);
        self.segments.extend(closed);
        Ok(())
    }

    /// What is being written now, to come back to.
    pub(super) fn before(&self) -> Option<Segment> {
        self.writing.as_ref().map(|(_, segment)| segment.clone())
    }

    /// Takes back everything since `before`, when `first` was the next segment's number. What was being written is
    /// closed: a sync that failed is never repeated on the same file.
    pub(super) fn take_back(&mut self, before: Option<Segment>, first: u64) {
        let newest = self.writing.take().map(|(_, segment)| segment);
        self.segments.extend(newest);
        while let Some(new) = self.segments.pop_back_if(|segment| segment.number >= first) {
            self.delete(new.number);
        }
        if let (Some(before), Some(last)) = (before, self.segments.back_mut())
            && last.number == before.number
        {
            *last = before.clone();
            let file = OpenOptions::new()
                .write(true)
                .open(self.path(before.number));
            // Where that fails it is read no further than this anyway, until a start.
            let _ = file.and_then(|file| file.set_len(before.bytes));
        }
    }

    /// Deletes closed segments that are not needed.
    pub(super) fn forget(&mut self, is_needless: impl Fn(&Segment) -> bool) {
        for segment in self.segments.iter().filter(|segment| is_needless(segment)) {
            self.delete(segment.number);
        }
        self.segments.retain(|segment| !is_needless(segment));
    }

    /// Drops the oldest segment, the one that is being written included.
    pub(super) fn drop_oldest(&mut self) -> Option<Segment> {
        let oldest = self.segments.pop_front();
        let oldest = oldest.or_else(|| self.writing.take().map(|(_, segment)| segment))?;
        if self
            .loaded
            .as_ref()
            .is_some_and(|loaded| loaded.number == oldest.number)
        {
            self.loaded = None;
        }
        self.cursor = self.cursor.max(end_of(oldest.number));
        self.mark = self.mark.max(end_of(oldest.number));
        self.delete(oldest.number);
        Some(oldest)
    }

    /// All segments, the one that is being written included.
    pub(super) fn all(&self) -> impl Iterator<Item = &Segment> {
        let writing = self.writing.iter().map(|(_, segment)| segment);
        self.segments.iter().chain(writing)
    }

    pub(super) fn bytes(&self) -> u64 {
        self.all().map(|segment| segment.bytes).sum()
    }

    fn delete(&self, number: u64) {
        // One that cannot be deleted is read again after a start, and what it holds is known to the gateway.
        let _ = std::fs::remove_file(self.path(number));
    }

    fn path(&self, number: u64) -> PathBuf {
        path(&self.dir, number, self.kind)
    }
}

fn end_of(segment: u64) -> Place {
    Place {
        segment,
        offset: u64::MAX,
    }
}
