//! What a store is opened with. Every bound has a name here.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use weir_wire::Matcher;

/// Milliseconds since 1970; handed in, so that tests hold the time.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// Settings of one store.
#[derive(Clone)]
pub struct Options {
    /// The directory; made if it does not exist.
    pub dir: PathBuf,
    pub clock: Clock,
    /// How long a window is: one chunk a series and window. Whole minutes, and a whole number of windows a day.
    pub window_ms: i64,
    /// How long after its end a window stays open for stragglers.
    pub grace_ms: i64,
    /// How long raw samples are kept.
    pub raw_ms: i64,
    /// How long points of a minute are kept; 0 makes none.
    pub minute_ms: i64,
    /// How long points of an hour are kept; 0 makes none.
    pub hour_ms: i64,
    /// Other times for some series; the first policy that matches holds.
    pub policies: Vec<Policy>,
    /// How far ahead of the clock a sample may be.
    pub future_ms: i64,
    /// A journal segment is closed past this size.
    pub segment_bytes: u64,
    /// At least so long from one sync of the journal to the next: what comes meanwhile goes into one group.
    pub sync_interval: Duration,
    /// Series that may exist.
    pub max_series: usize,
    /// Bytes the head may hold.
    pub max_head_bytes: u64,
    /// Bytes the journal may hold on disk.
    pub max_journal_bytes: u64,
    /// Windows that may be open at once.
    pub max_open_windows: u64,
    /// Free bytes on the disk below which no write is taken, so that sealing and reading go on.
    pub disk_reserve_bytes: u64,
    /// Bytes of tables kept in memory for reading.
    pub cache_bytes: usize,
    /// A series without a sample for so long leaves the head.
    pub head_idle_ms: i64,
    /// Parts of the head that are locked each by itself; 0 for one a core.
    pub shards: usize,
    /// Writes that may wait for the journal.
    pub queued_writes: usize,
    /// Bytes of points that may wait for the journal to be read back; past it writes wait, and with them who sends.
    pub backlog_bytes: usize,
}

/// How long the samples of the series that match are kept, in each tier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    pub matchers: Vec<Matcher>,
    pub raw_ms: i64,
    pub minute_ms: i64,
    pub hour_ms: i64,
}

impl Options {
    /// The defaults of the design for a directory.
    #[must_use]
    pub fn new(dir: PathBuf, clock: Clock) -> Self {
        const DAY_MS: i64 = 86_400_000;
        Self {
            dir,
            clock,
            window_ms: 30 * 60_000,
            grace_ms: 5 * 60_000,
            raw_ms: 7 * DAY_MS,
            minute_ms: 30 * DAY_MS,
            hour_ms: 365 * DAY_MS,
            policies: Vec::new(),
            future_ms: 10 * 60_000,
            segment_bytes: 64 << 20,
            sync_interval: Duration::ZERO,
            max_series: 20_000_000,
            max_head_bytes: 12 << 30,
            max_journal_bytes: 64 << 30,
            max_open_windows: 1_024,
            disk_reserve_bytes: 256 << 20,
            cache_bytes: 128 << 20,
            head_idle_ms: 3_600_000,
            shards: 0,
            queued_writes: 1_024,
            // About six million floats.
            backlog_bytes: 128 << 20,
        }
    }

    /// The longest that raw samples of any series are kept.
    pub(crate) fn longest_raw_ms(&self) -> i64 {
        let policies = self.policies.iter().map(|policy| policy.raw_ms);
        policies.chain([self.raw_ms]).max().unwrap_or(self.raw_ms)
    }

    pub(crate) fn longest_minute_ms(&self) -> i64 {
        let policies = self.policies.iter().map(|policy| policy.minute_ms);
        policies
            .chain([self.minute_ms])
            .max()
            .unwrap_or(self.minute_ms)
    }

    pub(crate) fn longest_hour_ms(&self) -> i64 {
        let policies = self.policies.iter().map(|policy| policy.hour_ms);
        policies.chain([self.hour_ms]).max().unwrap_or(self.hour_ms)
    }
}
