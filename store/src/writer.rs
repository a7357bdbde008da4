//! The writer: one thread that owns the journal and is the only one to change head and sequences. Writes wait in a
//! bounded queue; a group of them is put into the journal, synced, put into the head, and only then answered.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender};

use metrics::{counter, histogram};
use weir_wire::Sample;

use crate::head::{Kept, WindowData};
use crate::index::Definition;
use crate::journal::{Journal, put_batch, put_definition};
use crate::store::Shared;
use crate::window::{self, Window};
use crate::{SeriesId, StoreError};

/// Writes and points in one group at most.
const GROUP_WRITES: usize = 1_024;
const GROUP_POINTS: usize = 500_000;
/// A group is closed past this; the last write, a frame at most, may take it to a few times that.
const GROUP_BYTES: usize = 16 << 20;
/// Definitions in one group, so that no group comes near the journal's limit.
const DEFINITION_BYTES: usize = 8 << 20;

/// A sample of a series that was resolved before.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    pub series: SeriesId,
    pub sample: Sample,
}

/// Whose batch it is: (agent, boot, sequence) names it for ever, and a second one of the same name changes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    pub agent: String,
    pub boot: u64,
    pub sequence: u64,
}

/// Writes that must not overtake a failed one: after a failure every later write of the chain is refused, so that a
/// higher sequence is never taken before a lower one that will be sent again. One chain a session.
#[derive(Debug, Clone, Default)]
pub struct Chain(Arc<AtomicBool>);

impl Chain {
    fn broken(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    fn cut(&self) {
        self.0.store(true, Ordering::Release);
    }
}

/// Called once the write is on disk and readable, or refused; from the writer's thread, so it must not block.
pub type Done = Box<dyn FnOnce(Result<Written, StoreError>) + Send>;

/// Points to be stored together.
pub struct Write {
    pub origin: Option<Origin>,
    /// The session's, where writes have an order to keep.
    pub chain: Option<Chain>,
    pub points: Vec<Point>,
    pub done: Done,
}

/// What became of a write's points; the fields add up to their number unless the whole batch was known.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// The batch was on disk already: nothing was changed.
    pub known_batch: bool,
    pub stored: u64,
    /// The same sample was there.
    pub duplicate: u64,
    /// Another value was there for that time: this one stays.
    pub replaced: u64,
    /// Refused: too far in the future.
    pub too_early: u64,
    /// Refused: older than what is kept.
    pub too_old: u64,
}

pub(crate) enum Command {
    Write(Write),
    Freeze(Window, SyncSender<Option<Frozen>>),
    Release(Window, u32, SyncSender<Result<u64, StoreError>>),
    /// Windows before this one are too old to be kept.
    Forget(Window),
    Close,
}

/// A window taken out of the head, and what was true when it was.
pub(crate) struct Frozen {
    pub(crate) data: Arc<WindowData>,
    /// Every sample of it is in a segment of this number or below, and none that comes later will be.
    pub(crate) through: u32,
    pub(crate) dedupe: Vec<u8>,
}

pub(crate) struct Writer {
    pub(crate) journal: Journal,
    pub(crate) shared: Arc<Shared>,
}

/// A write that is part of the group being made.
struct Taken {
    origin: Option<Origin>,
    chain: Option<Chain>,
    points: Vec<(Window, Point)>,
    done: Done,
    written: Written,
}

impl Writer {
    /// Works until it is told to close; what was queued before that is written.
    pub(crate) fn run(mut self, inbox: &Receiver<Command>) {
        while let Ok(command) = inbox.recv() {
            let mut next = Some(command);
            while let Some(command) = next.take() {
                match command {
                    Command::Write(first) => next = self.write_group(first, inbox),
                    Command::Freeze(window, reply) => {
                        // Who asked may have gone: then nobody needs the answer.
                        let _ = reply.send(self.freeze(window));
                    }
                    Command::Release(window, through, reply) => {
                        let _ = reply.send(self.release(window, through));
                    }
                    Command::Forget(first_kept) => {
                        self.shared.head.write().drop_before(first_kept);
                        self.journal.forget_before(first_kept);
                    }
                    Command::Close => return,
                }
            }
        }
    }

