//! Distributions that only ever grow, as Prometheus and OpenTelemetry count them, to those of one interval, as they are
//! stored: the one memory of them for every protocol. Bounded in buckets; series that fell silent leave. What was not
//! stored is not remembered, so that a message that is sent again gives the same.
//!
//! Of the first distribution of a series only what was counted since this memory began is known to be new: with a start
//! time after that it is taken whole, otherwise counting begins with it.

use std::collections::HashMap;

use parking_lot::Mutex;
use weir_wire::buckets::Buckets;
use weir_wire::{Invalid, Reject};

use super::times::Times;
use crate::admission::Sender;

/// Buckets of all series together: 64 MB.
const MOST_BUCKETS: usize = 4_000_000;
/// What a series costs beside its buckets, in buckets.
const SERIES_COST: usize = 16;
/// A series that was not heard of for so long may leave when there is no room.
const IDLE_MS: i64 = 3_600_000;
/// How often it is looked who may leave.
const LOOK_EVERY_MS: i64 = 10_000;

/// The last distribution of each series.
pub(super) struct Cumulative(Mutex<Known>);

struct Known {
    times: Times,
    last: HashMap<Name, Last>,
    cost: usize,
    most: usize,
    /// Of what began earlier, a part may be stored already.
    began_ms: i64,
    looked_ms: i64,
}

