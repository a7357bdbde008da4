//! RocksDB as the store holds it. It writes as it is opened, which a full disk refuses: it is then opened to be read, and
//! once there is room opened in its own place. Owns that moment; what is asked of it in between is asked of one of the two.

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::Backend;
use crate::StoreError;

/// Of the memory for reading tables, the part that one opened to be read has: it keeps that until the end.
const READ_ONLY_PART: usize = 8;

pub(crate) struct HeldBackend {
    first: Backend,
    /// In its place, where that could only be read.
    reopened: OnceLock<Backend>,
    dir: PathBuf,
    cache_bytes: usize,
}

impl HeldBackend {
    /// Opens it, on a full disk to be read.
    ///
    /// # Errors
    /// Of RocksDB.
    pub(crate) fn open(dir: &Path, cache_bytes: usize) -> Result<Self, StoreError> {
        let first = match Backend::open(dir, cache_bytes) {
            Err(error) if error.is_out_of_space() && has_tables(dir) => {
                tracing::error!("the disk is full, so the store is only read: {error}");
                Backend::open_on_full_disk(dir, cache_bytes / READ_ONLY_PART)?
            }
            other => other?,
        };
        Ok(Self {
            first,
            reopened: OnceLock::new(),
            dir: dir.to_owned(),
            cache_bytes,
        })
    }

    /// Whether it is only read until there is room.
    pub(crate) fn is_only_read(&self) -> bool {
        self.first.is_only_read && self.reopened.get().is_none()
    }

    /// Opens it anew, now that there is room; one at a time.
    ///
    /// # Errors
    /// Of RocksDB: it is read on.
    pub(crate) fn reopen(&self) -> Result<(), StoreError> {
        if self.is_only_read() {
            let backend = Backend::open(&self.dir, self.cache_bytes)?;
            tracing::warn!("there is room on the disk: the store is written again");
            let _ = self.reopened.set(backend);
        }
        Ok(())
    }
}

impl Deref for HeldBackend {
    type Target = Backend;

    fn deref(&self) -> &Backend {
        self.reopened.get().unwrap_or(&self.first)
    }
}

/// Where nothing was ever stored there is nothing to read.
fn has_tables(dir: &Path) -> bool {
    dir.join("db").join("CURRENT").exists()
}
