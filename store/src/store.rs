//! The store as its users hold it: open, resolve, append, close. The parts are in their own files: starting in
//! `recovery.rs`, writing in `writer.rs`, reading in `read.rs`, sealing in `seal.rs`, keeping in `keep.rs`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use parking_lot::{Mutex, MutexGuard, RwLock};
use roaring::RoaringBitmap;
use weir_wire::{KeyRef, KeyRun, SeriesKey};

use crate::backend::{Dropped, FULL_AT_START, HeldBackend, RolledDay};
use crate::dedupe::Dedupe;
use crate::gate::{self, Gate, Held, Room};
use crate::head::Head;
use crate::index::{Cardinality, Counting, Day, Index, SeriesId, Wanted};
use crate::journal::Journal;
use crate::lock::{self, Lock};
use crate::recovery::{self, Recovery};
use crate::replay;
use crate::starting::Starting;
use crate::window::Window;
use crate::write::Write;
use crate::writer::{Command, Writer};
use crate::{Options, StoreError};

/// New series numbered under one lock.
const KEYS_A_LOCK: usize = 2_048;

/// What of the past is in tables.
#[derive(Debug, Default)]
pub(crate) struct Past {
    /// Windows in tables, and when this process sealed them last.
    pub(crate) windows: BTreeMap<Window, Option<i64>>,
    /// Windows before its end may have lost samples.
    pub(crate) dropped: Dropped,
    /// Days with rollups, or of which some are to be made. Their present series are in the index alone.
    pub(crate) days: BTreeMap<Day, RolledDay>,
}

/// What writer, readers and upkeep share; each field says who may change it.
pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) backend: HeldBackend,
    /// Resolving adds series; the writer takes some out, and marks windows.
    pub(crate) index: RwLock<Index>,
    /// The writer alone, and before it those who read the journal back.
    pub(crate) head: Head,
    /// The writer alone.
    pub(crate) dedupe: RwLock<Dedupe>,
    /// Whoever holds `upkeep`.
    pub(crate) past: RwLock<Past>,
    pub(crate) gate: Gate,
    pub(crate) starting: Starting,
    pub(crate) journal_bytes: AtomicU64,
    /// Series that the journal alone says were taken out: the writer adds, whoever holds `upkeep` takes away.
    pub(crate) unforgotten: Mutex<RoaringBitmap>,
    /// How often series were taken out.
    generation: AtomicU64,
}

/// What upkeep remembers from round to round.
#[derive(Debug, Default)]
pub(crate) struct Upkeep {
    /// Series below this are in RocksDB.
    pub(crate) saved_end: u32,
    /// When series without samples were last looked for, and the end of the numbers then.
    pub(crate) looked_for_idle: Option<(i64, u32)>,
    /// Windows that are sealed, and up to which segment the journal may let go of them.
    pub(crate) untrimmed: Vec<(Window, u32)>,
}

/// An open store. Dropping it without [`Store::close`] loses nothing that was acknowledged.
pub struct Store {
    pub(crate) shared: Arc<Shared>,
    /// Sealing, retention, deletion and the taking of files for a backup: one at a time.
    pub(crate) upkeep: Mutex<Upkeep>,
    /// One backup at a time.
    ///
    /// IMPORTANT: taken before the leave to tend, never while it is held.
    pub(crate) backups: Mutex<()>,
    commands: SyncSender<Command>,
    /// The writer, and who reads the journal back.
    threads: Mutex<Vec<JoinHandle<()>>>,
    _lock: Lock,
}

/// Sizes, now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stats {
    pub series: u64,
    pub head_samples: u64,
    /// In use.
    pub head_bytes: u64,
    /// Got from the system for the head, free places too.
    pub head_held_bytes: u64,
    pub journal_bytes: u64,
    pub open_windows: u64,
    pub sealed_windows: u64,
}

impl Store {
    /// As [`Store::start`], and waits until the journal is read back.
    ///
    /// # Errors
    /// Of both.
    pub fn open(options: Options) -> Result<(Self, Recovery), StoreError> {
        let store = Self::start(options)?;
        match store.wait_until_read_back() {
            Ok(recovery) => Ok((store, recovery)),
            Err(error) => {
                store.close();
                Err(error)
            }
        }
    }

