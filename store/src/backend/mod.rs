//! Everything that touches RocksDB. Speaks the store's verbs; no column family, iterator or option leaves this folder.
//! Keys and values in docs/format/keys.md.

mod chunks;
mod definitions;
mod forgetting;
mod held;
mod keys;
mod options;
mod purge;
mod records;
mod reopen;
mod table;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use roaring::RoaringBitmap;
use rocksdb::checkpoint::Checkpoint;
use rocksdb::{
    BoundColumnFamily, DB, IngestExternalFileOptions, Options, WriteBatch, WriteOptions,
};

use crate::StoreError;
use crate::fail;
use crate::window::Window;
pub(crate) use definitions::Definitions;
pub(crate) use held::HeldBackend;
pub(crate) use purge::Doom;
pub(crate) use table::ChunkTable;
use table::Table;

const SERIES: &str = "series";
const META: &str = "meta";
/// Holds nothing: see [`Backend::broken`].
const PROBE_KEY: &[u8] = b"probe";

/// Why nothing can be changed where RocksDB could only be opened to be read.
pub(crate) const FULL_AT_START: &str = "the disk is full, so the store was opened to be read; free some space, and it goes on by itself";

/// What a column of chunks holds. Chunks of points have a day where those of samples have a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Tier {
    Raw,
    Minute,
    Hour,
}

impl Tier {
    pub(crate) const ALL: [Tier; 3] = [Tier::Raw, Tier::Minute, Tier::Hour];

    fn family(self) -> &'static str {
        match self {
            Tier::Raw => "chunks",
            Tier::Minute => "minutes",
            Tier::Hour => "hours",
        }
    }
}

/// A window that is durable as tables.
#[derive(Debug)]
pub(crate) struct SealedWindow {
    pub(crate) window: Window,
    /// The newest journal segment whose samples of this window are in the tables.
    pub(crate) through: u32,
    pub(crate) present: RoaringBitmap,
}

/// Which raw samples retention has dropped. What comes later for those windows, when they are kept for longer again or a
/// clock is set back, is in later segments and stays.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Dropped {
    /// Of windows before this one.
    pub(crate) before: Window,
    /// That journal segments up to this number hold, or `UNKNOWN`.
    pub(crate) through: u32,
}

impl Dropped {
    /// Written by a program that did not tell: all that the journal holds.
    pub(crate) const UNKNOWN: u32 = u32::MAX;

    pub(crate) fn has(&self, window: Window, segment: u32) -> bool {
        window < self.before && segment <= self.through
    }
}

/// What is known of a day's rollups.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct RolledDay {
    /// The series with samples in it.
    pub(crate) present: RoaringBitmap,
    /// Those whose points are to be made, or made again.
    pub(crate) stale: RoaringBitmap,
    /// How often points were made: the part of the newest chunks.
    pub(crate) part: u32,
    /// The tiers that have points of it.
    pub(crate) minutes: bool,
    pub(crate) hours: bool,
}

/// The store's RocksDB.
pub(crate) struct Backend {
    db: DB,
    tables: PathBuf,
    table_options: Options,
    /// Opened while the disk was full: nothing can be changed.
    is_only_read: bool,
    /// Why RocksDB takes nothing more until it is opened again.
    broken: OnceLock<String>,
    /// Tables that could not be taken in. The manifest may name them all the same, so they stay for the next start,
    /// until the manifest is known to be good.
    left: Mutex<Vec<PathBuf>>,
    made: AtomicU64,
    /// Before which window each tier was dropped since the start.
    dropped: Mutex<[Window; Tier::ALL.len()]>,
    /// Chunks that a look came upon and could not read, since the start.
    unread: AtomicU64,
}

impl Backend {
    pub(crate) fn open(dir: &Path, cache_bytes: usize) -> Result<Self, StoreError> {
        let tables = dir.join("tables");
        let db = reopen::open(&dir.join("db"), &tables, cache_bytes)?;
        // What lies here was never ingested: its samples are still in the journal.
        let _ = std::fs::remove_dir_all(&tables);
        std::fs::create_dir_all(&tables).map_err(StoreError::io("create", &tables))?;
        Ok(Self::new(db, tables))
    }

    fn new(db: DB, tables: PathBuf) -> Self {
        Self {
            db,
            tables,
            table_options: options::table(),
            is_only_read: false,
            broken: OnceLock::new(),
            left: Mutex::default(),
            made: AtomicU64::new(0),
            dropped: Mutex::default(),
            unread: AtomicU64::new(0),
        }
    }

    /// To answer from until there is room; see [`HeldBackend`].
    fn open_on_full_disk(dir: &Path, cache_bytes: usize) -> Result<Self, StoreError> {
        let mut backend = Self::open_to_read(dir, cache_bytes)?;
        backend.is_only_read = true;
        Ok(backend)
    }

    /// For looking only: nothing of it is changed.
    pub(crate) fn open_to_read(dir: &Path, cache_bytes: usize) -> Result<Self, StoreError> {
        let families = options::families(cache_bytes);
        let path = dir.join("db");
        let db = DB::open_cf_descriptors_read_only(&options::database(), &path, families, false)
            .map_err(|error| reopen::failed(&path, error))?;
        Ok(Self::new(db, dir.join("tables")))
    }

    /// Whether anything can be changed; to be asked before.
    ///
    /// # Errors
    /// [`StoreError::Broken`], [`StoreError::Full`] where it is only read, and what still fails.
    pub(crate) fn check_usable(&self) -> Result<(), StoreError> {
        if self.is_only_read {
            return Err(StoreError::Full(FULL_AT_START.to_owned()));
        }
        if let Some(why) = self.broken() {
            return Err(StoreError::Broken(why.to_owned()));
        }
        if self.left.lock().is_empty() {
            return Ok(());
        }
        // After a failure RocksDB writes its manifest anew with the next change.
        self.probe()?;
        self.settle()?;
        for path in self.left.lock().drain(..) {
            // At the latest it goes with the next start.
            let _ = std::fs::remove_file(path);
        }
        Ok(())
    }

