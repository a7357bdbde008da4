//! Distributions that only ever grow, as Prometheus counts them, to those of one interval, as they are stored. Remembers the
//! last of each series; what was not stored is not remembered, so that a message that is sent again gives the same.

use std::collections::HashMap;

use parking_lot::Mutex;
use weir_wire::Histogram;
use weir_wire::buckets::Buckets;
use weir_wire::remote_write::{ResetHint, SentHistogram};

/// Series remembered; past it all are forgotten, and each begins anew.
const MOST: usize = 200_000;

/// The last distribution of each series, and its time in milliseconds.
#[derive(Default)]
pub(super) struct Cumulative(Mutex<HashMap<u128, (i64, Buckets)>>);

/// What a message brought, to be remembered once it is stored.
#[derive(Default)]
pub(super) struct Brought(HashMap<u128, (i64, Buckets)>);

impl Cumulative {
    /// What came since the last one; `None` for the first, with which counting begins, and for one that is not newer.
    pub(super) fn interval(
        &self,
        series: u128,
        sent: SentHistogram,
        brought: &mut Brought,
    ) -> Option<Histogram> {
        if sent.reset_hint == ResetHint::Gauge {
            return Some(sent.buckets.to_histogram().histogram);
        }
        let earlier = brought.0.get(&series).cloned();
        let last = earlier.or_else(|| self.0.lock().get(&series).cloned());
        let interval = match &last {
            Some((at_ms, _)) if *at_ms >= sent.timestamp_ms => return None,
            Some((_, before)) => Some(sent.buckets.since(before).buckets),
            // Even where it says when it began: before a restart of ours it may have been stored.
            None => None,
        };
        let now = (sent.timestamp_ms, sent.buckets);
        brought.0.insert(series, now);
        interval.map(|buckets| buckets.to_histogram().histogram)
    }

    /// To be called when the message's points are on disk.
    pub(super) fn remember(&self, brought: Brought) {
        if brought.0.is_empty() {
            return;
        }
        let mut seen = self.0.lock();
        if seen.len() + brought.0.len() > MOST {
            seen.clear();
        }
        seen.extend(brought.0);
    }
}

#[cfg(test)]
mod tests {
    use weir_wire::buckets::{Bucket, Layout};

    use super::*;

    const SERIES: u128 = 7;

    /// So many observations of 1, counted since its start, which it tells.
    fn sent(timestamp_ms: i64, count: f64) -> SentHistogram {
        SentHistogram {
            timestamp_ms,
            start_timestamp_ms: Some(1),
            reset_hint: ResetHint::Unknown,
            stale: false,
            buckets: Buckets {
                count,
                sum: Some(count),
                positive: vec![Bucket { index: 0, count }],
                ..Buckets::empty(Layout::Exponential { scale: 0 })
            },
        }
    }

    /// A message that is stored, or is not.
    fn message(
        cumulative: &Cumulative,
        histograms: impl IntoIterator<Item = SentHistogram>,
        stored: bool,
    ) -> Vec<Option<u64>> {
        let mut brought = Brought::default();
        let each = histograms.into_iter();
        let counts = each
            .map(|sent| {
                let interval = cumulative.interval(SERIES, sent, &mut brought);
                interval.map(|interval| interval.count())
            })
            .collect();
        if stored {
            cumulative.remember(brought);
        }
        counts
    }

    #[test]
    fn each_interval_counts_once_and_the_first_begins_the_count() {
        let cumulative = Cumulative::default();
        let both = [sent(10, 5.0), sent(20, 8.0)];
        // As after a restart of ours: what it counted before may be stored already.
        assert_eq!(message(&cumulative, both, true), [None, Some(3)]);
        // Not stored, so sent again, and the same again.
        assert_eq!(message(&cumulative, [sent(30, 12.0)], false), [Some(4)]);
        assert_eq!(message(&cumulative, [sent(30, 12.0)], true), [Some(4)]);
        assert_eq!(message(&cumulative, [sent(30, 12.0)], true), [None]);
        // Its source began anew.
        assert_eq!(message(&cumulative, [sent(40, 2.0)], true), [Some(2)]);
    }

    #[test]
    fn what_is_no_counter_is_taken_as_it_is() {
        let gauge = SentHistogram {
            reset_hint: ResetHint::Gauge,
            ..sent(10, 5.0)
        };
        assert_eq!(message(&Cumulative::default(), [gauge], true), [Some(5)]);
    }
}
