//! The store as its users hold it: open, resolve, append, close. The parts are in their own files: writing in
//! `writer.rs`, reading in `read.rs`, sealing in `seal.rs`.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use parking_lot::{Mutex, RwLock};
use weir_wire::SeriesKey;

use crate::backend::{Backend, SealedWindow};
use crate::dedupe::Dedupe;
use crate::head::Head;
use crate::index::{Definition, Index, SeriesId};
use crate::journal::{self, Journal, Record};
use crate::lock::{self, Lock};
use crate::window::{self, Window};
use crate::writer::{Command, Write, Writer};
use crate::{Options, StoreError};

/// What writer and readers share; each field says who may change it.
pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) backend: Backend,
    /// Resolving adds series; the writer marks windows.
    pub(crate) index: RwLock<Index>,
    /// The writer alone.
    pub(crate) head: RwLock<Head>,
    /// The writer alone.
    pub(crate) dedupe: RwLock<Dedupe>,
    /// Series that are not in the journal yet: they go before the points of the next group.
    pub(crate) unlogged: Mutex<Vec<Definition>>,
    /// Series that are not in RocksDB yet: they go with the next sealed window.
    pub(crate) unsaved: Mutex<Vec<Definition>>,
    pub(crate) journal_bytes: AtomicU64,
}

/// An open store. Dropping it without [`Store::close`] loses nothing that was acknowledged.
pub struct Store {
    pub(crate) shared: Arc<Shared>,
    pub(crate) sealed_at_ms: Mutex<HashMap<Window, i64>>,
    commands: SyncSender<Command>,
    writer: Mutex<Option<JoinHandle<()>>>,
    _lock: Lock,
}

/// What starting found.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Recovery {
    pub series: u64,
    pub journal_groups: u64,
    pub samples: u64,
    /// Bytes behind the last whole group: never acknowledged.
    pub torn_bytes: u64,
    /// `file: from..to` of synced bytes that could not be read.
    pub damage: Vec<String>,
    /// Samples whose series was lost with damage.
    pub orphans: u64,
}

/// Sizes, now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stats {
    pub series: u64,
    pub head_samples: u64,
    pub journal_bytes: u64,
}

impl Store {
    /// Takes the directory, reads back what is in it and starts the writer.
    ///
    /// # Errors
    /// The directory is in use or of another format, cannot be read, or RocksDB refuses it.
    pub fn open(options: Options) -> Result<(Self, Recovery), StoreError> {
        let lock = lock::take(&options.dir, options.window_ms)?;
        let dir = options.dir.join("journal");
        std::fs::create_dir_all(&dir).map_err(StoreError::io("create", &dir))?;
        let backend = Backend::open(&options.dir)?;
        let restored = Restoring::from_backend(&backend)?.replay(&dir, &options)?;
        lock::sync_dir(&options.dir)?;
        let journal = Journal::new(
            dir,
            options.segment_bytes,
            restored.segments,
            restored.floor,
        );
        let queued_writes = options.queued_writes;
        let shared = Arc::new(Shared {
            options,
            backend,
            journal_bytes: AtomicU64::new(journal.bytes()),
            index: RwLock::new(restored.index),
            head: RwLock::new(restored.head),
            dedupe: RwLock::new(restored.dedupe),
            unlogged: Mutex::default(),
            unsaved: Mutex::new(restored.unsaved),
        });
        let (commands, inbox) = sync_channel(queued_writes);
        let writer = Writer {
            journal,
            shared: Arc::clone(&shared),
        };
        let writer = std::thread::Builder::new()
            .name("weir-writer".to_owned())
            .spawn(move || writer.run(&inbox))
            .map_err(StoreError::io("start the writer for", &shared.options.dir))?;
        let store = Self {
            shared,
            sealed_at_ms: Mutex::default(),
            commands,
            writer: Mutex::new(Some(writer)),
            _lock: lock,
        };
        Ok((store, restored.recovery))
    }

    /// The number of a series, given out now if it is new.
    ///
    /// # Errors
    /// [`StoreError::TooManySeries`].
    pub fn resolve(&self, key: &SeriesKey) -> Result<SeriesId, StoreError> {
        if let Some(id) = self.shared.index.read().find(key) {
            return Ok(id);
        }
        let mut index = self.shared.index.write();
        if let Some(id) = index.find(key) {
            return Ok(id);
        }
        let definition = index.add(key, self.shared.options.max_series)?;
        let id = SeriesId(definition.series);
        // Under the index's lock: whoever finds the id finds its definition on the way to the journal too.
        self.shared.unsaved.lock().push(definition.clone());
        self.shared.unlogged.lock().push(definition);
        Ok(id)
    }

