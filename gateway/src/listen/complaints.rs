//! What a listener refused, told in the log where the protocol has no answer: one piece of input now and then, with how many
//! more there were. Counts nothing for others to read; see the ledger.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// At most one complaint in so long.
const EVERY_MS: i64 = 10_000;

/// One listener's.
pub(super) struct Complaints {
    protocol: &'static str,
    next_ms: AtomicI64,
    untold: AtomicU64,
}

impl Complaints {
    pub(super) fn new(protocol: &'static str) -> Self {
        Self {
            protocol,
            next_ms: AtomicI64::new(i64::MIN),
            untold: AtomicU64::new(0),
        }
    }

    /// `what` is asked only if it is told.
    #[cold]
    pub(super) fn tell(&self, now_ms: i64, source: &str, what: impl FnOnce() -> String) {
        let Some(untold) = self.due(now_ms) else {
            return;
        };
        let (protocol, what) = (self.protocol, what());
        tracing::warn!(
            "{protocol} from {source} was refused: {what} ({untold} more since the last of these)"
        );
    }

    /// How many were not told since the last one, if it is time again. A clock that was set back is no reason to be silent.
    fn due(&self, now_ms: i64) -> Option<u64> {
        let next_ms = self.next_ms.load(Ordering::Relaxed);
        let early = now_ms < next_ms && next_ms.saturating_sub(now_ms) <= EVERY_MS;
        let claimed = !early
            && self
                .next_ms
                .compare_exchange(
                    next_ms,
                    now_ms + EVERY_MS,
                    Ordering::Relaxed,
                    Ordering::Relaxed,
                )
                .is_ok();
        if claimed {
            return Some(self.untold.swap(0, Ordering::Relaxed));
        }
        self.untold.fetch_add(1, Ordering::Relaxed);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_in_ten_seconds_is_told() {
        let complaints = Complaints::new("lines");
        let due: Vec<_> = [0, 1, 9_999, 10_000, 10_001, 30_000, 5_000]
            .map(|now_ms| complaints.due(now_ms))
            .into();
        assert_eq!(
            due,
            [Some(0), None, None, Some(2), None, Some(1), Some(0)],
            "a clock that was set back is told of at once"
        );
    }
}
