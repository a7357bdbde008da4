//! What no gateway has acknowledged yet, in memory and bounded by bytes: batches that wait for their first sending, and
//! batches that were sent and keep their number until they are acknowledged. What stays here for long is taken by the
//! spool; over the bound the oldest of the lowest class is dropped and counted.

mod batch;
mod meter;
#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) use batch::BATCH_POINTS;
pub(crate) use batch::{Batch, Point};
pub(crate) use meter::Meter;

use std::collections::VecDeque;
use std::sync::Arc;

use metrics::{counter, gauge};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::drops::{Drops, Reason};
use crate::priority::Priorities;

/// The unacknowledged.
#[derive(Debug)]
pub(crate) struct Queue {
    /// In the order of their sequences.
    sent: VecDeque<Sent>,
    /// From the oldest.
    waiting: VecDeque<Arc<Batch>>,
    bytes: usize,
    max_bytes: usize,
    last_sequence: u64,
    acknowledged: u64,
    priorities: Priorities,
    drops: Arc<Drops>,
    meter: Meter,
}

#[derive(Debug)]
struct Sent {
    sequence: u64,
    batch: Arc<Batch>,
    is_on_disk: bool,
}

/// What has been in memory for long.
#[derive(Debug, Default)]
pub(crate) struct Overdue {
    /// Never sent: no longer in the queue. Give them to the spool, or back.
    pub waiting: Vec<Arc<Batch>>,
    /// Sent and not acknowledged: a gateway may have them. They stay in the queue; these are for a copy.
    pub unanswered: Vec<(u64, Arc<Batch>)>,
}

impl Overdue {
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.unanswered.is_empty()
    }
}

impl Queue {
    #[must_use]
    pub(crate) fn new(max_bytes: usize, priorities: Priorities, drops: Arc<Drops>) -> Self {
        Self {
            sent: VecDeque::new(),
            waiting: VecDeque::new(),
            bytes: 0,
            max_bytes,
            last_sequence: 0,
            acknowledged: 0,
            priorities,
            drops,
            meter: Meter::default(),
        }
    }

    /// Adds an interval's points, cut into batches; what says when each is safe.
    pub(crate) fn push(&mut self, points: Vec<Point>) -> Vec<watch::Receiver<bool>> {
        let now = Instant::now();
        counter!("weir_agent_queued_samples_total").increment(points.len() as u64);
        self.meter.add(points.len(), now);
        let batches = batch::cut(points, &self.priorities, now);
        let safe = batches.iter().map(|batch| batch.safe.subscribe()).collect();
        for batch in batches {
            self.bytes += batch.bytes;
            self.waiting.push_back(batch);
            self.shrink();
        }
        self.report();
        safe
    }

    /// The first batch behind a sequence: one that was sent before under its number, or a new one, which gets the next.
    pub(crate) fn next(&mut self, after: u64) -> Option<(u64, Arc<Batch>)> {
        let at = self.sent.partition_point(|sent| sent.sequence <= after);
        if let Some(sent) = self.sent.get(at) {
            return Some((sent.sequence, Arc::clone(&sent.batch)));
        }
        let batch = self.waiting.pop_front()?;
        self.last_sequence = self.last_sequence.max(after) + 1;
        self.sent.push_back(Sent {
            sequence: self.last_sequence,
            batch: Arc::clone(&batch),
            is_on_disk: false,
        });
        Some((self.last_sequence, batch))
    }

    /// Everything up to this sequence is on a gateway's disk. It may know of more than we do: those numbers are not used.
    pub(crate) fn acknowledge(&mut self, sequence: u64) {
        self.last_sequence = self.last_sequence.max(sequence);
        self.acknowledged = self.acknowledged.max(sequence);
        while let Some(sent) = self.sent.pop_front_if(|sent| sent.sequence <= sequence) {
            self.bytes -= sent.batch.bytes;
            sent.batch.is_safe();
            counter!("weir_agent_acknowledged_batches_total").increment(1);
            counter!("weir_agent_acknowledged_samples_total")
                .increment(sent.batch.points.len() as u64);
        }
        self.report();
    }