    /// Queues a write; its `done` is called when it is on disk, or refused.
    ///
    /// # Errors
    /// Gives the write back, uncalled, with [`StoreError::Busy`] while the queue is full, or [`StoreError::Closed`].
    pub fn append(&self, write: Write) -> Result<(), (Box<Write>, StoreError)> {
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
        Stats {
            series: self.shared.index.read().len() as u64,
            head_samples: self.shared.head.read().len() as u64,
            journal_bytes: self.shared.journal_bytes.load(Ordering::Relaxed),
        }
    }

    /// Writes what is queued and stops the writer. The head stays in the journal and is back at the next start.
    pub fn close(&self) {
        if let Some(writer) = self.writer.lock().take() {
            let _ = self.commands.send(Command::Close);
            if writer.join().is_err() {
                tracing::error!("the writer ended by a panic");
            }
        }
    }

    pub(crate) fn send(&self, command: Command) -> Result<(), StoreError> {
        self.commands.send(command).map_err(|_| StoreError::Closed)
    }
}

/// The state of a store while it is being read back.
struct Restoring {
    index: Index,
    head: Head,
    dedupe: Dedupe,
    unsaved: Vec<Definition>,
    sealed_through: HashMap<Window, u32>,
    /// The highest segment number that a watermark names.
    floor: u32,
    segments: Vec<(u32, u64, BTreeSet<Window>)>,
    recovery: Recovery,
}

impl Restoring {
    fn from_backend(backend: &Backend) -> Result<Self, StoreError> {
        let mut index = Index::default();
        for definition in backend.definitions()? {
            index.restore(&definition);
        }
        let mut sealed_through = HashMap::new();
        for SealedWindow {
            window,
            through,
            present,
        } in backend.sealed()?
        {
            index.mark_all(window, &present);
            sealed_through.insert(window, through);
        }
        let dedupe = match backend.dedupe()? {
            None => Dedupe::default(),
            // Going on without it would store again what agents send again.
            Some(bytes) => {
                Dedupe::decode(&bytes).ok_or_else(|| backend.corrupt("the record of sequences"))?
            }
        };
        Ok(Self {
            index,
            head: Head::default(),
            dedupe,
            unsaved: Vec::new(),
            floor: sealed_through.values().copied().max().unwrap_or(0),
            sealed_through,
            segments: Vec::new(),
            recovery: Recovery::default(),
        })
    }

    fn replay(mut self, dir: &std::path::Path, options: &Options) -> Result<Self, StoreError> {
        let mut needed: HashMap<u32, BTreeSet<Window>> = HashMap::new();
        let replayed = journal::replay(dir, |segment, record| {
            self.take(
                segment,
                record,
                options.window_ms,
                needed.entry(segment).or_default(),
            );
        })?;
        for (window, series) in self.head.take_begun() {
            self.index.mark(window, series);
        }
        self.segments = replayed
            .segments
            .iter()
            .map(|(number, bytes)| (*number, *bytes, needed.remove(number).unwrap_or_default()))
            .collect();
        self.recovery.series = self.index.len() as u64;
        self.recovery.journal_groups = replayed.groups;
        self.recovery.torn_bytes = replayed.torn_bytes;
        let named = |d: &journal::Damage| {
            format!("{}: {}..{}", d.path.display(), d.bytes.start, d.bytes.end)
        };
        self.recovery.damage = replayed.damage.iter().map(named).collect();
        Ok(self)
    }

    fn take(
        &mut self,
        segment: u32,
        record: Record,
        window_ms: i64,
        needed: &mut BTreeSet<Window>,
    ) {
        let (origin, points) = match record {
            Record::Definition(definition) => {
                if self.index.key(SeriesId(definition.series)).is_none() {
                    self.index.restore(&definition);
                    self.unsaved.push(definition);
                }
                return;
            }
            Record::Batch { origin, points } => (origin, points),
        };
        if let Some(origin) = &origin {
            self.dedupe.note(origin);
        }
        for point in points {
            let Some(window) = window::of(point.sample.timestamp_ms, window_ms) else {
                continue;
            };
            if self
                .sealed_through
                .get(&window)
                .is_some_and(|through| segment <= *through)
            {
                continue;
            }
            if self.index.key(point.series).is_none() {
                self.recovery.orphans += 1;
                continue;
            }
            needed.insert(window);
            self.recovery.samples += 1;
            self.head.insert(window, point.series.0, point.sample);
        }
    }
}
