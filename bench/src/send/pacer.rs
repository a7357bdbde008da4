//! A steady rate: when the next batch is due, and how late it ever was. Sleeps; a batch is a few milliseconds of a
//! connection's share, so the system's timer is good enough.

use std::thread;
use std::time::{Duration, Instant};

/// One connection's.
#[derive(Debug)]
pub(super) struct Pacer {
    start: Instant,
    /// Samples a second; 0 never waits.
    rate: f64,
    due_s: f64,
    behind_s: f64,
}

impl Pacer {
    pub(super) fn start(rate: f64) -> Self {
        Self {
            start: Instant::now(),
            rate,
            due_s: 0.0,
            behind_s: 0.0,
        }
    }

    /// Returns when a batch of so many samples is due.
    pub(super) fn wait(&mut self, samples: u64) {
        if self.rate > 0.0 {
            let early_s = self.take(self.start.elapsed().as_secs_f64(), samples);
            thread::sleep(Duration::from_secs_f64(early_s));
        }
    }

    /// How long until the batch is due; being late is remembered.
    fn take(&mut self, now_s: f64, samples: u64) -> f64 {
        let early_s = self.due_s - now_s;
        self.behind_s = self.behind_s.max(-early_s);
        self.due_s += samples as f64 / self.rate;
        early_s.max(0.0)
    }

    /// The worst so far.
    pub(super) fn behind_s(&self) -> f64 {
        self.behind_s
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_due_when_those_before_it_are_over() {
        let mut pacer = Pacer::start(1_000.0);
        assert_eq!(pacer.take(0.0, 500), 0.0);
        assert_eq!(pacer.take(0.1, 500), 0.4);
        assert_eq!(pacer.behind_s(), 0.0);
        assert_eq!(pacer.take(1.25, 500), 0.0);
        assert_eq!(pacer.behind_s(), 0.25);
        assert_eq!(pacer.take(1.25, 500), 0.25);
    }
}
