//! Pauses between tries: doubling, and each between half and all of it, so that a fleet does not come back at once.

use std::time::Duration;

use crate::jitter::Jitter;

const FIRST: Duration = Duration::from_millis(200);
pub(super) const LONGEST: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct Pause {
    longest: Duration,
    jitter: Jitter,
}

impl Pause {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            longest: FIRST,
            jitter: Jitter::new(seed),
        }
    }

    pub(super) fn reset(&mut self) {
        self.longest = FIRST;
    }

    pub(super) fn next(&mut self) -> Duration {
        let share = 0.5 + self.jitter.share() / 2.0;
        let pause = self.longest.mul_f64(share);
        self.longest = (self.longest * 2).min(LONGEST);
        pause
    }
}
