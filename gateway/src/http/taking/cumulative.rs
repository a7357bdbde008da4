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
pub(super) struct Brought(Vec<(u128, i64, Buckets)>);

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
        let earlier = brought.0.iter().rev().find(|(one, ..)| *one == series);
        let earlier = earlier.map(|(_, at_ms, buckets)| (*at_ms, buckets.clone()));
        let last = earlier.or_else(|| self.0.lock().get(&series).cloned());
        let interval = match &last {
            Some((at_ms, _)) if *at_ms >= sent.timestamp_ms => return None,
            Some((_, before)) => Some(sent.buckets.since(before).buckets),
            // It says when it began: all of it is new.
            None if sent.start_timestamp_ms.is_some() => Some(sent.buckets.clone()),
            None => None,
        };
        brought.0.push((series, sent.timestamp_ms, sent.buckets));
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
        let each = brought.0.into_iter();
        seen.extend(each.map(|(series, at_ms, buckets)| (series, (at_ms, buckets))));
    }
}
