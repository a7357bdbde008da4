//! What no gateway has acknowledged yet, in memory: batches in order, numbered from 1, bounded by bytes. When it is
//! full the oldest batch is dropped and counted; an acknowledgement frees everything up to its sequence.

use std::collections::VecDeque;
use std::sync::Arc;

use metrics::{counter, gauge};
use weir_wire::{Sample, SeriesKey, Value};

/// Points and bytes in one batch: a frame stays far below its limit of 8 MiB.
pub(crate) const BATCH_POINTS: usize = 10_000;
const BATCH_BYTES: usize = 2 << 20;

/// A sample on its way.
pub(crate) type Point = (SeriesKey, Sample);

/// A batch and the number it keeps until it is acknowledged, however often it is sent.
#[derive(Debug)]
pub(crate) struct Batch {
    pub sequence: u64,
    pub points: Vec<Point>,
    bytes: usize,
}

/// The unacknowledged.
#[derive(Debug)]
pub(crate) struct Queue {
    batches: VecDeque<Arc<Batch>>,
    bytes: usize,
    max_bytes: usize,
    last_sequence: u64,
}

impl Queue {
    #[must_use]
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self {
            batches: VecDeque::new(),
            bytes: 0,
            max_bytes,
            last_sequence: 0,
        }
    }

    /// Adds an interval's points, cut into batches.
    pub(crate) fn push(&mut self, points: Vec<Point>) {
        counter!("weir_agent_queued_samples_total").increment(points.len() as u64);
        let (mut batch, mut bytes) = (Vec::new(), 0);
        for point in points {
            let weight = weight(&point);
            if batch.len() == BATCH_POINTS || bytes + weight > BATCH_BYTES && !batch.is_empty() {
                self.push_batch(std::mem::take(&mut batch), std::mem::take(&mut bytes));
            }
            bytes += weight;
            batch.push(point);
        }
        if !batch.is_empty() {
            self.push_batch(batch, bytes);
        }
        self.report();
    }

    fn push_batch(&mut self, points: Vec<Point>, bytes: usize) {
        self.last_sequence += 1;
        self.bytes += bytes;
        self.batches.push_back(Arc::new(Batch {
            sequence: self.last_sequence,
            points,
            bytes,
        }));
        while self.bytes > self.max_bytes && self.batches.len() > 1 {
            if let Some(oldest) = self.pop() {
                counter!("weir_agent_dropped_batches_total", "reason" => "queue_full").increment(1);
                counter!("weir_agent_dropped_samples_total", "reason" => "queue_full")
                    .increment(oldest.points.len() as u64);
            }
        }
    }

    /// The first batch behind a sequence.
    #[must_use]
    pub(crate) fn after(&self, sequence: u64) -> Option<Arc<Batch>> {
        let at = self
            .batches
            .partition_point(|batch| batch.sequence <= sequence);
        self.batches.get(at).cloned()
    }

    /// Everything up to this sequence is on a gateway's disk.
    pub(crate) fn acknowledge(&mut self, sequence: u64) {
        while self
            .batches
            .front()
            .is_some_and(|batch| batch.sequence <= sequence)
        {
            if let Some(batch) = self.pop() {
                counter!("weir_agent_acknowledged_batches_total").increment(1);
                counter!("weir_agent_acknowledged_samples_total")
                    .increment(batch.points.len() as u64);
            }
        }
        self.report();
    }

    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    #[must_use]
    pub(crate) fn len(&self) -> usize {
        self.batches.len()
    }

    #[must_use]
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    fn pop(&mut self) -> Option<Arc<Batch>> {
        let batch = self.batches.pop_front()?;
        self.bytes -= batch.bytes;
        Some(batch)
    }

    fn report(&self) {
        gauge!("weir_agent_queue_batches").set(self.batches.len() as f64);
        gauge!("weir_agent_queue_bytes").set(self.bytes as f64);
    }
}

/// At least what a point takes in a frame.
fn weight((key, sample): &Point) -> usize {
    let value = match &sample.value {
        Value::Float(_) => 0,
        Value::Histogram(histogram) => {
            let mut bytes = Vec::new();
            histogram.encode(&mut bytes);
            bytes.len()
        }
    };
    size_of::<Point>() + key.as_bytes().len() + value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(count: usize) -> Vec<Point> {
        let sample = Sample {
            timestamp_ms: 1,
            value: Value::Float(1.0),
        };
        vec![(SeriesKey::bare("a").unwrap(), sample); count]
    }

    #[test]
    fn sequences_are_kept_until_acknowledged() {
        let mut queue = Queue::new(1 << 20);
        queue.push(points(BATCH_POINTS + 1));
        queue.push(points(1));
        assert_eq!((queue.len(), queue.after(0).unwrap().sequence), (3, 1));
        queue.acknowledge(2);
        assert_eq!(queue.after(0).unwrap().sequence, 3);
        assert!(queue.after(3).is_none());
        queue.acknowledge(3);
        assert_eq!((queue.is_empty(), queue.bytes()), (true, 0));
    }

    #[test]
    fn batches_of_long_names_stay_below_a_frame() {
        let long = "x".repeat(4_000);
        let key = SeriesKey::new("a", [("b", long.as_str()), ("c", long.as_str())]).unwrap();
        let sample = Sample {
            timestamp_ms: 1,
            value: Value::Float(1.0),
        };
        let mut queue = Queue::new(64 << 20);
        queue.push(vec![(key, sample); 3_000]);
        assert!(queue.len() > 10);
        assert!(queue.batches.iter().all(|batch| batch.bytes <= BATCH_BYTES));
        assert_eq!(
            queue
                .batches
                .iter()
                .map(|batch| batch.points.len())
                .sum::<usize>(),
            3_000
        );
    }

    /// FAULTS 41, as far as a queue in memory goes: bounded, the oldest first.
    #[test]
    fn the_oldest_goes_when_it_is_full_but_never_the_newest() {
        let one: usize = points(10).iter().map(weight).sum();
        let mut queue = Queue::new(2 * one);
        (0..5).for_each(|_| queue.push(points(10)));
        assert_eq!((queue.len(), queue.after(0).unwrap().sequence), (2, 4));
        queue.push(points(100));
        assert_eq!((queue.len(), queue.after(0).unwrap().sequence), (1, 6));
    }
}
