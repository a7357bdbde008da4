//! Which pairs make up each series' key, as numbers in one run of words: some thirty bytes a series instead of its
//! text. A series that leaves leaves a hole; holes are closed when they are half of all. Where each series' words are
//! is kept by blocks of numbers, and a block goes with its last series.

use super::MetricId;
use super::symbols::PairId;
use crate::places::Places;

/// Words before a series' pairs: metric, and how many pairs.
const HEAD: usize = 2;
/// Holes are let be below this.
const LEAST_HOLES: usize = 1 << 20;

#[derive(Debug, Default)]
pub(super) struct Keys {
    end: u32,
    /// Where a series' words begin.
    places: Places,
    words: Vec<u32>,
    holes: usize,
}

impl Keys {
    /// One more than the highest number there ever was.
    pub(super) fn end(&self) -> u32 {
        self.end
    }

    /// Numbers below this are given out no more.
    pub(super) fn reserve_below(&mut self, end: u32) {
        self.end = self.end.max(end);
    }

    pub(super) fn put(&mut self, series: u32, metric: MetricId, pairs: &[PairId]) {
        self.reserve_below(series + 1);
        self.places.put(series, self.words.len() as u32);
        self.words.extend([metric, pairs.len() as u32]);
        self.words.extend_from_slice(pairs);
    }

    /// Metric and pairs, the name's first.
    #[inline]
    pub(super) fn get(&self, series: u32) -> Option<(MetricId, &[PairId])> {
        let at = self.places.get(series)? as usize;
        let pairs = self.words[at + 1] as usize;
        Some((self.words[at], &self.words[at + HEAD..at + HEAD + pairs]))
    }

    pub(super) fn remove(&mut self, series: u32) {
        let Some((_, pairs)) = self.get(series) else {
            return;
        };
        self.holes += HEAD + pairs.len();
        self.places.remove(series);
        if self.holes > LEAST_HOLES && self.holes * 2 > self.words.len() {
            self.close_holes();
        }
    }

    fn close_holes(&mut self) {
        let before = std::mem::take(&mut self.words);
        let words = &mut self.words;
        self.places.renew(|at| {
            let at = at as usize;
            let end = at + HEAD + before[at + 1] as usize;
            let renewed = words.len() as u32;
            words.extend_from_slice(&before[at..end]);
            renewed
        });
        self.holes = 0;
    }

    /// Every series there is, ascending.
    pub(super) fn series(&self) -> impl Iterator<Item = u32> + '_ {
        self.places.iter().map(|(series, _)| series)
    }

    /// What is held of places.
    #[cfg(test)]
    pub(super) fn places_bytes(&self) -> usize {
        self.places.bytes()
    }
}
