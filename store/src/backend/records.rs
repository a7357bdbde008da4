//! What RocksDB knows beside chunks: definitions of series, sealed windows, days with points, sequences, and what was
//! dropped or deleted. Each record's reading and writing.

use roaring::RoaringBitmap;
use rocksdb::{FlushOptions, IteratorMode, ReadOptions, WriteBatch};

use super::table::Table;
use super::{Backend, Definitions, Dropped, META, RolledDay, SERIES, SealedWindow, keys, options};
use crate::StoreError;
use crate::fail;
use crate::index::{Day, Definition};

const DEDUPE_KEY: &[u8] = b"dedupe";
const NEXT_SERIES_KEY: &[u8] = b"next_series";
const FIRST_KEPT_KEY: &[u8] = b"first_kept";
const DELETED_KEY: &[u8] = b"deleted";
/// Fewer definitions than this go through the log instead of a table.
const DEFINITIONS_A_TABLE: usize = 4_096;

impl Backend {
    /// Hands over every series that was written down; a record that cannot be read is named and left out.
    pub(crate) fn definitions(
        &self,
        mut take: impl FnMut(Definition),
    ) -> Result<Vec<String>, StoreError> {
        let mut damaged = Vec::new();
        let mut options = ReadOptions::default();
        options.fill_cache(false);
        let family = self.family(SERIES)?;
        for entry in self
            .db
            .iterator_cf_opt(&family, options, IteratorMode::Start)
        {
            let (key, value) = entry.map_err(|error| self.damaged(error))?;
            match keys::read_definition(&key, &value) {
                Some(definition) => take(definition),
                None => damaged.push(format!("series record {key:02x?}")),
            }
        }
        Ok(damaged)
    }

    /// Every sealed window.
    pub(crate) fn sealed(&self) -> Result<Vec<SealedWindow>, StoreError> {
        let mut sealed = Vec::new();
        self.each_with_prefix(keys::SEALED_PREFIX, |key, value| {
            let read = keys::read_sealed(key, value);
            sealed.push(read.ok_or_else(|| self.corrupt("a sealed window's record"))?);
            Ok(())
        })?;
        Ok(sealed)
    }

    /// Every day with rollups.
    pub(crate) fn rolled_days(&self) -> Result<Vec<(Day, RolledDay)>, StoreError> {
        let mut days = Vec::new();
        self.each_with_prefix(keys::DAY_PREFIX, |key, value| {
            let read = keys::read_day(key, value);
            days.push(read.ok_or_else(|| self.corrupt("a day's record"))?);
            Ok(())
        })?;
        Ok(days)
    }

