//! Delta sums to running totals. Bounded; series that fell silent leave and begin anew, which queries take for the reset of
//! a counter, as they do after a restart of the gateway.
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
        let begins = |start: &i64| (1..delta.timestamp_ms).contains(start);
        Ok(Running {
            timestamp_ms: delta.timestamp_ms,
            value: delta.value,
            begins_ms: delta.start_ms.filter(begins),
        })
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
        assert_eq!(put(delta(1_000, 2_000, 5.0)), (2_000, 5.0, Some(1_000)));
        assert_eq!(put(delta(2_000, 3_000, 2.0)), (3_000, 7.0, None));
        assert_eq!(put(delta(2_000, 3_000, 2.0)), (3_000, 7.0, None));
        // Another source of the same labels, a little behind.
        assert_eq!(put(delta(1_900, 2_900, 1.0)), (3_000, 8.0, None));
    }
}