    /// Gathers what is waiting; gives back the command that ended the gathering.
    fn write_group(&mut self, first: Write, inbox: &Receiver<Command>) -> Option<Command> {
        let mut points = first.points.len();
        let mut writes = vec![first];
        let mut ended_by = None;
        while writes.len() < GROUP_WRITES && points < GROUP_POINTS {
            match inbox.try_recv() {
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

    /// Writes what was gathered, in as many groups as its bytes ask for.
    fn commit(&mut self, writes: Vec<Write>) {
        let mut writes = writes.into_iter().peekable();
        while writes.peek().is_some() {
            self.commit_group(&mut writes);
        }
        let bytes = self.journal.bytes();
        self.shared.journal_bytes.store(bytes, Ordering::Relaxed);
    }

    fn commit_group(&mut self, writes: &mut impl Iterator<Item = Write>) {
        let definitions = std::mem::take(&mut *self.shared.unlogged.lock());
        let started = std::time::Instant::now();
        let (group, payload, windows) = self.group(writes);
        let written = self.write_definitions(&definitions).and_then(|mut whole| {
            whole.extend_from_slice(&payload);
            self.write(&whole, &windows)
        });
        match written {
            Ok(()) => {
                histogram!("weir_store_journal_sync_seconds").record(started.elapsed());
                self.apply(group);
            }
            Err(error) => {
                counter!("weir_store_journal_failures_total").increment(1);
                tracing::error!("{error}; the group is not acknowledged");
                // The definitions must come before whatever refers to them in the next segment.
                self.shared.unlogged.lock().splice(0..0, definitions);
                refuse(group, &error);
            }
        }
    }

    /// Sorts out what is refused or known, and encodes the rest, until the group is large enough.
    fn group(
        &self,
        writes: &mut impl Iterator<Item = Write>,
    ) -> (Vec<Taken>, Vec<u8>, BTreeSet<Window>) {
        let now_ms = (self.shared.options.clock)();
        let mut payload = Vec::new();
        let mut windows = BTreeSet::new();
        let mut group: Vec<Taken> = Vec::new();
        while payload.len() < GROUP_BYTES {
            let Some(write) = writes.next() else {
                break;
            };
            if write.chain.as_ref().is_some_and(Chain::broken) {
                let why = "an earlier batch of the session failed".to_owned();
                (write.done)(Err(StoreError::Journal(why)));
                continue;
            }
            let known = write.origin.as_ref().is_some_and(|origin| {
                self.shared.dedupe.read().has(origin) || in_group(&group, origin)
            });
            if known {
                group.push(known_batch(write));
                continue;
            }
            let taken = self.admit(write, now_ms);
            windows.extend(taken.points.iter().map(|(window, _)| *window));
            let points: Vec<Point> = taken
                .points
                .iter()
                .map(|(_, point)| point.clone())
                .collect();
            put_batch(taken.origin.as_ref(), &points, &mut payload);
            group.push(taken);
        }
        (group, payload, windows)
    }

    /// Definitions go before the points: a million new series at once are groups of their own, and what is left is
    /// given back to stand at the front of the next group.
    fn write_definitions(&mut self, definitions: &[Definition]) -> Result<Vec<u8>, StoreError> {
        let mut payload = Vec::new();
        for definition in definitions {
            put_definition(definition, &mut payload);
            if payload.len() > DEFINITION_BYTES {
                self.write(&std::mem::take(&mut payload), &BTreeSet::new())?;
            }
        }
        Ok(payload)
    }

    fn write(&mut self, payload: &[u8], windows: &BTreeSet<Window>) -> Result<(), StoreError> {
        if payload.is_empty() {
            return Ok(());
        }
        self.journal.write_group(payload, windows)?;
        counter!("weir_store_journal_groups_total").increment(1);
        counter!("weir_store_journal_written_bytes_total").increment(payload.len() as u64);
        Ok(())
    }

    /// Sorts a write's points into windows, and out.
    fn admit(&self, write: Write, now_ms: i64) -> Taken {
        let options = &self.shared.options;
        let (oldest_ms, newest_ms) = (now_ms - options.raw_ms, now_ms + options.future_ms);
        let mut written = Written::default();
        let mut points = Vec::with_capacity(write.points.len());
        for point in write.points {
            let at = point.sample.timestamp_ms;
            match window::of(at, options.window_ms) {
                _ if at > newest_ms => written.too_early += 1,
                Some(window) if at >= oldest_ms => points.push((window, point)),
                _ => written.too_old += 1,
            }
        }
        Taken {
            origin: write.origin,
            chain: write.chain,
            points,
            done: write.done,
            written,
        }
    }

    /// Puts a synced group where it can be read, then answers.
    fn apply(&self, mut group: Vec<Taken>) {
        let begun = {
            let mut head = self.shared.head.write();
            for taken in &mut group {
                for (window, point) in taken.points.drain(..) {
                    match head.insert(window, point.series.0, point.sample) {
                        Kept::New => taken.written.stored += 1,
                        Kept::Duplicate => taken.written.duplicate += 1,
                        Kept::Replaced => taken.written.replaced += 1,
                    }
                }
            }
            head.take_begun()
        };
        if !begun.is_empty() {
            let mut index = self.shared.index.write();
            for (window, series) in begun {
                index.mark(window, series);
            }
        }
        let mut dedupe = self.shared.dedupe.write();
        let new = group.iter().filter(|taken| !taken.written.known_batch);
        new.filter_map(|taken| taken.origin.as_ref())
            .for_each(|origin| dedupe.note(origin));
        drop(dedupe);
        for taken in group {
            (taken.done)(Ok(taken.written));
        }
    }

    fn freeze(&mut self, window: Window) -> Option<Frozen> {
        // IMPORTANT: rotate first: what is frozen lies wholly in closed segments.
        let through = self.journal.rotate();
        let data = self.shared.head.write().freeze(window)?;
        Some(Frozen {
            data,
            through,
            dedupe: self.shared.dedupe.read().encode(),
        })
    }

    fn release(&mut self, window: Window, through: u32) -> Result<u64, StoreError> {
        self.shared.head.write().release(window);
        self.journal.release(window, through)
    }
}

fn refuse(group: Vec<Taken>, error: &StoreError) {
    let why = error.to_string();
    for taken in group {
        taken.chain.iter().for_each(Chain::cut);
        (taken.done)(Err(StoreError::Journal(why.clone())));
    }
}

fn in_group(group: &[Taken], origin: &Origin) -> bool {
    let earlier = group.iter().filter_map(|taken| taken.origin.as_ref());
    let mut same = earlier.filter(|o| o.agent == origin.agent && o.boot == origin.boot);
    same.any(|o| o.sequence >= origin.sequence)
}

fn known_batch(write: Write) -> Taken {
    Taken {
        origin: write.origin,
        chain: write.chain,
        points: Vec::new(),
        done: write.done,
        written: Written {
            known_batch: true,
            ..Written::default()
        },
    }
}