    fn each_with_prefix(
        &self,
        prefix: &[u8],
        mut take: impl FnMut(&[u8], &[u8]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        for entry in self.db.prefix_iterator_cf(&self.family(META)?, prefix) {
            let (key, value) = entry.map_err(|error| self.damaged(error))?;
            if !key.starts_with(prefix) {
                break;
            }
            take(&key, &value)?;
        }
        Ok(())
    }

    pub(crate) fn dedupe(&self) -> Result<Option<Vec<u8>>, StoreError> {
        self.meta(DEDUPE_KEY)
    }

    /// Series numbers below this were given out once.
    pub(crate) fn next_series(&self) -> Result<u32, StoreError> {
        self.number(NEXT_SERIES_KEY)
    }

    pub(crate) fn dropped(&self) -> Result<Dropped, StoreError> {
        let Some(bytes) = self.meta(FIRST_KEPT_KEY)? else {
            return Ok(Dropped::default());
        };
        keys::read_dropped(&bytes).ok_or_else(|| self.corrupt("the record of what was dropped"))
    }

    /// Writes down what was dropped; durable on return.
    pub(crate) fn put_dropped(&self, dropped: Dropped) -> Result<(), StoreError> {
        let mut batch = WriteBatch::default();
        let value = keys::dropped_value(dropped);
        batch.put_cf(&self.family(META)?, FIRST_KEPT_KEY, value);
        self.write_synced(batch)
    }

    fn number(&self, key: &'static [u8]) -> Result<u32, StoreError> {
        let Some(bytes) = self.meta(key)? else {
            return Ok(0);
        };
        let bytes = bytes.try_into();
        bytes
            .map(u32::from_le_bytes)
            .map_err(|_| self.corrupt("a number among the metadata"))
    }

    /// Writes series down: ascending by number, and none of them before; durable on return.
    pub(crate) fn put_definitions(&self, definitions: &Definitions) -> Result<(), StoreError> {
        let Some((first, _)) = definitions.iter().next() else {
            return Ok(());
        };
        if definitions.len() < DEFINITIONS_A_TABLE {
            let mut batch = WriteBatch::default();
            let family = self.family(SERIES)?;
            for (series, value) in definitions.iter() {
                batch.put_cf(&family, series.to_be_bytes(), value);
            }
            return self.write_synced(batch);
        }
        let stem = self.tables.join(format!("series-{first}-{}", self.next()));
        let options = options::series_table();
        let mut table = Table::new(&options, stem);
        for (series, value) in definitions.iter() {
            table.put(&series.to_be_bytes(), value)?;
        }
        self.ingest_into(SERIES, &table.finish()?)
    }

    /// Writes down that a window is sealed, with the sequences known by then; durable on return.
    pub(crate) fn put_sealed(
        &self,
        sealed: &SealedWindow,
        day: Option<(Day, &RolledDay)>,
        dedupe: &[u8],
    ) -> Result<(), StoreError> {
        let meta = self.family(META)?;
        let mut batch = WriteBatch::default();
        batch.put_cf(
            &meta,
            keys::sealed_key(sealed.window),
            keys::sealed_value(sealed),
        );
        if let Some((day, rolled)) = day {
            batch.put_cf(&meta, keys::day_key(day), keys::day_value(rolled));
        }
        batch.put_cf(&meta, DEDUPE_KEY, dedupe);
        if !fail::pass("sealed.put").map_err(StoreError::io("write", self.db.path()))? {
            return Ok(());
        }
        let written = self.write_synced(batch);
        fail::pass("sealed.done").map_err(StoreError::io("write", self.db.path()))?;
        written
    }

    /// Writes down what is known of a day; durable on return.
    pub(crate) fn put_day(&self, day: Day, rolled: &RolledDay) -> Result<(), StoreError> {
        let mut batch = WriteBatch::default();
        batch.put_cf(
            &self.family(META)?,
            keys::day_key(day),
            keys::day_value(rolled),
        );
        self.write_synced(batch)
    }

    /// Forgets that series were written down; durable on return. Numbers below `next` are never given out again.
    pub(crate) fn forget_definitions(
        &self,
        series: &RoaringBitmap,
        next: u32,
    ) -> Result<(), StoreError> {
        let mut batch = WriteBatch::default();
        let family = self.family(SERIES)?;
        series
            .iter()
            .for_each(|one| batch.delete_cf(&family, one.to_be_bytes()));
        let meta = self.family(META)?;
        batch.put_cf(&meta, NEXT_SERIES_KEY, next.to_le_bytes());
        let deleted = self.deleted()?.unwrap_or_default() | series;
        let mut value = Vec::new();
        // Writing to memory cannot fail.
        let _ = deleted.serialize_into(&mut value);
        batch.put_cf(&meta, DELETED_KEY, value);
        self.write_synced(batch)?;
        self.settle()
    }

    /// The series that were deleted or left; `None` where none was yet.
    pub(crate) fn deleted(&self) -> Result<Option<RoaringBitmap>, StoreError> {
        let Some(bytes) = self.meta(DELETED_KEY)? else {
            return Ok(None);
        };
        let read = RoaringBitmap::deserialize_from(&bytes[..]);
        read.map(Some)
            .map_err(|_| self.corrupt("the record of deleted series"))
    }

    /// Series and metadata into tables: what stands in RocksDB's log alone is lost with one bad byte of it. To be called
    /// before the journal lets go of what they say.
    pub(crate) fn settle(&self) -> Result<(), StoreError> {
        let mut options = FlushOptions::default();
        options.set_wait(true);
        let (series, meta) = (self.family(SERIES)?, self.family(META)?);
        self.noting(self.db.flush_cfs_opt(&[&series, &meta], &options))
    }
}
