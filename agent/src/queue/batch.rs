//! Batches: an interval's points of one class, cut so that a frame stays far below its limit of 8 MiB.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::Instant;
use weir_wire::{Sample, SeriesKey, Value};

use crate::priority::{Class, Priorities};

/// Points and bytes in one batch.
pub(crate) const BATCH_POINTS: usize = 10_000;
pub(super) const BATCH_BYTES: usize = 2 << 20;

/// A sample on its way.
pub(crate) type Point = (SeriesKey, Sample);

/// Points that are sent, kept and dropped together.
#[derive(Debug)]
pub(crate) struct Batch {
    pub class: Class,
    pub points: Vec<Point>,
    pub queued: Instant,
    pub bytes: usize,
    /// True once it is on a disk, here or at a gateway; ends without that where the batch is dropped.
    pub safe: watch::Sender<bool>,
}

impl Batch {
    /// It is on a disk.
    pub(crate) fn is_safe(&self) {
        self.safe.send_replace(true);
    }
}

/// What is critical comes first.
pub(super) fn cut(points: Vec<Point>, priorities: &Priorities, queued: Instant) -> Vec<Arc<Batch>> {
    let mut batches = Vec::new();
    for (class, points) in by_class(points, priorities).into_iter().rev() {
        let (mut some, mut bytes) = (Vec::new(), 0);
        let mut close = |points: Vec<Point>, bytes| {
            let batch = Batch {
                class,
                points,
                queued,
                bytes,
                safe: watch::Sender::new(false),
            };
            batches.push(Arc::new(batch));
        };
        for point in points {
            let weight = weight(&point);
            if some.len() == BATCH_POINTS || bytes + weight > BATCH_BYTES && !some.is_empty() {
                close(std::mem::take(&mut some), std::mem::take(&mut bytes));
            }
            bytes += weight;
            some.push(point);
        }
        if !some.is_empty() {
            close(some, bytes);
        }
    }
    batches
}

fn by_class(points: Vec<Point>, priorities: &Priorities) -> Vec<(Class, Vec<Point>)> {
    if priorities.is_off() {
        return vec![(Class::Normal, points)];
    }
    let mut classes: Vec<_> = Class::ALL.map(|class| (class, Vec::new())).into();
    for point in points {
        let class = priorities.of(point.0.borrowed());
        classes[class as usize].1.push(point);
    }
    classes
}

/// At least what a point takes in a frame.
pub(super) fn weight((key, sample): &Point) -> usize {
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
