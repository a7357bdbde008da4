//! The way out of the spool: records of all lanes in the order of their age, and what becomes of those that were handed
//! out.

use std::time::Duration;

use metrics::counter;
use tokio::time::Instant;

use super::Spool;
use super::kind::Kind;
use super::lane::{Lane, Place};
use super::mark;
use crate::drops::Reason;
use crate::queue::Point;

/// How often the mark is written.
const MARK_EVERY: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct HandedOut {
    lane: usize,
    place: Place,
    sequence: u64,
    samples: u64,
}

/// A record on its way.
#[derive(Debug)]
pub(crate) struct Record {
    pub sequence: u64,
    pub points: Vec<Point>,
}

impl Spool {
    /// The run of the next record to send; `None` while there is none.
    pub(crate) fn next_run(&mut self) -> Option<u64> {
        self.next_lane().map(|(_, run)| run)
    }

    /// What was sent by a former process goes first, then the oldest of all classes.
    fn next_lane(&mut self) -> Option<(usize, u64)> {
        let boot = self.boot;
        let mut oldest: Option<(usize, u64, u64)> = None;
        for (at, lane) in self.lanes.iter_mut().enumerate().rev() {
            let Some((run, sequence)) = lane.peek(boot) else {
                continue;
            };
            if lane.kind == Kind::Unanswered {
                return Some((at, run));
            }
            if oldest.is_none_or(|(.., other)| sequence < other) {
                oldest = Some((at, run, sequence));
            }
        }
        oldest.map(|(at, run, _)| (at, run))
    }

    /// Hands out the next record of a run; `None` when what comes next is of another, or there is nothing.
    pub(crate) fn next(&mut self, run: u64) -> Option<Record> {
        loop {
            let (at, of) = self.next_lane()?;
            if of != run {
                return None;
            }
            let taken = self.lanes[at].take()?;
            let handed_out = HandedOut {
                lane: at,
                place: taken.place,
                sequence: taken.sequence,
                samples: taken.samples,
            };
            let Some(points) = taken.points else {
                counter!("weir_agent_spool_damaged_records_total").increment(1);
                self.lanes[at].done(handed_out.place, handed_out.samples);
                continue;
            };
            self.handed_out.push_back(handed_out);
            return Some(Record {
                sequence: taken.sequence,
                points,
            });
        }
    }

    /// A gateway has everything that was handed out up to this sequence.
    pub(crate) fn acknowledge(&mut self, sequence: u64) {
        let is_acknowledged = |one: &mut HandedOut| one.sequence <= sequence;
        while let Some(one) = self.handed_out.pop_front_if(is_acknowledged) {
            if self.lanes[one.lane].done(one.place, one.samples) {
                counter!("weir_agent_spool_acknowledged_batches_total").increment(1);
                counter!("weir_agent_spool_acknowledged_samples_total").increment(one.samples);
            }
        }
        if self.marked.elapsed() >= MARK_EVERY {
            self.mark();
        }
        self.report();
    }

    /// The oldest that was handed out is refused by every gateway: it must not hold up the rest.
    pub(crate) fn give_up_first(&mut self) {
        if let Some(one) = self.handed_out.pop_front() {
            let lane = &mut self.lanes[one.lane];
            lane.done(one.place, one.samples);
            self.drops
                .count(lane.kind.as_str(), Reason::Refused, 1, one.samples);
        }
        self.report();
    }

    /// The sequence of the oldest that was handed out.
    pub(crate) fn first_handed_out(&self) -> Option<u64> {
        self.handed_out.front().map(|one| one.sequence)
    }

    /// What was handed out and not acknowledged will be handed out again.
    pub(crate) fn rewind(&mut self) {
        self.handed_out.clear();
        self.lanes.iter_mut().for_each(Lane::rewind);
        self.mark();
    }

    /// Writes down how far everything is acknowledged.
    pub(crate) fn mark(&mut self) {
        self.marked = Instant::now();
        let marks = self.lanes.each_ref().map(|lane| lane.mark);
        if let Err(error) = mark::store(&self.config.dir, marks) {
            tracing::debug!("the spool's mark was not written: {error}");
        }
    }
}
