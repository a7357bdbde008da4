//! When a group is evaluated: on a grid of its interval, shifted by a hash of its name, so that groups do not
//! all ask at the same moment and a restart does not move them.

use xxhash_rust::xxh3::xxh3_64;

/// One group's times.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Schedule {
    interval_ms: i64,
    offset_ms: i64,
    next_ms: i64,
}

/// An evaluation whose time has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Due {
    /// The time on the grid: what is asked for.
    pub(crate) at_ms: i64,
    /// Times on the grid since the last one that nobody used.
    pub(crate) missed: u64,
}

impl Schedule {
    /// The first evaluation is at the next time on the grid.
    pub(crate) fn new(key: &str, interval_ms: i64, now_ms: i64) -> Self {
        let interval_ms = interval_ms.max(1);
        let hash = i64::try_from(xxh3_64(key.as_bytes()) >> 1).unwrap_or(0);
        let mut schedule = Self {
            interval_ms,
            offset_ms: hash % interval_ms,
            next_ms: 0,
        };
        schedule.align(now_ms);
        schedule
    }

    pub(crate) fn next_ms(&self) -> i64 {
        self.next_ms
    }

    pub(crate) fn interval_ms(&self) -> i64 {
        self.interval_ms
    }

    /// The evaluation that is due now, if one is: the newest where several are. A clock that was set back
    /// begins the grid anew, so that nothing waits for the old time to come again.
    pub(crate) fn due(&mut self, now_ms: i64) -> Option<Due> {
        let late_ms = now_ms.saturating_sub(self.next_ms);
        if late_ms < self.interval_ms.saturating_neg() {
            self.align(now_ms);
        }
        if late_ms < 0 {
            return None;
        }
        let passed = late_ms / self.interval_ms;
        let at_ms = self
            .next_ms
            .saturating_add(passed.saturating_mul(self.interval_ms));
        self.next_ms = at_ms.saturating_add(self.interval_ms);
        Some(Due {
            at_ms,
            missed: u64::try_from(passed).unwrap_or(0),
        })
    }

    fn align(&mut self, now_ms: i64) {
        let into_ms = now_ms
            .saturating_sub(self.offset_ms)
            .rem_euclid(self.interval_ms);
        self.next_ms = now_ms.saturating_add(self.interval_ms - into_ms);
    }
}
