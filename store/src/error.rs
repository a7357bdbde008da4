//! What can go wrong in the store. The variant says what to do next: mend the request, wait, free space, look at a file.

use std::path::PathBuf;

/// Any failure of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("{} is in use by {holder}; stop it, or give this one another data_dir", dir.display())]
    Locked { dir: PathBuf, holder: String },
    #[error("{} was written by format {found}, this program reads {known}; use a newer weir-gateway", dir.display())]
    Format {
        dir: PathBuf,
        found: String,
        known: u32,
    },
    #[error("{} was made with a window of {found_ms} ms, not {asked_ms}; set store.window back", dir.display())]
    Window {
        dir: PathBuf,
        found_ms: i64,
        asked_ms: i64,
    },
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        action: &'static str,
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{} is damaged: {what}", path.display())]
    Corrupt { path: PathBuf, what: String },
    #[error("rocksdb: {0}")]
    Backend(#[from] rocksdb::Error),
    #[error("{0}")]
    Broken(String),
    #[error("the limit of {limit} series is reached; raise store.max_series or send fewer")]
    TooManySeries { limit: usize },
    #[error("matcher {matcher} is no valid regular expression: {reason}")]
    BadMatcher { matcher: String, reason: String },
    #[error("the journal's queue is full; try again")]
    Busy,
    #[error("no room: {0}")]
    Full(String),
    #[error("a series of the write was deleted meanwhile; resolve it again")]
    UnknownSeries,
    #[error("the journal could not take the write: {0}")]
    Journal(String),
    #[error("starting: {percent} % of the journal read back; try again")]
    Starting { percent: u64 },
    #[error("the store is closed")]
    Closed,
    #[error("the read was stopped: {0}")]
    Stopped(Box<dyn std::error::Error + Send + Sync>),
}

/// Whether RocksDB ran out of space, inodes or quota.
pub(crate) fn is_out_of_space(error: &rocksdb::Error) -> bool {
    let text = error.to_string();
    text.contains("No space left") || text.contains("quota exceeded")
}

impl StoreError {
    /// Whether the file system or RocksDB ran out of space, inodes or quota.
    pub(crate) fn is_out_of_space(&self) -> bool {
        use std::io::ErrorKind::{QuotaExceeded, StorageFull};
        match self {
            StoreError::Io { source, .. } => matches!(source.kind(), StorageFull | QuotaExceeded),
            StoreError::Backend(error) => is_out_of_space(error),
            _ => false,
        }
    }

    /// For `map_err`: which file, and what was being done to it.
    pub(crate) fn io(
        action: &'static str,
        path: &std::path::Path,
    ) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| StoreError::Io {
            action,
            path,
            source,
        }
    }
}