    /// Takes the directory, looks at what is in it and takes writes from then on, while the journal's points are read
    /// back into the head. Whatever is not a write is refused with [`StoreError::Starting`] until that is done. On a full
    /// disk writes are refused, until upkeep finds room.
    ///
    /// # Errors
    /// The directory is in use or of another format, cannot be read, or RocksDB refuses it; [`StoreError::Full`] where
    /// not even reading is possible on a full disk.
    pub fn start(options: Options) -> Result<Self, StoreError> {
        let dir = options.dir.clone();
        Self::start_in(options).map_err(|error| match error.is_out_of_space() {
            true => StoreError::Full(format!(
                "{error}; free some space on the disk of {}, then start again",
                dir.display()
            )),
            false => error,
        })
    }

    fn start_in(options: Options) -> Result<Self, StoreError> {
        let lock = lock::take(&options.dir, options.window_ms)?;
        lock::check_parts(&options.dir)?;
        let dir = options.dir.join("journal");
        std::fs::create_dir_all(&dir).map_err(StoreError::io("create", &dir))?;
        let backend = HeldBackend::open(&options.dir, options.cache_bytes)?;
        let restored = recovery::restore(&backend, &dir, &options)?;
        lock::sync_dir(&options.dir)?;
        let journal = Journal::new(
            dir,
            options.segment_bytes,
            restored.segments,
            restored.floor,
        );
        let (commands, inbox) = sync_channel(options.queued_writes);
        let shared = Arc::new(Shared {
            head: Head::new(options.window_ms, shards(&options)),
            options,
            backend,
            starting: Starting::new(journal.bytes()),
            journal_bytes: AtomicU64::new(journal.bytes()),
            index: RwLock::new(restored.index),
            dedupe: RwLock::new(restored.dedupe),
            past: RwLock::new(restored.past),
            gate: Gate::default(),
            unforgotten: Mutex::new(restored.unforgotten),
            generation: AtomicU64::new(0),
        });
        let upkeep = Upkeep {
            saved_end: restored.saved_end,
            looked_for_idle: None,
            untrimmed: Vec::new(),
        };
        let store = Self {
            shared: Arc::clone(&shared),
            upkeep: Mutex::new(upkeep),
            backups: Mutex::new(()),
            commands: commands.clone(),
            threads: Mutex::default(),
            _lock: lock,
        };
        if shared.backend.is_only_read() {
            // Before the first write.
            store.look_for_room();
        }
        let writer = Writer::new(journal, Arc::clone(&shared), restored.recovery);
        store.spawn("weir-writer", move || writer.run(&inbox))?;
        let plan = restored.plan;
        store.spawn("weir-replay", move || {
            let ended = Ended(&shared.starting);
            let read_back = replay::read_back(&plan, &shared.head, &shared.starting);
            shared.starting.end_replay(read_back);
            drop(ended);
            // Woken, the writer goes on with it; if it has ended, nobody does.
            let _ = commands.send(Command::Wake);
        })?;
        Ok(store)
    }

    fn spawn(&self, name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), StoreError> {
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(work)
            .map_err(StoreError::io(
                "start a thread for",
                &self.shared.options.dir,
            ))?;
        self.threads.lock().push(thread);
        Ok(())
    }

    /// Waits until the journal is read back, and all that came meanwhile is readable too.
    ///
    /// # Errors
    /// Why it cannot be; [`StoreError::Closed`] once that was told, or when the store was stopped.
    pub fn wait_until_read_back(&self) -> Result<Recovery, StoreError> {
        self.shared.starting.wait()
    }

    /// How much of the journal was read back, in percent; `None` once everything is readable.
    #[must_use]
    pub fn starting(&self) -> Option<u64> {
        self.shared.starting.progress()
    }

    /// Ends the reading back, if it is still going on: the store is about to be closed. Writes are taken until then,
    /// and are on disk like those before them.
    pub fn stop_starting(&self) {
        self.shared.starting.stop();
    }

    /// The number of a series, given out now if it is new.
    ///
    /// # Errors
    /// [`StoreError::TooManySeries`].
    pub fn resolve(&self, key: &SeriesKey) -> Result<SeriesId, StoreError> {
        let key = key.borrowed();
        if let Some(id) = self.shared.index.read().find(key) {
            return Ok(id);
        }
        let mut index = self.shared.index.write();
        match index.find(key) {
            Some(id) => Ok(id),
            None => index.add(key, self.shared.options.max_series),
        }
    }