    /// Takes out what was queued before this, or, where memory is half full, whatever is too much for a half.
    pub(crate) fn overdue(&mut self, before: Instant, most_bytes: usize) -> Overdue {
        let mut overdue = Overdue::default();
        let mut taken = 0;
        for sent in self.sent.iter().filter(|sent| !sent.is_on_disk) {
            if sent.batch.queued > before || taken > most_bytes {
                break;
            }
            taken += sent.batch.bytes;
            overdue
                .unanswered
                .push((sent.sequence, Arc::clone(&sent.batch)));
        }
        let is_half_full = |bytes| bytes > self.max_bytes / 2;
        while taken <= most_bytes
            && let Some(batch) = self
                .waiting
                .pop_front_if(|batch| batch.queued <= before || is_half_full(self.bytes))
        {
            taken += batch.bytes;
            self.bytes -= batch.bytes;
            overdue.waiting.push(batch);
        }
        self.report();
        overdue
    }

    /// There is a copy of these on disk.
    pub(crate) fn copied(&mut self, unanswered: &[(u64, Arc<Batch>)]) {
        let last = unanswered.last().map_or(0, |(sequence, _)| *sequence);
        let copied = self
            .sent
            .iter_mut()
            .take_while(|sent| sent.sequence <= last);
        copied.for_each(|sent| {
            sent.is_on_disk = true;
            sent.batch.is_safe();
        });
    }

    /// The disk did not take them.
    pub(crate) fn put_back(&mut self, waiting: Vec<Arc<Batch>>) {
        for batch in waiting.into_iter().rev() {
            self.bytes += batch.bytes;
            self.waiting.push_front(batch);
        }
        self.shrink();
        self.report();
    }

    /// The highest sequence that was given.
    #[must_use]
    pub(crate) fn last_sequence(&self) -> u64 {
        self.last_sequence
    }

    /// The highest sequence that a gateway has acknowledged.
    #[must_use]
    pub(crate) fn acknowledged(&self) -> u64 {
        self.acknowledged
    }

    /// How many were sent up to this sequence and not acknowledged, and their bytes.
    #[must_use]
    pub(crate) fn in_flight(&self, sent: u64) -> (usize, usize) {
        let in_flight = self.sent.iter().take_while(|one| one.sequence <= sent);
        in_flight.fold((0, 0), |(count, bytes), one| {
            (count + 1, bytes + one.batch.bytes)
        })
    }

    /// Whether something has never been sent.
    #[must_use]
    pub(crate) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// How many would be lost if the process ended now.
    #[must_use]
    pub(crate) fn lost(&self) -> usize {
        self.waiting.len() + self.sent.iter().filter(|sent| !sent.is_on_disk).count()
    }

    /// Samples a second that are put in.
    pub(crate) fn per_second(&mut self) -> f64 {
        self.meter.per_second(Instant::now())
    }

    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[must_use]
    pub(crate) fn len(&self) -> usize {
        self.sent.len() + self.waiting.len()
    }

    #[must_use]
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    fn shrink(&mut self) {
        while self.bytes > self.max_bytes && self.len() > 1 {
            let Some(oldest) = self.pop_lowest() else {
                return;
            };
            self.bytes -= oldest.bytes;
            let samples = oldest.points.len() as u64;
            self.drops
                .count(oldest.class.as_str(), Reason::QueueFull, 1, samples);
        }
    }

    /// Of what waits the lowest class goes first, and of that the oldest, but never the newest batch. What was sent goes
    /// last: a gateway may have it.
    fn pop_lowest(&mut self) -> Option<Arc<Batch>> {
        let older = self.waiting.len().saturating_sub(1);
        let candidates = self.waiting.iter().take(older).enumerate();
        match candidates.min_by_key(|(_, batch)| batch.class) {
            Some((at, _)) => self.waiting.remove(at),
            None => self.sent.pop_front().map(|sent| sent.batch),
        }
    }

    fn report(&self) {
        gauge!("weir_agent_queue_batches").set(self.len() as f64);
        gauge!("weir_agent_queue_bytes").set(self.bytes as f64);
    }
}
