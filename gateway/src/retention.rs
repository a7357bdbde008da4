//! The time that retention counts by: the wall clock, but never much faster than time passes, so that a clock set a day or a
//! year ahead deletes nothing in a hurry. Deletes nothing itself.

use std::time::Duration;

/// How much faster than time itself retention may go while it is behind the clock.
const CATCHING_UP: u32 = 2;

/// Behind the wall clock where that jumped, or where nothing was stored for long before a start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Retention {
    at_ms: i64,
}

impl Retention {
    /// Begins at the newest sample that was stored before this start, or now where there is none.
    pub(crate) fn new(now_ms: i64, newest_ms: Option<i64>) -> Self {
        Self {
            at_ms: newest_ms.map_or(now_ms, |newest_ms| newest_ms.min(now_ms)),
        }
    }

    /// The time to count from, so long after it was last asked. A clock that was set back is followed at once.
    pub(crate) fn advance(&mut self, now_ms: i64, elapsed: Duration) -> i64 {
        let most = elapsed.saturating_mul(CATCHING_UP).as_millis();
        let most_ms = i64::try_from(most).unwrap_or(i64::MAX);
        self.at_ms = now_ms.min(self.at_ms.saturating_add(most_ms));
        self.at_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: i64 = 86_400_000;
    const TICK: Duration = Duration::from_secs(15);

    /// FAULTS 22.
    #[test]
    fn a_clock_that_jumps_ahead_is_followed_slowly_and_back_at_once() {
        let mut retention = Retention::new(DAY_MS, None);
        assert_eq!(retention.advance(DAY_MS + 15_000, TICK), DAY_MS + 15_000);
        let jumped_ms = DAY_MS + 30_000 + 365 * DAY_MS;
        assert_eq!(retention.advance(jumped_ms, TICK), DAY_MS + 45_000);
        assert_eq!(retention.advance(DAY_MS + 45_000, TICK), DAY_MS + 45_000);
        assert_eq!(retention.advance(DAY_MS, TICK), DAY_MS);
    }

    #[test]
    fn a_start_after_an_absence_catches_up() {
        let (mut now_ms, mut at_ms) = (10 * DAY_MS, DAY_MS);
        let mut retention = Retention::new(now_ms, Some(at_ms));
        while at_ms < now_ms {
            now_ms += 15_000;
            at_ms = retention.advance(now_ms, TICK);
            assert!(now_ms < 20 * DAY_MS, "nine days take nine");
        }
        assert_eq!(Retention::new(5, Some(9)).at_ms, 5);
    }
}