    /// What a number stands for; `None` once its series left.
    #[must_use]
    pub fn key(&self, series: SeriesId) -> Option<SeriesKey> {
        self.shared.index.read().key(series)
    }

    /// The same for many, in their order and for a fraction of the cost; `None` for those that are one series too many.
    #[must_use]
    pub fn resolve_many(&self, keys: &KeyRun) -> Vec<Option<SeriesId>> {
        self.resolve_many_if(keys, |_, _| true)
    }

    /// The same, making only the series that `admit` lets in: it is given the place of a key in the run, and the key, of
    /// each that does not exist, while no lock is held.
    #[must_use]
    pub fn resolve_many_if(
        &self,
        keys: &KeyRun,
        mut admit: impl FnMut(usize, KeyRef<'_>) -> bool,
    ) -> Vec<Option<SeriesId>> {
        let mut found = Vec::with_capacity(keys.len());
        let mut wanted = Vec::with_capacity(keys.len().min(KEYS_A_LOCK));
        let mut keys = keys.iter();
        while keys.len() > 0 {
            wanted.clear();
            wanted.extend(keys.by_ref().take(KEYS_A_LOCK).map(Wanted::new));
            let from = found.len();
            self.shared.index.read().find_all(&wanted, &mut found);
            let found = &mut found[from..];
            if found.contains(&None) {
                let each = wanted.iter_mut().zip(found.iter()).enumerate();
                for (at, (one, _)) in each.filter(|(_, (_, found))| found.is_none()) {
                    one.is_refused = !admit(from + at, one.key);
                }
                let max_series = self.shared.options.max_series;
                self.shared
                    .index
                    .write()
                    .add_all(&wanted, max_series, found);
            }
        }
        found
    }

    /// The number of a series that exists.
    #[must_use]
    pub fn find(&self, key: &SeriesKey) -> Option<SeriesId> {
        self.shared.index.read().find(key.borrowed())
    }

    /// The same for many, in their order.
    #[must_use]
    pub fn find_many(&self, keys: &KeyRun) -> Vec<Option<SeriesId>> {
        let mut found = Vec::with_capacity(keys.len());
        let mut wanted = Vec::with_capacity(keys.len().min(KEYS_A_LOCK));
        let mut keys = keys.iter();
        while keys.len() > 0 {
            wanted.clear();
            wanted.extend(keys.by_ref().take(KEYS_A_LOCK).map(Wanted::new));
            self.shared.index.read().find_all(&wanted, &mut found);
        }
        found
    }

    /// How many series have this name.
    #[must_use]
    pub fn series_named(&self, name: &str) -> u64 {
        self.shared.index.read().series_named(name)
    }

    /// Changes when series were taken out: numbers resolved before may not be taken any more.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.shared.generation()
    }

    /// Queues a write; its `done` is called when it is on disk, or refused.
    ///
    /// # Errors
    /// Gives the write back, uncalled: with [`StoreError::Busy`] while the queue is full, with [`StoreError::Full`]
    /// while there is no room for more, or with [`StoreError::Closed`].
    pub fn append(&self, write: Write) -> Result<(), (Box<Write>, StoreError)> {
        if let Some(reason) = self.shared.gate.reason() {
            return Err((Box::new(write), StoreError::Full(reason)));
        }
        let (command, error) = match self.commands.try_send(Command::Write(write)) {
            Ok(()) => return Ok(()),
            Err(TrySendError::Full(command)) => (command, StoreError::Busy),
            Err(TrySendError::Disconnected(command)) => (command, StoreError::Closed),
        };
        match command {
            Command::Write(write) => Err((Box::new(write), error)),
            _ => Ok(()),
        }
    }

    /// The highest sequence of this (agent, boot) on disk; 0 for none.
    #[must_use]
    pub fn last_sequence(&self, agent: &str, boot: u64) -> u64 {
        self.shared.dedupe.read().last(agent, boot)
    }

    #[must_use]
    pub fn stats(&self) -> Stats {
        let shared = &self.shared;
        Stats {
            series: shared.index.read().len() as u64,
            head_samples: shared.head.samples(),
            head_bytes: shared.head.used_bytes() as u64,
            head_held_bytes: shared.head.held_bytes() as u64,
            journal_bytes: shared.journal_bytes.load(Ordering::Relaxed),
            open_windows: shared.head.open_windows().len() as u64,
            sealed_windows: shared.past.read().windows.len() as u64,
        }
    }

