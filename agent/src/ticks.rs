//! The ends of intervals: aligned to the wall clock, so that all hosts cut time at the same places, and never drifting.

use std::time::Duration;

use crate::app::Clock;

/// One end of an interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tick {
    /// The boundary that was meant, not when the task woke up.
    pub at_ms: i64,
}

pub(crate) struct Ticks {
    interval_ms: i64,
    clock: Clock,
    last_ms: i64,
}

impl Ticks {
    #[must_use]
    pub(crate) fn new(interval: Duration, clock: Clock) -> Self {
        let last_ms = clock();
        Self {
            interval_ms: interval.as_millis().max(1) as i64,
            clock,
            last_ms,
        }
    }

    /// Waits for the next boundary; those that were slept through are left out. Loses nothing when dropped.
    pub(crate) async fn next(&mut self) -> Tick {
        let at_ms = weir_aggregate::end_after(
            self.last_ms.max((self.clock)() - self.interval_ms),
            self.interval_ms,
        );
        let wait_ms = at_ms - (self.clock)();
        // A clock that was set back makes one long interval at most.
        let wait_ms = wait_ms.clamp(0, self.interval_ms);
        tokio::time::sleep(Duration::from_millis(wait_ms.unsigned_abs())).await;
        self.last_ms = at_ms.min((self.clock)() + self.interval_ms);
        Tick { at_ms }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn boundaries_are_aligned_and_slept_through_ones_left_out() {
        let (base, start) = (
            Arc::new(AtomicI64::new(12_345)),
            tokio::time::Instant::now(),
        );
        let shift = Arc::clone(&base);
        let clock: Clock =
            Arc::new(move || shift.load(Ordering::Relaxed) + start.elapsed().as_millis() as i64);
        let mut ticks = Ticks::new(Duration::from_secs(10), clock);
        assert_eq!(ticks.next().await.at_ms, 20_000);
        assert_eq!(ticks.next().await.at_ms, 30_000);
        base.fetch_add(3_600_000, Ordering::Relaxed);
        let after = ticks.next().await.at_ms;
        assert!((3_620_000..=3_640_000).contains(&after), "{after}");
        base.fetch_sub(3_600_000, Ordering::Relaxed);
        let before = tokio::time::Instant::now();
        ticks.next().await;
        assert!(
            before.elapsed() <= Duration::from_secs(10),
            "set back: one interval at most"
        );
    }
}
