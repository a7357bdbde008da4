//! How fast a backlog is sent: a share of what the host makes, so that a gateway that comes back after an outage gets
//! less than twice the usual from everybody. What is sent is owed, and paid off by time. Is handed the time.

use std::time::Duration;

use tokio::time::Instant;

/// Nobody waits longer than this for the next look.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, Copy)]
pub(crate) struct PaceConfig {
    /// Of the host's own rate.
    pub share: f64,
    /// Samples a second, where the share is less.
    pub min_rate: f64,
}

#[derive(Debug)]
pub(super) struct Pace {
    config: PaceConfig,
    owed: f64,
    looked: Instant,
}

impl Pace {
    pub(super) fn new(config: PaceConfig, now: Instant) -> Self {
        Self {
            config,
            owed: 0.0,
            looked: now,
        }
    }

    /// So many samples were sent.
    pub(super) fn charge(&mut self, samples: f64) {
        self.owed += samples;
    }

    /// How long until more may be sent; zero is now. `live` is what the host makes, in samples a second.
    pub(super) fn wait(&mut self, now: Instant, live: f64) -> Duration {
        let rate = (live * self.config.share)
            .max(self.config.min_rate)
            .max(f64::MIN_POSITIVE);
        let passed = now.saturating_duration_since(self.looked);
        self.looked = now;
        self.owed = (self.owed - passed.as_secs_f64() * rate).max(0.0);
        Duration::try_from_secs_f64(self.owed / rate)
            .map_or(LONGEST_WAIT, |wait| wait.min(LONGEST_WAIT))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_is_paid_off_by_time() {
        let (now, second) = (Instant::now(), Duration::from_secs(1));
        let config = PaceConfig {
            share: 0.5,
            min_rate: 10.0,
        };
        let mut pace = Pace::new(config, now);
        assert_eq!(pace.wait(now, 100.0), Duration::ZERO);
        pace.charge(100.0);
        assert_eq!(pace.wait(now, 100.0), 2 * second);
        assert_eq!(pace.wait(now + second, 100.0), second);
        assert_eq!(pace.wait(now + second, 0.0), 5 * second, "the least rate");
        assert_eq!(pace.wait(now + 60 * second, 0.0), Duration::ZERO);
        pace.charge(1e12);
        assert_eq!(pace.wait(now + 60 * second, 0.0), LONGEST_WAIT);
    }
}
