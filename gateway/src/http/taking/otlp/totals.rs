//! Delta sums to running totals. Bounded; series that fell silent leave and begin anew, which queries take for the reset of
//! a counter, as they do after a restart of the gateway. The 0 that a total begins with lies just after its start time: at
//! the start itself lies what the total before it had come to.
//!
//! A point counts once, as OpenTelemetry's data model has it: a series has one writer, whose points follow each other.
//! The last one sent again (the same times and value) gives the same total again. An earlier one counts only where it fills
//! a gap that was left between two others, as when exporters that send beside each other overtake; any other is refused,
//! and moves nothing.

mod gaps;

use std::collections::HashMap;

use parking_lot::Mutex;
use weir_wire::{Invalid, Reject};

use gaps::Gaps;

/// Series whose total is kept: 80 MB, and as much again where every one of them has gaps.
const MOST: usize = 1_000_000;
/// A series that was not heard of for so long may leave when there is no room.
const IDLE_MS: i64 = 3_600_000;

/// The totals.
#[derive(Default)]
pub(in super::super) struct Totals(Mutex<HashMap<u128, Total>>);

struct Total {
    value: f64,
    last: Delta,
    gaps: Gaps,
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
    /// Adds a point whose time is one that is stored.
    ///
    /// # Errors
    /// [`Reject::NotFinite`]: the value is not, or the total would not be. [`Reject::TooOld`]: not after the last point.
    /// [`Reject::OverLimit`]: no room for one more series. Nothing has moved then.
    pub(super) fn add(&self, hash: u128, delta: Delta, now_ms: i64) -> Result<Running, Invalid> {
        if !delta.value.is_finite() {
            return Err(not_finite());
        }
        let mut totals = self.0.lock();
        if let Some(total) = totals.get_mut(&hash) {
            return total.add(delta, now_ms);
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
            gaps: Gaps::default(),
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
    fn add(&mut self, delta: Delta, now_ms: i64) -> Result<Running, Invalid> {
        if delta != self.last {
            let value = self.value + delta.value;
            if !value.is_finite() {
                return Err(not_finite());
            }
            self.place(delta)?;
            self.value = value;
        }
        self.heard_ms = now_ms;
        Ok(Running {
            timestamp_ms: self.last.timestamp_ms,
            value: self.value,
            begins_ms: None,
        })
    }

    /// Notes which time a point is of.
    fn place(&mut self, delta: Delta) -> Result<(), Invalid> {
        let (last_ms, starts_ms) = (self.last.timestamp_ms, delta.start_ms);
        if delta.timestamp_ms > last_ms {
            if let Some(start_ms) = starts_ms.filter(|&start| start > last_ms) {
                self.gaps.leave(last_ms, start_ms.min(delta.timestamp_ms));
            }
            self.last = delta;
            return Ok(());
        }
        let filled = starts_ms.is_some_and(|start| self.gaps.fill(start, delta.timestamp_ms));
        match filled {
            true => Ok(()),
            false => Err(not_after()),
        }
    }
}

#[cold]
fn not_finite() -> Invalid {
    let text = "a delta must be a finite number, and so must what the deltas of a series add up to";
    Invalid::new(Reject::NotFinite, text)
}

#[cold]
fn not_after() -> Invalid {
    let text = "a delta is not after the last one of its series: it was counted already, or two senders need labels that tell them apart (service.instance.id)";
    Invalid::new(Reject::TooOld, text)
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

    type Put = Result<(i64, f64, Option<i64>), Reject>;

    fn put(totals: &Totals, delta: Delta) -> Put {
        let running = totals.add(1, delta, 0).map_err(|why| why.reject)?;
        Ok((running.timestamp_ms, running.value, running.begins_ms))
    }

    #[test]
    fn deltas_run_up_and_one_sent_again_adds_nothing() {
        let totals = Totals::default();
        let put = |delta| put(&totals, delta);
        assert_eq!(put(delta(1_000, 2_000, 5.0)), Ok((2_000, 5.0, Some(1_001))));
        assert_eq!(put(delta(2_000, 3_000, 2.0)), Ok((3_000, 7.0, None)));
        assert_eq!(put(delta(2_000, 3_000, 2.0)), Ok((3_000, 7.0, None)));
        // Again though another came between, and one that says something else of the same time.
        assert_eq!(put(delta(1_000, 2_000, 5.0)), Err(Reject::TooOld));
        assert_eq!(put(delta(2_000, 3_000, 9.0)), Err(Reject::TooOld));
        assert_eq!(put(delta(3_000, 4_000, 1.0)), Ok((4_000, 8.0, None)));
    }

    #[test]
    fn one_that_was_overtaken_counts_once() {
        let totals = Totals::default();
        let put = |delta| put(&totals, delta);
        assert_eq!(put(delta(1_000, 2_000, 5.0)), Ok((2_000, 5.0, Some(1_001))));
        assert_eq!(put(delta(4_000, 5_000, 1.0)), Ok((5_000, 6.0, None)));
        assert_eq!(put(delta(2_000, 3_000, 2.0)), Ok((5_000, 8.0, None)));
        assert_eq!(put(delta(2_000, 3_000, 2.0)), Err(Reject::TooOld));
        assert_eq!(put(delta(3_000, 4_000, 3.0)), Ok((5_000, 11.0, None)));
        assert_eq!(put(delta(4_000, 5_000, 1.0)), Ok((5_000, 11.0, None)));
    }

    #[test]
    fn what_is_no_number_moves_nothing() {
        let totals = Totals::default();
        let put = |delta| put(&totals, delta);
        for odd in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(put(delta(1_000, 2_000, odd)), Err(Reject::NotFinite));
        }
        assert_eq!(
            put(delta(1_000, 2_000, 1e308)),
            Ok((2_000, 1e308, Some(1_001)))
        );
        assert_eq!(put(delta(2_000, 3_000, 1e308)), Err(Reject::NotFinite));
        assert_eq!(put(delta(2_000, 3_000, 0.0)), Ok((3_000, 1e308, None)));
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
