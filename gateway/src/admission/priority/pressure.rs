//! How overloaded the store is: how full its head is, and how long writes wait for a place in the journal's queue. That it
//! is full for a moment says nothing: it is, whenever senders are quick. Handed both.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// So often at most the store is asked how full it is.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// A wait is remembered for one to two of these.
const REMEMBERED: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
pub(crate) struct Pressure {
    head_percent: AtomicU64,
    looked: Mutex<Option<Instant>>,
    /// Whether there are waits to remember, so that nobody takes the lock while all is well.
    is_busy: AtomicBool,
    waits: Mutex<Waits>,
}

/// The longest waits of this while and the one before.
#[derive(Debug, Default)]
struct Waits {
    since: Option<Instant>,
    before: Duration,
    now: Duration,
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

    pub(super) fn set_head(&self, used: u64, most: u64) {
        let percent = u128::from(used) * 100 / u128::from(most.max(1));
        let percent = u64::try_from(percent).unwrap_or(u64::MAX);
        self.head_percent.store(percent, Ordering::Relaxed);
    }

    /// A write waits for so long already.
    pub(in crate::admission) fn waited(&self, wait: Duration) {
        self.is_busy.store(true, Ordering::Relaxed);
        let mut waits = self.waits.lock();
        waits.turn(Instant::now());
        waits.now = waits.now.max(wait);
    }

    pub(super) fn head_percent(&self) -> u64 {
        self.head_percent.load(Ordering::Relaxed)
    }

    /// The longest wait that is remembered.
    pub(super) fn busy_ms(&self) -> u64 {
        if !self.is_busy.load(Ordering::Relaxed) {
            return 0;
        }
        let mut waits = self.waits.lock();
        waits.turn(Instant::now());
        let longest = waits.now.max(waits.before);
        self.is_busy.store(!longest.is_zero(), Ordering::Relaxed);
        longest.as_millis() as u64
    }
}

impl Waits {
    fn turn(&mut self, now: Instant) {
        let since = *self.since.get_or_insert(now);
        let passed = now.saturating_duration_since(since);
        if passed < REMEMBERED {
            return;
        }
        self.before = match passed < REMEMBERED * 2 {
            true => self.now,
            false => Duration::ZERO,
        };
        self.now = Duration::ZERO;
        self.since = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_wait_is_remembered_for_a_while_and_forgotten() {
        let began = Instant::now();
        let mut waits = Waits::default();
        let mut longest = |after_ms: u64| {
            waits.turn(began + Duration::from_millis(after_ms));
            let longest = waits.now.max(waits.before);
            waits.now = waits.now.max(Duration::from_millis(after_ms / 100));
            longest.as_millis()
        };
        let found = [0, 900, 1_000, 1_900, 2_100, 9_000].map(&mut longest);
        assert_eq!(found, [0, 0, 9, 10, 19, 0]);
    }

    #[test]
    fn nobody_who_waited_is_no_pressure() {
        let pressure = Pressure::default();
        assert_eq!(pressure.busy_ms(), 0);
        pressure.waited(Duration::from_millis(1_500));
        pressure.waited(Duration::from_millis(5));
        assert_eq!(pressure.busy_ms(), 1_500);
    }
}
