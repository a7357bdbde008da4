//! When the next group's time to live is over, for the task that ends groups to wake by. Knows one time and no groups.

use std::sync::atomic::{AtomicI64, Ordering};

use tokio::sync::Notify;

/// The earliest end there is; never later than it, since a push may put a group's end off.
pub(super) struct Ends {
    next_ms: AtomicI64,
    earlier: Notify,
}

impl Default for Ends {
    fn default() -> Self {
        Self {
            next_ms: AtomicI64::new(i64::MAX),
            earlier: Notify::new(),
        }
    }
}

impl Ends {
    /// A group ends then; `None` for never.
    pub(super) fn note(&self, end_ms: Option<i64>) {
        let Some(end_ms) = end_ms else {
            return;
        };
        if self.next_ms.fetch_min(end_ms, Ordering::AcqRel) > end_ms {
            self.earlier.notify_one();
        }
    }

    /// Forgets it: who asks looks at every group, and notes their ends again.
    pub(super) fn begin_look(&self) {
        self.next_ms.store(i64::MAX, Ordering::Release);
    }

    /// `None` for never.
    pub(super) fn next_ms(&self) -> Option<i64> {
        let next_ms = self.next_ms.load(Ordering::Acquire);
        Some(next_ms).filter(|&next_ms| next_ms != i64::MAX)
    }

    /// Returns when an end was noted that is earlier than all that were.
    pub(super) async fn earlier(&self) {
        self.earlier.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_earliest_is_told_and_an_earlier_one_wakes() {
        let ends = Ends::default();
        ends.note(None);
        assert_eq!(ends.next_ms(), None);
        for end_ms in [300, 200, 400] {
            ends.note(Some(end_ms));
        }
        ends.earlier().await;
        assert_eq!(ends.next_ms(), Some(200));
        ends.begin_look();
        assert_eq!(ends.next_ms(), None);
        ends.note(Some(900));
        ends.earlier().await;
        assert_eq!(ends.next_ms(), Some(900));
    }
}