    /// Rises with each chunk that a look comes upon and cannot read.
    pub(crate) fn unread(&self) -> u64 {
        self.unread.load(Ordering::Relaxed)
    }

    /// Why RocksDB takes nothing more; `None` while it does.
    pub(crate) fn broken(&self) -> Option<&str> {
        self.broken.get().map(String::as_str)
    }

    /// After a failure of the disk RocksDB may refuse every later change, and nothing but opening it again helps: found
    /// out by one more, small and synced.
    pub(super) fn noting<T>(&self, result: Result<T, rocksdb::Error>) -> Result<T, StoreError> {
        result.map_err(|error| {
            let failed = StoreError::Backend(error);
            if self.is_only_read {
                return StoreError::Full(format!("{FULL_AT_START} ({failed})"));
            }
            if !failed.is_out_of_space() && self.probe().is_err() {
                let why = format!(
                    "RocksDB takes nothing more after a failure ({failed}); look at the disk, then start again"
                );
                if self.broken.set(why).is_ok() {
                    tracing::error!("{failed}: nothing more is sealed until the next start");
                }
            }
            failed
        })
    }

    /// For what does not say itself whether it failed.
    pub(super) fn noting_now(&self) -> Result<(), StoreError> {
        let family = self.family(META)?;
        self.noting(self.db.put_cf(&family, PROBE_KEY, []))
    }

    fn probe(&self) -> Result<(), StoreError> {
        let mut options = WriteOptions::default();
        options.set_sync(true);
        Ok(self
            .db
            .put_cf_opt(&self.family(META)?, PROBE_KEY, [], &options)?)
    }

    /// An empty table for one sealing; see [`Backend::ingest`].
    pub(crate) fn table(&self, tier: Tier, window: Window, part: u32) -> ChunkTable<'_> {
        let stem = self
            .tables
            .join(format!("{}-{window}-{part}-{}", tier.family(), self.next()));
        ChunkTable::new(Table::new(&self.table_options, stem), window, part)
    }

    /// A number for names of files: what could not be taken in is not written over.
    fn next(&self) -> u64 {
        self.made.fetch_add(1, Ordering::Relaxed)
    }

    /// Takes finished tables in; durable on return.
    pub(crate) fn ingest(&self, tier: Tier, paths: &[PathBuf]) -> Result<(), StoreError> {
        self.ingest_into(tier.family(), paths)
    }

    fn ingest_into(&self, family: &'static str, paths: &[PathBuf]) -> Result<(), StoreError> {
        if paths.is_empty() {
            return Ok(());
        }
        if !fail::pass("table.ingest").map_err(StoreError::io("ingest", &self.tables))? {
            return Ok(());
        }
        let mut options = IngestExternalFileOptions::default();
        options.set_move_files(true);
        let family = self.family(family)?;
        let taken = self
            .db
            .ingest_external_file_cf_opts(&family, &options, paths.to_vec());
        if taken.is_err() {
            self.left.lock().extend_from_slice(paths);
        }
        self.noting(taken)?;
        fail::pass("table.ingested").map_err(StoreError::io("ingest", &self.tables))?;
        Ok(())
    }

    fn write_synced(&self, batch: WriteBatch) -> Result<(), StoreError> {
        let mut options = WriteOptions::default();
        let sync = fail::pass("sealed.sync").map_err(StoreError::io("sync", self.db.path()))?;
        options.set_sync(sync);
        self.noting(self.db.write_opt(batch, &options))
    }

    /// A copy of everything that is durable now, in a directory that must not exist; files are linked where possible.
    pub(crate) fn checkpoint(&self, dir: &Path) -> Result<(), StoreError> {
        Ok(Checkpoint::new(&self.db)?.create_checkpoint(dir)?)
    }

    fn family(&self, name: &'static str) -> Result<Arc<BoundColumnFamily<'_>>, StoreError> {
        self.db.cf_handle(name).ok_or_else(|| self.corrupt(name))
    }

    /// Names the file, and says what to do.
    fn damaged(&self, error: rocksdb::Error) -> StoreError {
        reopen::failed(self.db.path(), error)
    }

    fn meta(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let found = self.db.get_cf(&self.family(META)?, key);
        found.map_err(|error| self.damaged(error))
    }

    pub(crate) fn corrupt(&self, what: &str) -> StoreError {
        StoreError::Corrupt {
            path: self.db.path().to_owned(),
            what: what.to_owned(),
        }
    }
}

#[cfg(test)]
impl Backend {
    /// Leaves a series' chunks without their definition.
    pub(crate) fn lose_definition(&self, series: u32) {
        if let Ok(family) = self.family(SERIES) {
            let _ = self.db.delete_cf(&family, series.to_be_bytes());
        }
    }

    /// The files of a tier, in the order of their keys.
    pub(crate) fn table_names(&self, tier: Tier) -> Vec<String> {
        let mut live = self.db.live_files().unwrap_or_default();
        live.retain(|file| file.column_family_name == tier.family());
        live.sort_by(|a, b| a.start_key.cmp(&b.start_key));
        live.into_iter().map(|file| file.name).collect()
    }

    /// Each file's family and name.
    pub(crate) fn live_files(&self) -> Vec<(String, String)> {
        let live = self.db.live_files().unwrap_or_default();
        let named = live.into_iter();
        named
            .map(|file| (file.column_family_name, file.name))
            .collect()
    }
}
