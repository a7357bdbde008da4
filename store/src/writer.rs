//! The writer: one thread that owns the journal and is the only one to change head and sequences. Writes wait in a
//! bounded queue; a group of them is put into the journal, synced, put into the head, and only then answered.

mod admitting;
mod catching_up;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};

use metrics::{counter, histogram};
use roaring::RoaringBitmap;

use crate::columns::Points;
use crate::journal::{DEFINED_TOGETHER, Group, Journal, put_batch, put_definitions, put_removed};
use crate::recovery::Recovery;
use crate::store::Shared;
use crate::window::{self, Window};
use crate::write::{Chain, Origin, Write, Written};
use crate::{SeriesId, StoreError};
use admitting::{KeptLonger, admit};
use catching_up::CatchingUp;

/// Writes and points in one group at most.
const GROUP_WRITES: usize = 4_096;
const GROUP_POINTS: usize = 500_000;
/// A group is closed past this; the last write, a frame at most, may take it to a few times that.
const GROUP_BYTES: usize = 16 << 20;
/// Definitions in one group, so that no group comes near the journal's limit.
const DEFINITION_BYTES: usize = 8 << 20;
/// Series defined under one lock, so at most so many in one record; or taken out in one record.
const DEFINITIONS_A_LOCK: u32 = DEFINED_TOGETHER as u32;
const REMOVED_A_GROUP: usize = 1 << 20;
/// How long nothing must come before the newest mark is synced by itself.
const IDLE: Duration = Duration::from_millis(500);

pub(crate) enum Command {
    Write(Write),
    Freeze(Window, SyncSender<Option<Frozen>>),
    /// So many samples of a window are in tables; series idle since before the second window leave the head.
    Release(Window, u64, Window, SyncSender<()>),
    /// What segments up to this one hold of a window is in tables; answers the bytes freed.
    Trim(Window, u32, SyncSender<Result<u64, StoreError>>),
    /// Windows before this one are too old to be kept; answers the newest segment that may hold something of them.
    Forget(Window, SyncSender<u32>),
    /// Takes series out, in the journal, the head and the index.
    Remove(RoaringBitmap, SyncSender<Result<(), StoreError>>),
    /// The same, but for those that have samples by now; answers which.
    Leave(RoaringBitmap, SyncSender<Result<RoaringBitmap, StoreError>>),
    /// Closes the open segment; answers the newest closed one's number.
    Rotate(SyncSender<u32>),
    /// Something else has changed: look.
    Wake,
    Close,
}

/// A window taken for sealing, and what was true when it was.
pub(crate) struct Frozen {
    /// The series with samples in it.
    pub(crate) series: Vec<u32>,
    /// Every sample of it is in a segment of this number or below, and none that comes later will be.
    pub(crate) through: u32,
    pub(crate) dedupe: Vec<u8>,
}

pub(crate) struct Writer {
    journal: Journal,
    shared: Arc<Shared>,
    /// Series below this are in the journal or in RocksDB.
    logged_end: u32,
    /// Series below this are in the journal once the group being made is.
    defined_end: u32,
    group: Group,
    last_sync: Option<Instant>,
    kept_longer: KeptLonger,
    /// `None` once the head has everything.
    catching_up: Option<CatchingUp>,
}

/// A write that is part of the group being made.
struct Taken {
    write: Write,
    written: Written,
}

impl Writer {
    /// Goes on where `found` was found; until the journal is read back its points wait.
    pub(crate) fn new(journal: Journal, shared: Arc<Shared>, found: Recovery) -> Self {
        let logged_end = shared.index.read().end();
        Self {
            journal,
            shared,
            logged_end,
            defined_end: logged_end,
            group: Group::default(),
            last_sync: None,
            kept_longer: KeptLonger::default(),
            catching_up: Some(CatchingUp::new(found)),
        }
    }

