//! From head to table: a window that is over is frozen, encoded, ingested, written down as sealed, and let go of.
//!
//! IMPORTANT, the order of durability: tables ingested and synced → series, watermark and sequences written and synced
//! → head released → series that the journal takes out forgotten, and all these out of RocksDB's log into its tables →
//! journal segments deleted. A crash between any two leaves the samples in both places, which a read merges; never in none.

use metrics::counter;
use roaring::RoaringBitmap;

use crate::backend::{Definitions, SealedWindow, Tier};
use crate::index::{MetricId, SeriesId};
use crate::store::{Store, Upkeep};
use crate::window::{self, Window};
use crate::writer::{Command, Frozen};
use crate::{StoreError, chunk, fail};

/// Series looked up or written under one lock.
const SERIES_A_LOCK: usize = 2_048;
/// Series read under one lock of the head, for which its writer waits.
const READ_A_LOCK: usize = 256;
/// Definitions held at once on their way to RocksDB.
const DEFINITIONS_AT_ONCE: u32 = 1 << 16;
/// Windows whose records go into tables of RocksDB's together.
const SETTLED_TOGETHER: usize = 32;

/// What one call did.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Sealed {
    pub windows: u64,
    pub chunks: u64,
    pub samples: u64,
    pub chunk_bytes: u64,
    /// Of journal segments that are no longer needed.
    pub journal_bytes_freed: u64,
}

impl Store {
    /// Seals every window that ended longer ago than the grace. A window that gets late samples is sealed again, at
    /// most once a window's length. Blocks for as long as it takes; readers and writers go on meanwhile.
    ///
    /// # Errors
    /// Of RocksDB or the file system; the window then stays in the head and in the journal. [`StoreError::Starting`]
    /// before the journal is read back.
    pub fn seal(&self, now_ms: i64) -> Result<Sealed, StoreError> {
        let options = &self.shared.options;
        let idle_before = window::of(now_ms - options.head_idle_ms, options.window_ms);
        self.seal_where(now_ms, idle_before.unwrap_or_default(), |store, window| {
            window::end_ms(window, options.window_ms) + options.grace_ms <= now_ms
                && store.is_due(window, now_ms)
        })
    }

    /// Seals every window, the one that is being filled too: the head is empty then and the journal short.
    ///
    /// # Errors
    /// As for [`Store::seal`].
    pub fn flush(&self, now_ms: i64) -> Result<Sealed, StoreError> {
        self.seal_where(now_ms, Window::MAX, |_, _| true)
    }

    /// Seals everything if the head, the journal or the number of open windows is near its limit.
    ///
    /// # Errors
    /// As for [`Store::seal`].
    pub fn relieve(&self, now_ms: i64) -> Result<Sealed, StoreError> {
        match self.is_near_limit() {
            true => self.flush(now_ms),
            false => Ok(Sealed::default()),
        }
    }

    /// Whether [`Store::relieve`] has something to do. To be asked every second or so: past three quarters of a limit
    /// there is time to seal before writes are refused.
    #[must_use]
    pub fn is_near_limit(&self) -> bool {
        let options = &self.shared.options;
        let near = |(used, most): (u64, u64)| used >= most - most / 4;
        let held = self.shared.held();
        let windows = self.shared.head.open_windows().len() as u64;
        near(held.head) || near(held.journal) || near((windows, options.max_open_windows))
    }

    fn seal_where(
        &self,
        now_ms: i64,
        idle_before: Window,
        is_over: impl Fn(&Self, Window) -> bool,
    ) -> Result<Sealed, StoreError> {
        let mut upkeep = self.tend()?;
        let mut sealed = Sealed::default();
        let mut result = Ok(());
        for window in self.shared.head.open_windows() {
            if is_over(self, window) {
                result = self.seal_window(window, now_ms, idle_before, &mut upkeep, &mut sealed);
            }
            if result.is_err() {
                break;
            }
            if upkeep.untrimmed.len() >= SETTLED_TOGETHER {
                self.settle(&mut upkeep, &mut sealed)?;
            }
        }
        let settled = self.settle(&mut upkeep, &mut sealed);
        result.and(settled).map(|()| sealed)
    }

    /// Lets the journal go of windows that are sealed, once what is known of them is in tables.
    fn settle(&self, upkeep: &mut Upkeep, sealed: &mut Sealed) -> Result<(), StoreError> {
        if upkeep.untrimmed.is_empty() {
            return Ok(());
        }
        self.forget_removed()
            .and_then(|()| self.shared.backend.settle())
            .inspect_err(|error| self.shared.gate.note_failure(error))?;
        let freed_before = sealed.journal_bytes_freed;
        while let Some((window, through)) = upkeep.untrimmed.last().copied() {
            self.trim(window, through, sealed)?;
            upkeep.untrimmed.pop();
        }
        if sealed.journal_bytes_freed > freed_before {
            // Which segments stay was written down.
            self.shared.backend.settle()?;
        }
        Ok(())
    }

    fn is_due(&self, window: Window, now_ms: i64) -> bool {
        let past = self.shared.past.read();
        let last = past.windows.get(&window).copied().flatten();
        last.is_none_or(|last_ms| now_ms - last_ms >= self.shared.options.window_ms)
    }

