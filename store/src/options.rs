//! What a store is opened with. Every bound has a name here.

use std::path::PathBuf;
use std::sync::Arc;

/// Milliseconds since 1970; handed in, so that tests hold the time.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// Settings of one store.
#[derive(Clone)]
pub struct Options {
    /// The directory; made if it does not exist.
    pub dir: PathBuf,
    pub clock: Clock,
    /// How long a window is: one chunk a series and window.
    pub window_ms: i64,
    /// How long after its end a window stays open for stragglers.
    pub grace_ms: i64,
    /// How long raw samples are kept.
    pub raw_ms: i64,
    /// How far ahead of the clock a sample may be.
    pub future_ms: i64,
    /// A journal segment is closed past this size.
    pub segment_bytes: u64,
    /// Series that may exist.
    pub max_series: usize,
    /// Writes that may wait for the journal.
    pub queued_writes: usize,
}

impl Options {
    /// The defaults of the design for a directory.
    #[must_use]
    pub fn new(dir: PathBuf, clock: Clock) -> Self {
        Self {
            dir,
            clock,
            window_ms: 30 * 60_000,
            grace_ms: 5 * 60_000,
            raw_ms: 7 * 86_400_000,
            future_ms: 10 * 60_000,
            segment_bytes: 64 << 20,
            max_series: 20_000_000,
            queued_writes: 1_024,
        }
    }
}