/// A series as its protocol knows it: the protocol, and a hash.
type Name = (&'static str, u128);

#[derive(Clone)]
struct Last {
    timestamp_ms: i64,
    start_ms: Option<i64>,
    heard_ms: i64,
    buckets: Buckets,
}

/// All that a series has counted so far.
pub(super) struct Counted {
    pub(super) protocol: &'static str,
    pub(super) hash: u128,
    pub(super) timestamp_ms: i64,
    pub(super) start_ms: Option<i64>,
    /// Its source says that it began anew.
    pub(super) reset: bool,
    /// The first of a series is all new: that of a job which pushes once.
    pub(super) whole_at_first: bool,
    pub(super) buckets: Buckets,
}

/// What a message brought, to be remembered once it is stored.
#[derive(Default)]
pub(super) struct Brought {
    last: HashMap<Name, Last>,
    unstored: Unstored,
}

/// Distributions that gave nothing to store: their outcome is known all the same.
#[must_use]
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unstored {
    /// What the next of their series is measured by; with nothing new since the last, or the first.
    remembered: u64,
    /// Not newer than the last, whose counts hold theirs.
    known: u64,
}

impl Unstored {
    /// Counts them for their sender, as what is in an aggregate and not in the store itself.
    pub(super) fn count(self, sender: &Sender) {
        sender.aggregate(self.remembered + self.known, self.known);
    }
}

impl Cumulative {
    /// Begins at a time of the gateway's clock.
    pub(super) fn new(now_ms: i64, times: Times) -> Self {
        Self(Mutex::new(Known {
            times,
            last: HashMap::new(),
            cost: 0,
            most: MOST_BUCKETS,
            began_ms: now_ms,
            looked_ms: i64::MIN,
        }))
    }

    /// What came since the last one; `None` for the first, with which counting begins, and for one that is not newer.
    ///
    /// # Errors
    /// [`Reject::OverLimit`]: no room for one more series. [`Reject::TooEarly`], [`Reject::TooOld`]: the store would not take
    /// it, so that those after it do not follow it.
    pub(super) fn interval(
        &self,
        now_ms: i64,
        counted: Counted,
        brought: &mut Brought,
    ) -> Result<Option<Buckets>, Invalid> {
        let name = (counted.protocol, counted.hash);
        let mut known = self.0.lock();
        known.times.check(counted.timestamp_ms, now_ms)?;
        if !brought.last.contains_key(&name) && !known.last.contains_key(&name) {
            known.make_room(now_ms)?;
        }
        let last = brought.last.get(&name).or_else(|| known.last.get(&name));
        let interval = match last {
            Some(last) if counted.timestamp_ms <= last.timestamp_ms => {
                brought.unstored.known += 1;
                return Ok(None);
            }
            Some(last) if counted.reset || restarted(last, &counted) => {
                Some(counted.buckets.clone())
            }
            Some(last) => Some(counted.buckets.since(&last.buckets).buckets),
            None => {
                let began = counted.start_ms.unwrap_or(i64::MIN);
                let is_new = counted.whole_at_first || began >= known.began_ms;
                is_new.then(|| counted.buckets.clone())
            }
        };
        drop(known);
        let last = Last {
            timestamp_ms: counted.timestamp_ms,
            start_ms: counted.start_ms,
            heard_ms: now_ms,
            buckets: counted.buckets,
        };
        brought.last.insert(name, last);
        let interval = interval.filter(|interval| interval.count > 0.0);
        brought.unstored.remembered += u64::from(interval.is_none());
        Ok(interval)
    }

    /// To be called when the message's points are on disk.
    pub(super) fn remember(&self, brought: Brought) -> Unstored {
        if brought.last.is_empty() {
            return brought.unstored;
        }
        let mut known = self.0.lock();
        for (name, last) in brought.last {
            known.cost += last.cost();
            if let Some(before) = known.last.insert(name, last) {
                known.cost -= before.cost();
            }
        }
        brought.unstored
    }
}

fn restarted(last: &Last, counted: &Counted) -> bool {
    counted
        .start_ms
        .is_some_and(|start| start > last.timestamp_ms && last.start_ms != Some(start))
}

impl Last {
    fn cost(&self) -> usize {
        SERIES_COST + self.buckets.positive.len() + self.buckets.negative.len()
    }
}

impl Known {
    fn make_room(&mut self, now_ms: i64) -> Result<(), Invalid> {
        if self.cost >= self.most && now_ms.saturating_sub(self.looked_ms) >= LOOK_EVERY_MS {
            self.looked_ms = now_ms;
            let silent_ms = now_ms.saturating_sub(IDLE_MS);
            self.last.retain(|_, last| last.heard_ms >= silent_ms);
            self.cost = self.last.values().map(Last::cost).sum();
            // Who left may come again, and was stored up to now.
            self.began_ms = now_ms;
        }
        if self.cost >= self.most {
            let text = "the limit of cumulative histograms is reached: no new one is taken";
            return Err(Invalid::new(Reject::OverLimit, text));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use weir_wire::buckets::{Bucket, Layout};

    use super::*;

    const BEGAN_MS: i64 = 1_000;
    const TIMES: Times = Times {
        future_ms: 1_000_000,
        kept_ms: 1_000_000_000,
        longest_kept_ms: 1_000_000_000,
    };

    /// So many observations of 1.
    fn counted(timestamp_ms: i64, count: f64) -> Counted {
        Counted {
            protocol: "p",
            hash: 7,
            timestamp_ms,
            start_ms: Some(1),
            reset: false,
            whole_at_first: false,
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
        all: impl IntoIterator<Item = Counted>,
        stored: bool,
    ) -> Vec<Option<f64>> {
        let mut brought = Brought::default();
        let interval = |counted| cumulative.interval(0, counted, &mut brought).unwrap();
        let counts: Vec<_> = all.into_iter().map(interval).collect();
        let nothing = counts.iter().filter(|count| count.is_none()).count() as u64;
        if stored {
            let unstored = cumulative.remember(brought);
            assert_eq!(unstored.remembered + unstored.known, nothing);
        }
        let counts = counts.into_iter();
        counts.map(|one| one.map(|buckets| buckets.count)).collect()
    }

    #[test]
    fn each_interval_counts_once_and_the_first_begins_the_count() {
        let cumulative = Cumulative::new(BEGAN_MS, TIMES);
        let both = [counted(2_010, 5.0), counted(2_020, 8.0)];
        // As after a restart of ours: what it counted before may be stored already.
        assert_eq!(message(&cumulative, both, true), [None, Some(3.0)]);
        // Not stored, so sent again, and the same again.
        let third = || [counted(2_030, 12.0)];
        assert_eq!(message(&cumulative, third(), false), [Some(4.0)]);
        assert_eq!(message(&cumulative, third(), true), [Some(4.0)]);
        assert_eq!(message(&cumulative, third(), true), [None]);
        // Its source began anew.
        let anew = [counted(2_040, 2.0)];
        assert_eq!(message(&cumulative, anew, true), [Some(2.0)]);
    }

    #[test]
    fn one_from_a_wrong_clock_is_not_what_the_next_is_measured_by() {
        let cumulative = Cumulative::new(BEGAN_MS, TIMES);
        assert_eq!(message(&cumulative, [counted(2_010, 5.0)], true), [None]);
        let mut brought = Brought::default();
        let ahead = cumulative.interval(0, counted(1_000_001, 6.0), &mut brought);
        assert_eq!(ahead.unwrap_err().reject, Reject::TooEarly);
        assert_eq!(cumulative.remember(brought), Unstored::default());
        let next = [counted(2_020, 8.0)];
        assert_eq!(message(&cumulative, next, true), [Some(3.0)]);
    }

    #[test]
    fn what_began_after_us_is_new_as_a_whole() {
        let cumulative = Cumulative::new(BEGAN_MS, TIMES);
        let since = |start_ms, timestamp_ms, count| Counted {
            start_ms: Some(start_ms),
            ..counted(timestamp_ms, count)
        };
        let young = [since(1_500, 2_000, 10.0)];
        assert_eq!(message(&cumulative, young, true), [Some(10.0)]);
        // A restart that the counts do not show.
        let again = [since(2_500, 3_000, 40.0)];
        assert_eq!(message(&cumulative, again, true), [Some(40.0)]);
        // The same name by another protocol is another's.
        let other = Counted {
            protocol: "q",
            ..counted(2_000, 1.0)
        };
        assert_eq!(message(&cumulative, [other], true), [None]);
    }

    #[test]
    fn buckets_are_bounded_and_who_fell_silent_leaves() {
        let cumulative = Cumulative::new(BEGAN_MS, TIMES);
        cumulative.0.lock().most = 10 * (SERIES_COST + 1);
        let take = |hash, now_ms| {
            let mut brought = Brought::default();
            let counted = Counted {
                hash,
                whole_at_first: true,
                ..counted(2_000, 1.0)
            };
            let taken = cumulative.interval(now_ms, counted, &mut brought);
            let _ = cumulative.remember(brought);
            taken.map(|_| ())
        };
        assert!((0..10).all(|hash| take(hash, 0).is_ok()));
        assert_eq!(take(10, 0).unwrap_err().reject, Reject::OverLimit);
        assert!(take(3, 0).is_ok(), "who is known goes on");
        assert!(take(10, IDLE_MS + 1).is_ok());
        assert!(cumulative.0.lock().cost <= 2 * (SERIES_COST + 1));
    }
}