    fn seal_window(
        &self,
        window: Window,
        now_ms: i64,
        idle_before: Window,
        upkeep: &mut Upkeep,
        sealed: &mut Sealed,
    ) -> Result<(), StoreError> {
        let frozen = self.ask(|reply| Command::Freeze(window, reply))?;
        let Some(frozen) = frozen else {
            return Ok(());
        };
        let samples_before = sealed.samples;
        // IMPORTANT: the barrier. The journal is trimmed after everything else is durable; only a test may take that away.
        let barrier =
            fail::pass("barrier").map_err(StoreError::io("seal in", &self.shared.options.dir))?;
        if !barrier {
            self.trim(window, frozen.through, sealed)?;
        }
        if let Err(error) = self.make_durable(window, now_ms, &frozen, upkeep, sealed) {
            self.shared.head.thaw(window);
            self.shared.gate.note_failure(&error);
            return Err(error);
        }
        let samples = sealed.samples - samples_before;
        self.ask(|reply| Command::Release(window, samples, idle_before, reply))?;
        if barrier {
            upkeep.untrimmed.push((window, frozen.through));
        }
        sealed.windows += 1;
        counter!("weir_store_sealed_windows_total").increment(1);
        Ok(())
    }

    /// The journal's segments up to a number need no longer be there for a window.
    fn trim(&self, window: Window, through: u32, sealed: &mut Sealed) -> Result<(), StoreError> {
        sealed.journal_bytes_freed += self.ask(|reply| Command::Trim(window, through, reply))??;
        Ok(())
    }

    fn make_durable(
        &self,
        window: Window,
        now_ms: i64,
        frozen: &Frozen,
        upkeep: &mut Upkeep,
        sealed: &mut Sealed,
    ) -> Result<(), StoreError> {
        let backend = &self.shared.backend;
        let mut table = backend.table(Tier::Raw, window, frozen.through);
        let (mut bytes, mut tokens, mut read) = (Vec::new(), Vec::new(), Vec::new());
        for some in self.by_metric(&frozen.series).chunks(READ_A_LOCK) {
            let series = some.iter().map(|(_, one)| *one);
            self.shared
                .head
                .frozen(series, window, &mut tokens, &mut read);
            for (place, columns) in some.iter().zip(&read) {
                if columns.is_empty() {
                    continue;
                }
                bytes.clear();
                let times_end = chunk::encode_columns(columns, &mut bytes);
                table.put(*place, &bytes, times_end)?;
                sealed.chunks += 1;
                sealed.samples += columns.len() as u64;
                sealed.chunk_bytes += bytes.len() as u64;
            }
        }
        backend.ingest(Tier::Raw, &table.finish()?)?;
        self.save_definitions(upkeep)?;
        self.put_sealed(window, now_ms, frozen)
    }

    /// In the order of chunks' keys; series that were deleted meanwhile are left out.
    pub(crate) fn by_metric(&self, series: &[u32]) -> Vec<(MetricId, u32)> {
        let mut keys = Vec::with_capacity(series.len());
        for some in series.chunks(SERIES_A_LOCK) {
            let index = self.shared.index.read();
            keys.extend(
                some.iter()
                    .filter_map(|one| Some((index.metric(SeriesId(*one))?, *one))),
            );
        }
        keys.sort_unstable();
        keys
    }

    pub(crate) fn name_damage(
        &self,
        tier: Tier,
        window: Window,
        series: u32,
        error: &dyn std::error::Error,
    ) {
        counter!("weir_store_damaged_chunks_total").increment(1);
        let key = self.shared.index.read().key(SeriesId(series));
        let key = key.map_or_else(|| format!("series {series}"), |key| key.to_string());
        tracing::error!("{tier:?} chunk of {key} in window {window} is skipped: {error}");
    }

    /// What the window's day has of points is to be made again, for the series that came.
    fn put_sealed(&self, window: Window, now_ms: i64, frozen: &Frozen) -> Result<(), StoreError> {
        let (shared, options) = (&self.shared, &self.shared.options);
        let came: RoaringBitmap = frozen.series.iter().copied().collect();
        let day = window::day_of(window, options.window_ms);
        let mut record = SealedWindow {
            window,
            through: frozen.through,
            present: came.clone(),
        };
        let mut rolled = shared
            .past
            .read()
            .days
            .get(&day)
            .cloned()
            .unwrap_or_default();
        {
            let index = shared.index.read();
            if let Some(before) = index.presence.window(window) {
                record.present |= before;
            }
            if let Some(before) = index.presence.day(day) {
                rolled.present |= before;
            }
        }
        rolled.present |= &record.present;
        rolled.stale |= &came;
        let rolls = options.longest_minute_ms() > 0 || options.longest_hour_ms() > 0;
        let with_day = rolls.then_some((day, &rolled));
        shared
            .backend
            .put_sealed(&record, with_day, &frozen.dedupe)?;
        if rolls {
            shared.index.write().presence.mark_day(day, &rolled.present);
            rolled.present = RoaringBitmap::new();
            shared.past.write().days.insert(day, rolled);
        }
        shared.past.write().windows.insert(window, Some(now_ms));
        Ok(())
    }

    /// Writes down the series that are not in RocksDB yet.
    fn save_definitions(&self, upkeep: &mut Upkeep) -> Result<(), StoreError> {
        let end = self.shared.index.read().end();
        let mut definitions = Definitions::default();
        while upkeep.saved_end < end {
            let until = end.min(upkeep.saved_end.saturating_add(DEFINITIONS_AT_ONCE));
            definitions.clear();
            for from in (upkeep.saved_end..until).step_by(SERIES_A_LOCK) {
                let index = self.shared.index.read();
                let to = until.min(from + SERIES_A_LOCK as u32);
                index.define(from..to, |run| definitions.push(&run));
            }
            self.shared.backend.put_definitions(&definitions)?;
            upkeep.saved_end = until;
        }
        Ok(())
    }
}
