//! Which pairs make up each series' key, as numbers in one run of words: some thirty bytes a series instead of its
//! text. A series that leaves leaves a hole; holes are closed when they are half of all.

use super::MetricId;
use super::symbols::PairId;

/// Words before a series' pairs: metric, and how many pairs.
const HEAD: usize = 2;
/// Holes are let be below this.
const LEAST_HOLES: usize = 1 << 20;

#[derive(Debug, Default)]
pub(super) struct Keys {
    /// One more than where a series' words begin; 0 for none.
    places: Vec<u32>,
    words: Vec<u32>,
    holes: usize,
}

impl Keys {
    /// One more than the highest number there ever was.
    pub(super) fn end(&self) -> u32 {
        self.places.len() as u32
    }

    /// Numbers below this are given out no more.
    pub(super) fn reserve_below(&mut self, end: u32) {
        if self.places.len() < end as usize {
            self.places.resize(end as usize, 0);
        }
    }

    pub(super) fn put(&mut self, series: u32, metric: MetricId, pairs: &[PairId]) {
        self.reserve_below(series + 1);
        self.places[series as usize] = self.words.len() as u32 + 1;
        self.words.extend([metric, pairs.len() as u32]);
        self.words.extend_from_slice(pairs);
    }

    /// Metric and pairs, the name's first.
    #[inline]
    pub(super) fn get(&self, series: u32) -> Option<(MetricId, &[PairId])> {
        let at = self.places.get(series as usize)?.checked_sub(1)? as usize;
        let pairs = self.words[at + 1] as usize;
        Some((self.words[at], &self.words[at + HEAD..at + HEAD + pairs]))
    }

    pub(super) fn remove(&mut self, series: u32) {
        let Some((_, pairs)) = self.get(series) else {
            return;
        };
        self.holes += HEAD + pairs.len();
        self.places[series as usize] = 0;
        if self.holes > LEAST_HOLES && self.holes * 2 > self.words.len() {
            self.close_holes();
        }
    }

    fn close_holes(&mut self) {
        let before = std::mem::take(&mut self.words);
        for place in self.places.iter_mut().filter(|place| **place != 0) {
            let at = *place as usize - 1;
            let end = at + HEAD + before[at + 1] as usize;
            *place = self.words.len() as u32 + 1;
            self.words.extend_from_slice(&before[at..end]);
        }
        self.holes = 0;
    }

    /// Every series there is, ascending.
    pub(super) fn series(&self) -> impl Iterator<Item = u32> + '_ {
        let places = self.places.iter().enumerate();
        places
            .filter(|(_, place)| **place != 0)
            .map(|(series, _)| series as u32)
    }
}
