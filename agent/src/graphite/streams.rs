//! A connection of Graphite's lines.

use std::sync::Arc;

use weir_wire::Lines;

use super::taker::Taker;
use crate::streams::Reader;

pub(super) struct Lined {
    taker: Arc<Taker>,
    lines: Lines,
}

impl Lined {
    pub(super) fn new(taker: Arc<Taker>) -> Self {
        let lines = Lines::default();
        Self { taker, lines }
    }
}

impl Reader for Lined {
    fn feed(&mut self, bytes: &[u8]) -> bool {
        self.lines.feed(bytes, |line| self.taker.take(line));
        true
    }

    fn finish(&mut self) {
        self.lines.finish(|line| self.taker.take(line));
    }
}
