//! Points that were acknowledged while the journal was read back, in the order they came. They wait until everything
//! older is in the head, so that of two values for a time the one that came last holds, as ever.

use std::collections::VecDeque;

use crate::columns::Points;

/// Of a float, and of a histogram beside its bytes.
const POINT_BYTES: usize = 20;

#[derive(Default)]
pub(crate) struct Backlog {
    waiting: VecDeque<Points>,
    bytes: usize,
}

impl Backlog {
    pub(crate) fn push(&mut self, points: Points) {
        self.bytes += weight(&points);
        self.waiting.push_back(points);
    }

    /// What waits, in memory.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The oldest; its memory is the caller's to free.
    pub(crate) fn pop(&mut self) -> Option<Points> {
        let points = self.waiting.pop_front()?;
        self.bytes -= weight(&points);
        Some(points)
    }
}

fn weight(points: &Points) -> usize {
    let histograms = points.histograms.iter();
    let histograms = histograms.map(|one| POINT_BYTES + one.bytes.len());
    points.series.len() * POINT_BYTES + histograms.sum::<usize>()
}
