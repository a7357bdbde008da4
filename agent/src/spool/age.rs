//! What time it is for the age of what is spooled. It counts from the newest record and follows the clock at no more than
//! twice the speed of time, so that a clock that jumped drops nothing at once. Is handed both times.

use tokio::time::Instant;

#[derive(Debug)]
pub(super) struct Age {
    now_ms: i64,
    looked: Instant,
}

impl Age {
    /// `newest_ms` is of the newest record that was found; without any the clock is believed.
    pub(super) fn new(newest_ms: Option<i64>, clock_ms: i64, now: Instant) -> Self {
        Self {
            now_ms: newest_ms.unwrap_or(clock_ms),
            looked: now,
        }
    }

    /// The time by which ages are measured; it never goes back.
    pub(super) fn look(&mut self, clock_ms: i64, now: Instant) -> i64 {
        let passed = now.saturating_duration_since(self.looked);
        self.looked = now;
        let at_most = i64::try_from(passed.as_millis()).unwrap_or(i64::MAX / 4) * 2;
        self.now_ms += clock_ms.saturating_sub(self.now_ms).clamp(0, at_most);
        self.now_ms
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_clock_that_jumps_ages_nothing_at_once() {
        let (began, hour) = (Instant::now(), 3_600_000);
        let mut age = Age::new(Some(1_000), 5 * hour, began);
        let mut look = |clock_ms, after_s| age.look(clock_ms, began + Duration::from_secs(after_s));
        assert_eq!(
            look(5 * hour, 0),
            1_000,
            "what was switched off does not age"
        );
        assert_eq!(look(5 * hour, 10), 21_000);
        assert_eq!(look(0, 20), 21_000, "it never goes back");
        assert_eq!(
            look(21_007, 30),
            21_007,
            "and follows a clock that is right"
        );
    }
}
