//! Whether writes are let in. Closed, with a reason, while the disk or a limit has no room; reads go on, and it opens
//! by itself once there is room again; or closed until the next start, when RocksDB takes nothing more.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use metrics::gauge;
use parking_lot::Mutex;

use crate::StoreError;

/// One part in so many of a limit is for what was queued when it was reached.
const QUEUED_PART: u64 = 16;

#[derive(Default)]
pub(crate) struct Gate {
    closed: AtomicBool,
    reason: Mutex<Option<String>>,
    /// The file system refused a write since the last look.
    failed: AtomicBool,
}

/// What is looked at before writes are let in.
pub(crate) struct Room<'a> {
    /// Why nothing can be stored before RocksDB is opened to be written.
    pub(crate) only_read: Option<&'a str>,
    pub(crate) dir: &'a Path,
    /// Why RocksDB takes nothing more.
    pub(crate) broken: Option<&'a str>,
    pub(crate) reserve_bytes: u64,
    pub(crate) held: Held,
    pub(crate) windows: (u64, u64),
}

/// Bytes that head and journal hold, and the most that they may.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Held {
    pub(crate) head: (u64, u64),
    pub(crate) journal: (u64, u64),
}

impl Held {
    fn lacking(&self) -> Option<String> {
        let over = |(used, most): (u64, u64)| used >= most;
        if over(self.head) {
            return Some(format!(
                "the head holds {} bytes, the most store.max_head allows",
                self.head.0
            ));
        }
        over(self.journal).then(|| {
            format!(
                "the journal holds {} bytes, the most store.max_journal allows",
                self.journal.0
            )
        })
    }

    /// As far past a limit as only what was queued when the gate closed may go.
    fn is_far_past(&self) -> bool {
        let far = |(used, most): (u64, u64)| used >= most.saturating_add(most / QUEUED_PART);
        far(self.head) || far(self.journal)
    }
}

impl Gate {
    /// Why nothing is let in; `None` while writes are.
    pub(crate) fn reason(&self) -> Option<String> {
        if !self.closed.load(Ordering::Acquire) {
            return None;
        }
        self.reason.lock().clone()
    }

    /// A write failed: if the disk is full, nothing more is tried before there is room.
    pub(crate) fn note_failure(&self, error: &StoreError) {
        if error.is_out_of_space() {
            self.failed.store(true, Ordering::Release);
            self.close("the disk is full".to_owned());
        }
    }

    /// Something was written: at a limit nothing more is let in. Told after each group, since a second's samples are many.
    pub(crate) fn note_held(&self, held: &Held) {
        if let Some(reason) = held.lacking() {
            self.close(reason);
        }
    }

    /// Why not even what is queued already is taken. Who sent it may have nothing left to send again, so it has a little
    /// more room than what comes.
    pub(crate) fn refuses_queued(&self, held: &Held) -> Option<String> {
        held.is_far_past().then(|| held.lacking()).flatten()
    }

    /// Opens or closes by what there is room for.
    pub(crate) fn look(&self, room: &Room<'_>) {
        match lacking(room, self.failed.load(Ordering::Acquire)) {
            Some(reason) => self.close(reason),
            None => self.open(),
        }
    }

    fn close(&self, reason: String) {
        let mut known = self.reason.lock();
        if known.is_none() {
            tracing::error!("writes are refused: {reason}; reads go on");
        }
        *known = Some(reason);
        self.closed.store(true, Ordering::Release);
        gauge!("weir_store_refusing").set(1.0);
    }

    fn open(&self) {
        self.failed.store(false, Ordering::Release);
        if self.closed.swap(false, Ordering::AcqRel) {
            tracing::warn!("writes are taken again");
            *self.reason.lock() = None;
        }
        gauge!("weir_store_refusing").set(0.0);
    }
}

fn lacking(room: &Room<'_>, failed: bool) -> Option<String> {
    if let Some(broken) = room.broken {
        return Some(broken.to_owned());
    }
    if let Some(only_read) = room.only_read {
        return Some(only_read.to_owned());
    }
    if let Some(reason) = room.held.lacking() {
        return Some(reason);
    }
    let (windows, most) = room.windows;
    if windows >= most {
        return Some(format!(
            "{windows} windows are open, the most store.max_open_windows allows"
        ));
    }
    let free = free_bytes(room.dir)?;
    let wanted = wanted_bytes(room.reserve_bytes, failed);
    (free < wanted).then(|| {
        format!(
            "{free} bytes are free on the disk of {}, store.disk_reserve keeps {wanted}{}",
            room.dir.display(),
            if failed { " after it was full" } else { "" }
        )
    })
}

/// After a failure more than the reserve must be free, or the next group fails again.
fn wanted_bytes(reserve_bytes: u64, failed: bool) -> u64 {
    reserve_bytes + if failed { reserve_bytes / 2 } else { 0 }
}

/// Whether there is room again on a disk that was full.
pub(crate) fn has_space_again(dir: &Path, reserve_bytes: u64) -> bool {
    free_bytes(dir).is_none_or(|free| free >= wanted_bytes(reserve_bytes, true))
}

fn free_bytes(dir: &Path) -> Option<u64> {
    let stat = rustix::fs::statvfs(dir).ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize))
}
