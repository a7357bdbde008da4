//! Everything that touches RocksDB. Speaks the store's verbs; no column family, iterator or option leaves this folder.
//! Keys and values in docs/format/keys.md.

mod keys;
mod table;

use std::path::{Path, PathBuf};

use roaring::RoaringBitmap;
use rocksdb::{
    BlockBasedOptions, Cache, ColumnFamilyDescriptor, DB, IngestExternalFileOptions, IteratorMode,
    Options, ReadOptions, WriteBatch, WriteOptions,
};

use crate::StoreError;
use crate::index::{Definition, MetricId};
use crate::window::Window;
pub(crate) use table::Table;

const SERIES: &str = "series";
const CHUNKS: &str = "chunks";
const META: &str = "meta";
const DEDUPE_KEY: &[u8] = b"dedupe";
const BLOCK_BYTES: usize = 16 << 10;
const CACHE_BYTES: usize = 256 << 20;
/// Entries passed over one by one before a seek is cheaper.
const STEPS_BEFORE_SEEK: usize = 8;

/// A window that is durable as tables.
#[derive(Debug)]
pub(crate) struct SealedWindow {
    pub(crate) window: Window,
    /// The newest journal segment whose samples of this window are in the tables.
    pub(crate) through: u32,
    pub(crate) present: RoaringBitmap,
}

/// The store's RocksDB.
pub(crate) struct Backend {
    db: DB,
    tables: PathBuf,
}

impl Backend {
    pub(crate) fn open(dir: &Path) -> Result<Self, StoreError> {
        let mut options = Options::default();
        options.create_if_missing(true);
        options.create_missing_column_families(true);
        options.set_keep_log_file_num(4);
        options.set_max_total_wal_size(64 << 20);
        let families = [
            ColumnFamilyDescriptor::new(SERIES, Options::default()),
            ColumnFamilyDescriptor::new(META, Options::default()),
            ColumnFamilyDescriptor::new(CHUNKS, chunk_options()),
        ];
        let db = DB::open_cf_descriptors(&options, dir.join("db"), families)?;
        let tables = dir.join("tables");
        // What lies here was never ingested: its samples are still in the journal.
        let _ = std::fs::remove_dir_all(&tables);
        std::fs::create_dir_all(&tables).map_err(StoreError::io("create", &tables))?;
        Ok(Self { db, tables })
    }

    /// Every series that was written down.
    pub(crate) fn definitions(&self) -> Result<Vec<Definition>, StoreError> {
        let entries = self
            .db
            .iterator_cf(&self.family(SERIES)?, IteratorMode::Start);
        entries
            .map(|entry| {
                let (key, value) = entry?;
                keys::read_definition(&key, &value).ok_or_else(|| self.corrupt("a series record"))
            })
            .collect()
    }

    /// Every sealed window.
    pub(crate) fn sealed(&self) -> Result<Vec<SealedWindow>, StoreError> {
        let meta = self.family(META)?;
        let entries = self.db.prefix_iterator_cf(&meta, keys::SEALED_PREFIX);
        let mut sealed = Vec::new();
        for entry in entries {
            let (key, value) = entry?;
            if !key.starts_with(keys::SEALED_PREFIX) {
                break;
            }
            let read = keys::read_sealed(&key, &value);
            sealed.push(read.ok_or_else(|| self.corrupt("a sealed window's record"))?);
        }
        Ok(sealed)
    }

