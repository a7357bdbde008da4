//! From head to table: a window that is over is frozen, encoded, ingested, written down as sealed, and let go of.
//!
//! IMPORTANT, the order of durability: table ingested and synced → watermark, series and sequences written and synced
//! → head released and journal segments deleted. A crash between any two leaves the samples in both places, which a
//! read merges; never in none.

use std::sync::mpsc::sync_channel;

use metrics::counter;
use roaring::RoaringBitmap;

use crate::StoreError;
use crate::backend::SealedWindow;
use crate::chunk;
use crate::store::Store;
use crate::window::{self, Window};
use crate::writer::{Command, Frozen};

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
    /// Of RocksDB or the file system; the window then stays in the head and in the journal.
    pub fn seal(&self, now_ms: i64) -> Result<Sealed, StoreError> {
        let options = &self.shared.options;
        let mut sealed = Sealed::default();
        let windows = self.shared.head.read().open_windows();
        let over = windows.into_iter().filter(|window| {
            window::end_ms(*window, options.window_ms) + options.grace_ms <= now_ms
                && self.is_due(*window, now_ms)
        });
        for window in over {
            self.seal_window(window, &mut sealed)?;
            self.sealed_at_ms.lock().insert(window, now_ms);
        }
        Ok(sealed)
    }

    /// Drops windows that are wholly older than what is kept, counted from the newest sample rather than from a clock
    /// that may have jumped.
    ///
    /// # Errors
    /// Of RocksDB.
    pub fn drop_expired(&self, now_ms: i64) -> Result<(), StoreError> {
        let options = &self.shared.options;
        let newest = self.shared.index.read().windows().last();
        let Some(newest_ms) = newest.map(|window| window::end_ms(window, options.window_ms)) else {
            return Ok(());
        };
        let Some(first_kept) =
            window::of(newest_ms.min(now_ms) - options.raw_ms, options.window_ms)
        else {
            return Ok(());
        };
        if self
            .shared
            .index
            .read()
            .windows()
            .next()
            .is_none_or(|oldest| oldest >= first_kept)
        {
            return Ok(());
        }
        self.shared.index.write().forget_before(first_kept);
        self.send(Command::Forget(first_kept))?;
        self.sealed_at_ms
            .lock()
            .retain(|window, _| *window >= first_kept);
        self.shared.backend.drop_before(first_kept)
    }

    fn is_due(&self, window: Window, now_ms: i64) -> bool {
        let last = self.sealed_at_ms.lock().get(&window).copied();
        last.is_none_or(|last_ms| now_ms - last_ms >= self.shared.options.window_ms)
    }

    fn seal_window(&self, window: Window, sealed: &mut Sealed) -> Result<(), StoreError> {
        let (reply, answer) = sync_channel(1);
        self.send(Command::Freeze(window, reply))?;
        let Some(frozen) = answer.recv().map_err(|_| StoreError::Closed)? else {
            return Ok(());
        };
        let through = frozen.through;
        if let Err(error) = self.make_durable(window, &frozen, sealed) {
            drop(frozen);
            self.shared.head.write().thaw(window);
            return Err(error);
        }
        let (reply, answer) = sync_channel(1);
        self.send(Command::Release(window, through, reply))?;
        sealed.journal_bytes_freed += answer.recv().map_err(|_| StoreError::Closed)??;
        sealed.windows += 1;
        counter!("weir_store_sealed_windows_total").increment(1);
        Ok(())
    }

    fn make_durable(
        &self,
        window: Window,
        frozen: &Frozen,
        sealed: &mut Sealed,
    ) -> Result<(), StoreError> {
        let backend = &self.shared.backend;
        let mut table = backend.table(window, frozen.through)?;
        let mut present = RoaringBitmap::new();
        for (series, open) in frozen.data.iter() {
            let Some(metric) = self.shared.index.read().metric(crate::SeriesId(*series)) else {
                continue;
            };
            let mut bytes = Vec::new();
            chunk::encode(open.samples(), &mut bytes);
            present.insert(*series);
            sealed.chunks += 1;
            sealed.samples += open.samples().len() as u64;
            sealed.chunk_bytes += bytes.len() as u64;
            table.put(metric, *series, bytes);
        }
        if !present.is_empty() {
            backend.ingest(&table.finish()?)?;
        }
        if let Some(before) = self.shared.index.read().present(window) {
            present |= before;
        }
        let unsaved = std::mem::take(&mut *self.shared.unsaved.lock());
        let record = SealedWindow {
            window,
            through: frozen.through,
            present,
        };
        backend
            .put_sealed(&record, &unsaved, &frozen.dedupe)
            .inspect_err(|_| {
                self.shared
                    .unsaved
                    .lock()
                    .splice(0..0, unsaved.iter().cloned());
            })
    }
}
