//! Which times the store takes, known before a point is handed to it: a memory between requests must not move for a point
//! that will be refused. Never refuses what the store would take; what only some series are too old for is the store's to say.

use weir_wire::{Invalid, Reject};

/// From the section `[store]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// How far a point may be in the future.
    pub future_ms: i64,
    /// How long the samples of every series are kept.
    pub kept_ms: i64,
    /// The longest that those of any are.
    pub longest_kept_ms: i64,
}

impl Times {
    /// # Errors
    /// [`Reject::TooEarly`] and [`Reject::TooOld`]: the store would refuse a point of this time, whatever its series.
    pub(super) fn check(&self, timestamp_ms: i64, now_ms: i64) -> Result<(), Invalid> {
        let ahead_ms = timestamp_ms.saturating_sub(now_ms);
        if ahead_ms > self.future_ms {
            let text = format!(
                "a point is {} s ahead of the gateway, too far in the future: look at the sender's clock",
                ahead_ms / 1_000
            );
            return Err(Invalid::new(Reject::TooEarly, text));
        }
        if timestamp_ms < oldest_ms(self.longest_kept_ms, now_ms) {
            let text = format!(
                "a point is {} s old, older than is kept",
                ahead_ms.saturating_neg() / 1_000
            );
            return Err(Invalid::new(Reject::TooOld, text));
        }
        Ok(())
    }

    /// Whether a point as old as this is taken of every series.
    pub(super) fn is_kept(&self, timestamp_ms: i64, now_ms: i64) -> bool {
        timestamp_ms >= oldest_ms(self.kept_ms, now_ms)
    }
}

fn oldest_ms(kept_ms: i64, now_ms: i64) -> i64 {
    now_ms.saturating_sub(kept_ms).max(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_no_series_would_take_is_refused() {
        let times = Times {
            future_ms: 10,
            kept_ms: 100,
            longest_kept_ms: 500,
        };
        let check = |at_ms| times.check(at_ms, 1_000).map_err(|why| why.reject);
        assert_eq!(check(1_010), Ok(()));
        assert_eq!(check(1_011), Err(Reject::TooEarly));
        assert_eq!(check(i64::MAX), Err(Reject::TooEarly));
        assert_eq!(check(500), Ok(()));
        assert_eq!(check(499), Err(Reject::TooOld));
        assert_eq!(check(i64::MIN), Err(Reject::TooOld));
        assert!(times.is_kept(900, 1_000) && !times.is_kept(899, 1_000));
    }
}
