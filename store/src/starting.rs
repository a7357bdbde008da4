//! How far a store is with reading its journal back. Whoever may not come before that asks here, or waits here; reads
//! nothing itself.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use metrics::gauge;
use parking_lot::{Condvar, Mutex};

use crate::StoreError;
use crate::recovery::Recovery;
use crate::replay::ReadBack;

/// Where it stands; each phase is followed by the one below, or by the last.
enum Phase {
    ReadingBack,
    /// The points are in the head; what came meanwhile is not.
    ReadBack(ReadBack),
    /// The writer is putting in what came meanwhile.
    CatchingUp,
    Done(Recovery),
    /// It was told to stop, or failed; the reason for the first who asks.
    Ended(Option<StoreError>),
}

pub(crate) struct Starting {
    phase: Mutex<Phase>,
    changed: Condvar,
    done: AtomicBool,
    stopped: AtomicBool,
    bytes: AtomicU64,
    of_bytes: u64,
}

impl Starting {
    pub(crate) fn new(of_bytes: u64) -> Self {
        Self {
            phase: Mutex::new(Phase::ReadingBack),
            changed: Condvar::new(),
            done: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
            bytes: AtomicU64::new(0),
            of_bytes,
        }
    }

    /// # Errors
    /// [`StoreError::Starting`] until everything is there.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        match self.progress() {
            None => Ok(()),
            Some(percent) => Err(StoreError::Starting { percent }),
        }
    }

    /// How much of the journal was read back, in percent; `None` once everything is there.
    pub(crate) fn progress(&self) -> Option<u64> {
        if self.done.load(Ordering::Acquire) {
            return None;
        }
        let bytes = self.bytes.load(Ordering::Relaxed).min(self.of_bytes);
        Some(bytes * 100 / self.of_bytes.max(1))
    }

    /// So many more bytes were read back. False: it is to end.
    pub(crate) fn advance(&self, bytes: u64) -> bool {
        let now = self.bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        gauge!("weir_store_read_back_ratio").set(now as f64 / self.of_bytes.max(1) as f64);
        !self.stopped()
    }

    pub(crate) fn stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }

    /// Ends the reading back, if it is still going on.
    pub(crate) fn stop(&self) {
        self.stopped.store(true, Ordering::Release);
        let mut phase = self.phase.lock();
        if !matches!(*phase, Phase::Done(_) | Phase::Ended(_)) {
            *phase = Phase::Ended(None);
            self.changed.notify_all();
        }
    }

    /// The replay is over.
    pub(crate) fn end_replay(&self, result: Result<ReadBack, StoreError>) {
        let mut phase = self.phase.lock();
        if matches!(*phase, Phase::ReadingBack) {
            *phase = match result {
                Ok(read_back) => Phase::ReadBack(read_back),
                Err(error) => Phase::Ended(Some(error)),
            };
            self.changed.notify_all();
        }
    }

    /// What was read back, once; `None` while there is nothing, and `Err` when there will be nothing any more.
    pub(crate) fn take_read_back(&self) -> Result<Option<ReadBack>, ()> {
        let mut phase = self.phase.lock();
        match &*phase {
            Phase::ReadBack(_) => {}
            Phase::Ended(_) => return Err(()),
            _ => return Ok(None),
        }
        match std::mem::replace(&mut *phase, Phase::CatchingUp) {
            Phase::ReadBack(read_back) => Ok(Some(read_back)),
            _ => Ok(None),
        }
    }

    /// Waits until the replay is over, however it ended.
    pub(crate) fn wait_for_replay(&self) {
        let mut phase = self.phase.lock();
        while matches!(*phase, Phase::ReadingBack) {
            self.changed.wait(&mut phase);
        }
    }

    /// Everything is there.
    pub(crate) fn finish(&self, recovery: Recovery) {
        let mut phase = self.phase.lock();
        if matches!(*phase, Phase::CatchingUp) {
            *phase = Phase::Done(recovery);
            self.done.store(true, Ordering::Release);
            gauge!("weir_store_read_back_ratio").set(1.0);
            self.changed.notify_all();
        }
    }

    /// Waits until everything is there.
    ///
    /// # Errors
    /// Why the journal could not be read back, for the first who asks; [`StoreError::Closed`] else.
    pub(crate) fn wait(&self) -> Result<Recovery, StoreError> {
        let mut phase = self.phase.lock();
        loop {
            match &mut *phase {
                Phase::Done(recovery) => return Ok(recovery.clone()),
                Phase::Ended(why) => return Err(why.take().unwrap_or(StoreError::Closed)),
                _ => self.changed.wait(&mut phase),
            }
        }
    }
}