    /// Why writes are refused now; `None` while they are taken.
    #[must_use]
    pub fn refusing(&self) -> Option<String> {
        self.shared.gate.reason()
    }

    /// Why nothing can be sealed any more before the store is opened again; `None` while it can.
    #[must_use]
    pub fn broken(&self) -> Option<String> {
        self.shared.backend.broken().map(str::to_owned)
    }

    /// Looks whether there is room for writes; to be called every second or so.
    pub fn look_for_room(&self) {
        let (shared, options) = (&self.shared, &self.shared.options);
        shared.gate.look(&Room {
            dir: &options.dir,
            only_read: shared.backend.is_only_read().then_some(FULL_AT_START),
            broken: shared.backend.broken(),
            reserve_bytes: options.disk_reserve_bytes,
            held: shared.held(),
            windows: (
                shared.head.open_windows().len() as u64,
                options.max_open_windows,
            ),
        });
    }

    /// Which metrics, labels and values have the most series, so many of each. Counted a slice at a time, writes going on
    /// between them: what comes or goes meanwhile may be in it or not.
    #[must_use]
    pub fn cardinality(&self, limit: usize) -> Cardinality {
        let mut counting = Counting::new(limit);
        loop {
            let index = self.shared.index.read();
            if let Some(found) = counting.go_on(&index) {
                return found;
            }
        }
    }

    /// Writes what is queued and stops the writer. The head stays in the journal and is back at the next start.
    pub fn close(&self) {
        let threads = std::mem::take(&mut *self.threads.lock());
        if threads.is_empty() {
            return;
        }
        self.stop_starting();
        let _ = self.commands.send(Command::Close);
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a thread of the store ended by a panic");
            }
        }
    }

    /// Leave to seal, drop, delete and copy: one at a time, and not before everything is there.
    pub(crate) fn tend(&self) -> Result<MutexGuard<'_, Upkeep>, StoreError> {
        self.shared.starting.check()?;
        let upkeep = self.upkeep.lock();
        let (backend, options) = (&self.shared.backend, &self.shared.options);
        if backend.is_only_read() && gate::has_space_again(&options.dir, options.disk_reserve_bytes)
        {
            backend.reopen()?;
        }
        backend.check_usable()?;
        Ok(upkeep)
    }

    pub(crate) fn send(&self, command: Command) -> Result<(), StoreError> {
        self.commands.send(command).map_err(|_| StoreError::Closed)
    }

    /// Sends a command and waits for its answer.
    pub(crate) fn ask<T>(
        &self,
        command: impl FnOnce(SyncSender<T>) -> Command,
    ) -> Result<T, StoreError> {
        let (reply, answer) = sync_channel(1);
        self.send(command(reply))?;
        answer.recv().map_err(|_| StoreError::Closed)
    }
}

/// Nobody would wait for a store that is gone; this never waits itself.
impl Drop for Store {
    fn drop(&mut self) {
        self.stop_starting();
    }
}

/// Says that the replay is over when it panicked: who waits for it must not wait for ever.
struct Ended<'a>(&'a Starting);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.end_replay(Err(StoreError::Closed));
    }
}

fn shards(options: &Options) -> usize {
    match options.shards {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        shards => shards,
    }
}

impl Shared {
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    pub(crate) fn note_journal_bytes(&self, bytes: u64) {
        self.journal_bytes.store(bytes, Ordering::Relaxed);
    }

    /// What head and journal hold, beside the most that they may.
    pub(crate) fn held(&self) -> Held {
        let journal_bytes = self.journal_bytes.load(Ordering::Relaxed);
        Held {
            head: (self.head.used_bytes() as u64, self.options.max_head_bytes),
            journal: (journal_bytes, self.options.max_journal_bytes),
        }
    }

    /// Lets readers see the windows in which series got their first sample.
    pub(crate) fn mark_begun(&self) {
        let begun = self.head.take_begun();
        if !begun.is_empty() {
            let mut index = self.index.write();
            for (window, series) in begun {
                index.presence.mark_window(window, series);
            }
        }
    }

    /// Takes series out of index and head, once the journal says so.
    pub(crate) fn take_out(&self, series: &RoaringBitmap) {
        *self.unforgotten.lock() |= series;
        self.generation.fetch_add(1, Ordering::AcqRel);
        let mut index = self.index.write();
        index.remove(series);
        self.head.forget(series.iter());
    }
}
