//! Tables on their way into RocksDB: entries in the order of their keys, streamed into files of bounded size, so that
//! nothing of a window is held in memory.

use std::path::{Path, PathBuf};

use rocksdb::{Options, SstFileWriter};

use crate::StoreError;
use crate::fail;

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
        Ok(self.paths)
    }
}

fn sync_file(path: &Path) -> Result<(), StoreError> {
    std::fs::File::open(path)
        .and_then(|file| file.sync_all())
        .map_err(StoreError::io("sync", path))
}