    pub(crate) fn dedupe(&self) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.db.get_cf(&self.family(META)?, DEDUPE_KEY)?)
    }

    /// An empty table for one sealing; see [`Backend::ingest`].
    pub(crate) fn table(&self, window: Window, part: u32) -> Result<Table, StoreError> {
        Table::create(
            self.tables.join(format!("{window}-{part}.sst")),
            window,
            part,
        )
    }

    /// Takes a finished table in; durable on return.
    pub(crate) fn ingest(&self, path: &Path) -> Result<(), StoreError> {
        let mut options = IngestExternalFileOptions::default();
        options.set_move_files(true);
        self.db
            .ingest_external_file_cf_opts(&self.family(CHUNKS)?, &options, vec![path])?;
        Ok(())
    }

    /// Writes down that a window is sealed, with the series and sequences known by then; durable on return.
    pub(crate) fn put_sealed(
        &self,
        sealed: &SealedWindow,
        definitions: &[Definition],
        dedupe: &[u8],
    ) -> Result<(), StoreError> {
        let (series, meta) = (self.family(SERIES)?, self.family(META)?);
        let mut batch = WriteBatch::default();
        for definition in definitions {
            batch.put_cf(
                &series,
                definition.series.to_be_bytes(),
                keys::definition_value(definition),
            );
        }
        batch.put_cf(
            &meta,
            keys::sealed_key(sealed.window),
            keys::sealed_value(sealed),
        );
        batch.put_cf(&meta, DEDUPE_KEY, dedupe);
        let mut options = WriteOptions::default();
        options.set_sync(true);
        self.db.write_opt(batch, &options)?;
        Ok(())
    }

    /// Hands over the chunks of the wanted series in one window, older parts first. `wanted` ascends.
    pub(crate) fn chunks_in(
        &self,
        window: Window,
        wanted: &[(MetricId, u32)],
        mut take: impl FnMut(u32, &[u8]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut options = ReadOptions::default();
        options.set_iterate_upper_bound(keys::window_end(window));
        let mut entries = self.db.raw_iterator_cf_opt(&self.family(CHUNKS)?, options);
        for &(metric, series) in wanted {
            let prefix = keys::chunk_prefix(window, metric, series);
            advance_to(&mut entries, &prefix);
            while let Some((key, value)) = entries.item() {
                if !key.starts_with(&prefix) {
                    break;
                }
                take(series, value)?;
                entries.next();
            }
        }
        entries.status()?;
        Ok(())
    }

    /// Forgets every window before this one.
    pub(crate) fn drop_before(&self, window: Window) -> Result<(), StoreError> {
        let (chunks, meta) = (self.family(CHUNKS)?, self.family(META)?);
        let (start, end) = (0_u32.to_be_bytes(), window.to_be_bytes());
        self.db.delete_file_in_range_cf(&chunks, start, end)?;
        let mut batch = WriteBatch::default();
        // Files that reach over the edge, or lie on level 0, are left by the call above.
        batch.delete_range_cf(&chunks, &start[..], &end[..]);
        batch.delete_range_cf(
            &meta,
            &keys::sealed_key(0)[..],
            &keys::sealed_key(window)[..],
        );
        self.db.write(batch)?;
        Ok(())
    }

    fn family(
        &self,
        name: &'static str,
    ) -> Result<std::sync::Arc<rocksdb::BoundColumnFamily<'_>>, StoreError> {
        self.db.cf_handle(name).ok_or_else(|| self.corrupt(name))
    }

    pub(crate) fn corrupt(&self, what: &str) -> StoreError {
        StoreError::Corrupt {
            path: self.db.path().to_owned(),
            what: what.to_owned(),
        }
    }
}

fn advance_to(entries: &mut rocksdb::DBRawIterator<'_>, prefix: &[u8]) {
    if entries.valid() {
        for _ in 0..STEPS_BEFORE_SEEK {
            if entries.key().is_none_or(|key| key >= prefix) {
                return;
            }
            entries.next();
        }
    }
    entries.seek(prefix);
}

/// Chunks come as whole tables and leave as whole tables: nothing is ever compacted, and they are compressed already.
fn chunk_options() -> Options {
    let mut block = BlockBasedOptions::default();
    block.set_block_size(BLOCK_BYTES);
    block.set_block_cache(&Cache::new_lru_cache(CACHE_BYTES));
    let mut options = Options::default();
    options.set_block_based_table_factory(&block);
    options.set_compression_type(rocksdb::DBCompressionType::None);
    options.set_disable_auto_compactions(true);
    options
}
