//! A table on its way into RocksDB: the chunks of one window, written in the order of their keys.

use std::path::{Path, PathBuf};

use rocksdb::SstFileWriter;

use super::{chunk_options, keys};
use crate::StoreError;
use crate::index::MetricId;
use crate::window::Window;

/// Being written; nothing reads it before it is finished and ingested.
pub(crate) struct Table {
    path: PathBuf,
    window: Window,
    part: u32,
    chunks: Vec<(MetricId, u32, Vec<u8>)>,
}

impl Table {
    pub(super) fn create(path: PathBuf, window: Window, part: u32) -> Result<Self, StoreError> {
        Ok(Self {
            path,
            window,
            part,
            chunks: Vec::new(),
        })
    }

    pub(crate) fn put(&mut self, metric: MetricId, series: u32, chunk: Vec<u8>) {
        self.chunks.push((metric, series, chunk));
    }

    /// Writes and syncs the file; the path is for [`super::Backend::ingest`].
    pub(crate) fn finish(mut self) -> Result<PathBuf, StoreError> {
        self.chunks
            .sort_unstable_by_key(|(metric, series, _)| (*metric, *series));
        let options = chunk_options();
        let mut writer = SstFileWriter::create(&options);
        writer.open(&self.path)?;
        for (metric, series, chunk) in &self.chunks {
            let mut key = keys::chunk_prefix(self.window, *metric, *series).to_vec();
            key.extend_from_slice(&self.part.to_be_bytes());
            writer.put(key, chunk)?;
        }
        writer.finish()?;
        sync_file(&self.path)?;
        Ok(self.path)
    }
}

fn sync_file(path: &Path) -> Result<(), StoreError> {
    std::fs::File::open(path)
        .and_then(|file| file.sync_all())
        .map_err(StoreError::io("sync", path))
}
