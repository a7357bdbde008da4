//! How overloaded the store is: how full its head is, and for how long its queue was full without a break. Handed both.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// So often at most the store is asked how full it is.
const LOOK_EVERY: Duration = Duration::from_millis(100);

#[derive(Debug, Default)]
pub(crate) struct Pressure {
    head_percent: AtomicU64,
    looked: Mutex<Option<Instant>>,
    /// Whether there is a time below, so that nobody waits for the lock while all is well.
    is_busy: AtomicBool,
    busy_since: Mutex<Option<Instant>>,
}

impl Pressure {
    /// Whether it is time to say again how full the head is.
    pub(in crate::admission) fn is_look_due(&self) -> bool {
        let mut looked = self.looked.lock();
        let is_due = looked.is_none_or(|at| at.elapsed() >= LOOK_EVERY);
        if is_due {
            *looked = Some(Instant::now());
        }
        is_due
    }

    pub(in crate::admission) fn set_head(&self, used: u64, most: u64) {
        let percent = u128::from(used) * 100 / u128::from(most.max(1));
        let percent = u64::try_from(percent).unwrap_or(u64::MAX);
        self.head_percent.store(percent, Ordering::Relaxed);
    }

    /// Whether the queue took something; a first refusal begins the time, the first success ends it.
    pub(in crate::admission) fn set_busy(&self, is_busy: bool) {
        if self.is_busy.load(Ordering::Relaxed) == is_busy {
            return;
        }
        let mut since = self.busy_since.lock();
        *since = is_busy.then(|| since.unwrap_or_else(Instant::now));
        self.is_busy.store(is_busy, Ordering::Relaxed);
    }

    pub(super) fn head_percent(&self) -> u64 {
        self.head_percent.load(Ordering::Relaxed)
    }

    pub(super) fn busy_ms(&self) -> u64 {
        let since = *self.busy_since.lock();
        since.map_or(0, |since| since.elapsed().as_millis() as u64)
    }
}