    /// Works until it is told to close; what was queued before that is written.
    pub(crate) fn run(mut self, inbox: &Receiver<Command>) {
        loop {
            let mut next = match inbox.recv_timeout(IDLE) {
                Ok(command) => Some(command),
                Err(RecvTimeoutError::Timeout) => {
                    self.rest();
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => return self.rest(),
            };
            while let Some(command) = next.take() {
                if self.catch_up().is_err() {
                    return self.rest();
                }
                match command {
                    Command::Write(first) => next = self.write_group(first, inbox),
                    Command::Close => return self.rest(),
                    other => self.obey(other),
                }
            }
        }
    }

    fn obey(&mut self, command: Command) {
        // Who asked may have gone: then nobody needs the answer.
        match command {
            Command::Freeze(window, reply) => {
                let _ = reply.send(self.freeze(window));
            }
            Command::Release(window, samples, idle_before, reply) => {
                self.shared.head.release(window, samples, idle_before);
                let _ = reply.send(());
            }
            Command::Trim(window, through, reply) => {
                let freed = self.journal.release(window, through);
                self.note_sizes();
                let _ = reply.send(freed);
            }
            Command::Forget(first_kept, reply) => {
                // IMPORTANT: rotate first, as for a window that is frozen.
                let through = self.journal.rotate();
                self.shared.head.drop_before(first_kept);
                self.journal.forget_before(first_kept);
                let _ = reply.send(through);
            }
            Command::Remove(series, reply) => {
                let _ = reply.send(self.remove(&series));
            }
            Command::Leave(series, reply) => {
                let _ = reply.send(self.leave(series));
            }
            Command::Rotate(reply) => {
                let _ = reply.send(self.journal.rotate());
            }
            Command::Write(_) | Command::Wake | Command::Close => {}
        }
    }

    /// Nothing is to be done: the newest mark gets durable.
    fn rest(&mut self) {
        if self.journal.mark_waits() {
            self.journal.sync_mark();
        }
        self.note_sizes();
    }

    /// Gathers what is waiting, and what comes until the next sync is due; gives back the command that ended it.
    fn write_group(&mut self, first: Write, inbox: &Receiver<Command>) -> Option<Command> {
        let due = self
            .last_sync
            .map(|last| last + self.shared.options.sync_interval);
        let mut points = first.points.len();
        let mut writes = vec![first];
        let mut ended_by = None;
        while writes.len() < GROUP_WRITES && points < GROUP_POINTS {
            let wait = due.map_or(Duration::ZERO, |due| {
                due.saturating_duration_since(Instant::now())
            });
            match inbox.recv_timeout(wait) {
                Ok(Command::Write(write)) => {
                    points += write.points.len();
                    writes.push(write);
                }
                Ok(other) => {
                    ended_by = Some(other);
                    break;
                }
                Err(_) => break,
            }
        }
        self.commit(writes);
        ended_by
    }

    fn note_sizes(&self) {
        self.shared.note_journal_bytes(self.journal.bytes());
    }

    /// Writes what was gathered, in as many groups as its bytes ask for.
    fn commit(&mut self, writes: Vec<Write>) {
        let mut writes = self.vet(writes).into_iter().peekable();
        while writes.peek().is_some() {
            if let Some(why) = self.shared.gate.refuses_queued(&self.shared.held()) {
                writes.for_each(|write| refuse_one(write, StoreError::Full(why.clone())));
                return;
            }
            self.commit_group(&mut writes);
            self.note_sizes();
            self.shared.gate.note_held(&self.shared.held());
        }
    }

    /// Refuses writes with points of series that were taken out after they had been resolved.
    fn vet(&self, writes: Vec<Write>) -> Vec<Write> {
        if self.shared.generation() == 0 {
            return writes;
        }
        let mut known = Vec::with_capacity(writes.len());
        for write in writes {
            let all_known = {
                let index = self.shared.index.read();
                let histograms = write.points.histograms.iter().map(|one| one.series);
                let mut series = write.points.series.iter().copied().chain(histograms);
                series.all(|series| index.has(SeriesId(series)))
            };
            if all_known {
                known.push(write);
            } else {
                refuse_one(write, StoreError::UnknownSeries);
            }
        }
        known
    }

    fn commit_group(&mut self, writes: &mut impl Iterator<Item = Write>) {
        let started = Instant::now();
        self.last_sync = Some(started);
        let defined = self.put_definitions();
        let (taken, windows) = self.put_writes(writes);
        match defined.and_then(|()| self.sync(&windows)) {
            Ok(()) => {
                histogram!("weir_store_journal_sync_seconds").record(started.elapsed());
                self.logged_end = self.defined_end;
                self.apply(taken);
                self.let_go(&windows);
            }
            Err(error) => {
                counter!("weir_store_journal_failures_total").increment(1);
                tracing::error!("{error}; the group is not acknowledged");
                self.shared.gate.note_failure(&error);
                refuse(taken, &error);
            }
        }
        self.group.clear();
    }

    /// Definitions go before the points: a million new series at once are groups of their own.
    fn put_definitions(&mut self) -> Result<(), StoreError> {
        let end = self.shared.index.read().end();
        self.defined_end = self.logged_end;
        while self.defined_end < end {
            let until = end.min(self.defined_end + DEFINITIONS_A_LOCK);
            {
                let index = self.shared.index.read();
                index.define(self.defined_end..until, |run| {
                    put_definitions(&run, self.group.records());
                });
            }
            self.defined_end = until;
            if self.group.len() > DEFINITION_BYTES {
                self.sync(&BTreeSet::new())?;
                self.logged_end = self.defined_end;
                self.group.clear();
            }
        }
        Ok(())
    }

    /// Sorts out what is refused or known, and encodes the rest, until the group is large enough.
    fn put_writes(
        &mut self,
        writes: &mut impl Iterator<Item = Write>,
    ) -> (Vec<Taken>, BTreeSet<Window>) {
        let now_ms = (self.shared.options.clock)();
        let mut windows = BTreeSet::new();
        let mut group: Vec<Taken> = Vec::new();
        while self.group.len() < GROUP_BYTES {
            let Some(mut write) = writes.next() else {
                break;
            };
            if write.chain.as_ref().is_some_and(Chain::broken) {
                let why = "an earlier batch of the session failed".to_owned();
                (write.done)(Err(StoreError::Journal(why)));
                continue;
            }
            let known_batch = write.origin.as_ref().is_some_and(|origin| {
                self.shared.dedupe.read().has(origin) || in_group(&group, origin)
            });
            let mut written = Written {
                known_batch,
                ..Written::default()
            };
            if known_batch {
                write.points = Points::default();
            } else {
                admit(
                    &mut write.points,
                    now_ms,
                    (&self.shared.options, &self.shared.index),
                    &mut self.kept_longer,
                    &mut written,
                );
                let wanted = self.windows_of(&write.points);
                if let Some(why) = self.lacks_windows(&wanted, &windows) {
                    refuse_one(write, StoreError::Full(why));
                    continue;
                }
                windows.extend(wanted);
                put_batch(write.origin.as_ref(), &write.points, self.group.records());
            }
            group.push(Taken { write, written });
        }
        (group, windows)
    }

    fn sync(&mut self, windows: &BTreeSet<Window>) -> Result<(), StoreError> {
        if self.group.is_empty() {
            return Ok(());
        }
        self.journal.write_group(&mut self.group, windows)?;
        counter!("weir_store_journal_groups_total").increment(1);
        counter!("weir_store_journal_written_bytes_total").increment(self.group.len() as u64);
        Ok(())
    }

    fn windows_of(&self, points: &Points) -> BTreeSet<Window> {
        let (window_ms, mut windows) = (self.shared.options.window_ms, BTreeSet::new());
        let mut last = 0..0;
        let histograms = points.histograms.iter().map(|one| one.timestamp_ms);
        for at_ms in points.times_ms.iter().copied().chain(histograms) {
            if !last.contains(&at_ms)
                && let Some(window) = window::of(at_ms, window_ms)
            {
                last = window::start_ms(window, window_ms)..window::end_ms(window, window_ms);
                windows.insert(window);
            }
        }
        windows
    }

    /// Why the windows of a write cannot all be open beside those that are, and those of its group; one write may have
    /// a year of them.
    fn lacks_windows(&self, wanted: &BTreeSet<Window>, group: &BTreeSet<Window>) -> Option<String> {
        if wanted.is_subset(group) {
            return None;
        }
        let mut open = self.shared.head.open_windows();
        let before = open.len();
        open.extend(group.iter().chain(wanted));
        let most = self.shared.options.max_open_windows;
        let is_over = open.len() > before && open.len() as u64 > most;
        is_over.then(|| {
            format!(
                "{before} windows are open and a write wants {} in all, more than store.max_open_windows allows ({most}): \
                 send fewer windows at once, or wait",
                open.len()
            )
        })
    }

    /// Puts a synced group where it can be read, or will be, then answers.
    fn apply(&mut self, mut group: Vec<Taken>) {
        for taken in &mut group {
            self.apply_points(taken);
        }
        if self.catching_up.is_none() {
            self.shared.mark_begun();
        }
        let mut dedupe = self.shared.dedupe.write();
        let new = group.iter().filter(|taken| !taken.written.known_batch);
        new.filter_map(|taken| taken.write.origin.as_ref())
            .for_each(|origin| dedupe.note(origin));
        drop(dedupe);
        for taken in group {
            (taken.write.done)(Ok(taken.written));
        }
    }

    /// A window of which the group had only what was there already need not keep the segment: were it being sealed, it
    /// would not be sealed again.
    fn let_go(&mut self, windows: &BTreeSet<Window>) {
        if self.catching_up.is_some() {
            return;
        }
        let open = self.shared.head.open_windows();
        for window in windows.difference(&open) {
            self.journal.forget(*window);
        }
    }

    fn freeze(&mut self, window: Window) -> Option<Frozen> {
        // IMPORTANT: rotate first: what is frozen lies wholly in closed segments.
        let through = self.journal.rotate();
        let series = self.shared.head.freeze(window);
        if series.is_empty() {
            return None;
        }
        Some(Frozen {
            series,
            through,
            dedupe: self.shared.dedupe.read().encode(),
        })
    }

    fn remove(&mut self, series: &RoaringBitmap) -> Result<(), StoreError> {
        let ids: Vec<u32> = series.iter().collect();
        for some in ids.chunks(REMOVED_A_GROUP) {
            put_removed(some.iter().copied(), self.group.records());
            let synced = self.sync(&BTreeSet::new());
            self.group.clear();
            synced?;
            // What the next start takes out is out now, whatever becomes of the others.
            self.shared.take_out(&some.iter().copied().collect());
        }
        Ok(())
    }

    /// IMPORTANT: asked here again, where nothing is written meanwhile. Whoever asked looked before us: a series may have
    /// got samples since, and they are acknowledged.
    fn leave(&mut self, mut series: RoaringBitmap) -> Result<RoaringBitmap, StoreError> {
        self.shared.mark_begun();
        series -= self.shared.index.read().presence.all();
        if !series.is_empty() {
            self.remove(&series)?;
        }
        Ok(series)
    }
}

fn refuse(group: Vec<Taken>, error: &StoreError) {
    let why = error.to_string();
    let refusal = match error.is_out_of_space() {
        true => StoreError::Full,
        false => StoreError::Journal,
    };
    for taken in group {
        refuse_one(taken.write, refusal(why.clone()));
    }
}

/// What comes after it in its session is refused too.
fn refuse_one(write: Write, error: StoreError) {
    write.chain.iter().for_each(Chain::cut);
    (write.done)(Err(error));
}

fn in_group(group: &[Taken], origin: &Origin) -> bool {
    let earlier = group.iter().filter_map(|taken| taken.write.origin.as_ref());
    let mut same = earlier.filter(|o| o.agent == origin.agent && o.boot == origin.boot);
    same.any(|o| o.sequence >= origin.sequence)
}
