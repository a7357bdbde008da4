//! Tables on their way into RocksDB: entries in the order of their keys, streamed into files of bounded size, so that
//! nothing of a window is held in memory.

use std::path::{Path, PathBuf};

use rocksdb::{Options, SstFileWriter};

use super::keys;
use crate::StoreError;
use crate::fail;
use crate::pack::{Packing, Place};
use crate::window::Window;

/// A file is closed past this.
const FILE_BYTES: u64 = 256 << 20;

/// Files being written; nothing reads them before they are finished and ingested.
pub(crate) struct Table<'a> {
    options: &'a Options,
    stem: PathBuf,
    open: Option<SstFileWriter<'a>>,
    open_bytes: u64,
    paths: Vec<PathBuf>,
}

impl<'a> Table<'a> {
    pub(super) fn new(options: &'a Options, stem: PathBuf) -> Self {
        Self {
            options,
            stem,
            open: None,
            open_bytes: 0,
            paths: Vec::new(),
        }
    }

    /// Adds an entry; keys ascend.
    ///
    /// # Errors
    /// Of RocksDB or the file system.
    pub(crate) fn put(&mut self, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        if self.open_bytes > FILE_BYTES {
            self.close()?;
        }
        let writer = match &mut self.open {
            Some(writer) => writer,
            None => {
                let path = self
                    .stem
                    .with_extension(format!("{}.sst", self.paths.len()));
                fail::pass("table.build").map_err(StoreError::io("write", &path))?;
                let writer = SstFileWriter::create(self.options);
                writer.open(&path)?;
                self.paths.push(path);
                self.open.insert(writer)
            }
        };
        writer.put(key, value)?;
        self.open_bytes += (key.len() + value.len()) as u64;
        Ok(())
    }

    fn close(&mut self) -> Result<(), StoreError> {
        if let Some(mut writer) = self.open.take() {
            writer.finish()?;
            self.open_bytes = 0;
        }
        Ok(())
    }

    /// Closes and syncs the files; the paths are for [`super::Backend::ingest`]. None where nothing was put.
    ///
    /// # Errors
    /// Of RocksDB or the file system.
    pub(crate) fn finish(mut self) -> Result<Vec<PathBuf>, StoreError> {
        self.close()?;
        for path in &self.paths {
            if fail::pass("table.sync").map_err(StoreError::io("sync", path))? {
                sync_file(path)?;
            }
        }
        Ok(std::mem::take(&mut self.paths))
    }
}

/// What was not finished is nobody's.
impl Drop for Table<'_> {
    fn drop(&mut self) {
        self.open = None;
        for path in &self.paths {
            // At the latest it goes with the next start.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Chunks of one part of a window, on their way into tables in packs.
pub(crate) struct ChunkTable<'a> {
    table: Table<'a>,
    window: Window,
    part: u32,
    packing: Packing,
    bytes: Vec<u8>,
}

impl<'a> ChunkTable<'a> {
    pub(super) fn new(table: Table<'a>, window: Window, part: u32) -> Self {
        Self {
            table,
            window,
            part,
            packing: Packing::default(),
            bytes: Vec::new(),
        }
    }

    /// Adds a chunk; places ascend. `times_end` as for [`Packing::add`].
    ///
    /// # Errors
    /// Of RocksDB or the file system.
    pub(crate) fn put(
        &mut self,
        place: Place,
        chunk: &[u8],
        times_end: Option<usize>,
    ) -> Result<(), StoreError> {
        self.packing.add(place, chunk, times_end);
        if self.packing.is_full() {
            self.close_pack()?;
        }
        Ok(())
    }

    fn close_pack(&mut self) -> Result<(), StoreError> {
        let key = keys::pack_key(self.window, self.part, self.packing.last());
        self.bytes.clear();
        self.packing.close(&mut self.bytes);
        self.table.put(&key, &self.bytes)
    }

    /// As [`Table::finish`].
    ///
    /// # Errors
    /// Of RocksDB or the file system.
    pub(crate) fn finish(mut self) -> Result<Vec<PathBuf>, StoreError> {
        if !self.packing.is_empty() {
            self.close_pack()?;
        }
        self.table.finish()
    }
}

fn sync_file(path: &Path) -> Result<(), StoreError> {
    std::fs::File::open(path)
        .and_then(|file| file.sync_all())
        .map_err(StoreError::io("sync", path))
}
