//! Delta sums to running totals. Bounded; series that fell silent leave and begin anew, which queries take for the reset of
//! a counter, as they do after a restart of the gateway. The 0 that a total begins with lies just after its start time: at
//! the start itself lies what the total before it had come to.
//!
//! A point that is sent again (the same times and value as the last) gives the same total again and adds nothing, so that
//! a sender who was told to come again may.

use std::collections::HashMap;

use parking_lot::Mutex;
use weir_wire::{Invalid, Reject};

/// Series whose total is kept: 80 MB.
const MOST: usize = 1_000_000;
/// A series that was not heard of for so long may leave when there is no room.
const IDLE_MS: i64 = 3_600_000;

/// The totals.
#[derive(Default)]
pub(in super::super) struct Totals(Mutex<HashMap<u128, Total>>);

struct Total {
    value: f64,
    last: Delta,
    /// Of the newest point: a total never goes back in time.
    newest_ms: i64,
    heard_ms: i64,
}

/// One point of a delta sum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Delta {
    pub(super) start_ms: Option<i64>,
    pub(super) timestamp_ms: i64,
    pub(super) value: f64,
}

/// What is to be stored for it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Running {
    pub(super) timestamp_ms: i64,
    pub(super) value: f64,
    /// Where the series begins: a 0 belongs there.
    pub(super) begins_ms: Option<i64>,
}

impl Totals {
    /// # Errors
    /// [`Reject::OverLimit`]: no room for one more series.
    pub(super) fn add(&self, hash: u128, delta: Delta, now_ms: i64) -> Result<Running, Invalid> {
        let mut totals = self.0.lock();
        if let Some(total) = totals.get_mut(&hash) {
            return Ok(total.add(delta, now_ms));
        }
        if totals.len() >= MOST {
            let idle_ms = now_ms.saturating_sub(IDLE_MS);
            totals.retain(|_, total| total.heard_ms >= idle_ms);
        }
        if totals.len() >= MOST {
            let text = "the limit of delta sums is reached: no new one is taken";
            return Err(Invalid::new(Reject::OverLimit, text));
        }
        let total = Total {
            value: delta.value,
            last: delta,
            newest_ms: delta.timestamp_ms,
            heard_ms: now_ms,
        };
        totals.insert(hash, total);
        Ok(Running {
            timestamp_ms: delta.timestamp_ms,
            value: delta.value,
            begins_ms: delta.begins_ms(),
        })
    }
}

impl Delta {
    /// Just after its start, which is the time of the point before it.
    fn begins_ms(&self) -> Option<i64> {
        let begins_ms = self.start_ms.filter(|&start| start > 0)?.checked_add(1)?;
        Some(begins_ms).filter(|&begins| begins < self.timestamp_ms)
    }
}

impl Total {
    fn add(&mut self, delta: Delta, now_ms: i64) -> Running {
        if delta != self.last {
            self.value += delta.value;
            self.newest_ms = self.newest_ms.max(delta.timestamp_ms);
            self.last = delta;
        }
        self.heard_ms = now_ms;
        Running {
            timestamp_ms: self.newest_ms,
            value: self.value,
            begins_ms: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delta(start_ms: i64, timestamp_ms: i64, value: f64) -> Delta {
        Delta {
            start_ms: Some(start_ms),
            timestamp_ms,
            value,
        }
    }

    #[test]
    fn deltas_run_up_and_one_sent_again_adds_nothing() {
        let totals = Totals::default();
        let put = |delta| {
            let running = totals.add(1, delta, 0).unwrap();
            (running.timestamp_ms, running.value, running.begins_ms)
        };
        assert_eq!(put(delta(1_000, 2_000, 5.0)), (2_000, 5.0, Some(1_001)));
        assert_eq!(put(delta(2_000, 3_000, 2.0)), (3_000, 7.0, None));
        assert_eq!(put(delta(2_000, 3_000, 2.0)), (3_000, 7.0, None));
        // Another source of the same labels, a little behind.
        assert_eq!(put(delta(1_900, 2_900, 1.0)), (3_000, 8.0, None));
    }

    #[test]
    fn a_total_does_not_begin_on_the_last_sample_of_the_one_before() {
        let begins = |start, time| delta(start, time, 1.0).begins_ms();
        assert_eq!(begins(1_000, 2_000), Some(1_001));
        assert_eq!(begins(1_000, 1_001), None);
        assert_eq!(begins(2_000, 1_000), None);
        assert_eq!(begins(0, 1_000), None);
        assert_eq!(begins(i64::MAX, 1_000), None);
    }
}
