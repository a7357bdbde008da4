//! The newest samples, in memory, compressed: a line for each series and window that is not sealed yet. Owns the rule
//! for samples that come twice. Shards by blocks of series numbers, so that a host's series lie together and readers
//! and writer wait for each other only a little.

mod arena;
mod beside;
mod line;
mod shard;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::RwLock;

use crate::columns::{Columns, Points};
use crate::window::Window;
use shard::Shard;

/// Series numbers that lie in one shard together.
const BLOCK_BITS: u32 = 10;
/// Points taken under one lock.
const POINTS_A_LOCK: usize = 8_192;
/// Series read under one lock.
const SERIES_A_LOCK: usize = 64;
const MAX_SHARDS: usize = 64;

/// What became of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// It is the only one at its time.
    New,
    /// The same value was there already.
    Duplicate,
    /// Another value was there: the one that came last stays.
    Replaced,
}

/// How many samples became what.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) new: u64,
    pub(crate) duplicate: u64,
    pub(crate) replaced: u64,
}

impl Tally {
    #[inline]
    fn count(&mut self, kept: Kept) {
        match kept {
            Kept::New => self.new += 1,
            Kept::Duplicate => self.duplicate += 1,
            Kept::Replaced => self.replaced += 1,
        }
    }
}

/// A series as its shard knows it.
#[derive(Debug, Clone, Copy)]
struct Place {
    series: u32,
    local: u32,
}

/// Every open sample.
pub(crate) struct Head {
    shards: Vec<RwLock<Shard>>,
    shard_bits: u32,
    samples: AtomicU64,
}

impl Head {
    /// With about so many shards: a power of two.
    pub(crate) fn new(window_ms: i64, shards: usize) -> Self {
        let count = shards.clamp(1, MAX_SHARDS).next_power_of_two();
        let shard = |_| RwLock::new(Shard::new(window_ms));
        Self {
            shards: (0..count).map(shard).collect(),
            shard_bits: count.trailing_zeros(),
            samples: AtomicU64::new(0),
        }
    }

    #[inline]
    fn shard_of(&self, series: u32) -> (usize, Place) {
        let (block, within) = (series >> BLOCK_BITS, series & ((1 << BLOCK_BITS) - 1));
        let shard = (block as usize) & (self.shards.len() - 1);
        let local = ((block >> self.shard_bits) << BLOCK_BITS) | within;
        (shard, Place { series, local })
    }

    fn series_at(&self, shard: usize, local: u32) -> u32 {
        let (block, within) = (local >> BLOCK_BITS, local & ((1 << BLOCK_BITS) - 1));
        (((block << self.shard_bits) | shard as u32) << BLOCK_BITS) | within
    }

    /// Takes points in their order; the only writer calls this.
    pub(crate) fn insert(&self, points: &Points) -> Tally {
        let mut tally = Tally::default();
        for from in (0..points.series.len()).step_by(POINTS_A_LOCK) {
            let to = (from + POINTS_A_LOCK).min(points.series.len());
            self.insert_floats(points, from..to, &mut tally);
        }
        for one in &points.histograms {
            let (shard, place) = self.shard_of(one.series);
            tally.count(self.shards[shard].write().insert_histogram(place, one));
        }
        self.samples.fetch_add(tally.new, Ordering::Relaxed);
        tally
    }

    /// How many parts it has.
    pub(crate) fn parts(&self) -> usize {
        self.shards.len()
    }

    /// The part that a series lies in.
    #[inline]
    pub(crate) fn part_of(&self, series: u32) -> usize {
        self.shard_of(series).0
    }

    /// Takes points of one part, in their order. While the journal is read back this stands for [`Head::insert`], and
    /// each part has one thread that calls it.
    pub(crate) fn insert_in(&self, part: usize, points: &Points) -> Tally {
        let mut tally = Tally::default();
        let mut shard = self.shards[part].write();
        let samples = points.times_ms.iter().zip(&points.values);
        for (at, (one, (time, value))) in points.series.iter().zip(samples).enumerate() {
            if let Some(later) = points.series.get(at + Shard::AHEAD) {
                shard.look_ahead(self.shard_of(*later).1);
            }
            tally.count(shard.insert(self.shard_of(*one).1, *time, *value));
        }
        for one in &points.histograms {
            tally.count(shard.insert_histogram(self.shard_of(one.series).1, one));
        }
        drop(shard);
        self.samples.fetch_add(tally.new, Ordering::Relaxed);
        tally
    }

    fn insert_floats(&self, points: &Points, range: std::ops::Range<usize>, tally: &mut Tally) {
        let mut shards: Vec<_> = self.shards.iter().map(RwLock::write).collect();
        let series = &points.series[range.clone()];
        let (times, values) = (&points.times_ms[range.clone()], &points.values[range]);
        for (at, ((one, time), value)) in series.iter().zip(times).zip(values).enumerate() {
            if let Some(later) = series.get(at + Shard::AHEAD) {
                let (shard, place) = self.shard_of(*later);
                shards[shard].look_ahead(place);
            }
            let (shard, place) = self.shard_of(*one);
            tally.count(shards[shard].insert(place, *time, *value));
        }
    }

    /// Series that got their first sample in a window since the last call.
    pub(crate) fn take_begun(&self) -> BTreeMap<Window, Vec<u32>> {
        let mut begun: BTreeMap<Window, Vec<u32>> = BTreeMap::new();
        for shard in &self.shards {
            for (window, series) in shard.write().take_begun() {
                begun.entry(window).or_default().extend(series);
            }
        }
        begun
    }

    /// The samples of each series between two times, both inclusive, in place of what `found` holds.
    pub(crate) fn read(
        &self,
        series: impl ExactSizeIterator<Item = u32> + Clone,
        from_ms: i64,
        to_ms: i64,
        bytes: &mut Vec<u8>,
        found: &mut Vec<Columns>,
    ) {
        found.resize_with(series.len(), Columns::default);
        let mut ahead = series.clone().skip(Shard::AHEAD);
        let mut half_ahead = series.clone().skip(Shard::AHEAD / 2);
        let mut each = series.zip(found);
        while each.len() > 0 {
            let shards: Vec<_> = self.shards.iter().map(RwLock::read).collect();
            for (one, found) in each.by_ref().take(SERIES_A_LOCK) {
                if let Some(later) = ahead.next() {
                    let (shard, place) = self.shard_of(later);
                    shards[shard].look_ahead(place);
                }
                if let Some(later) = half_ahead.next() {
                    let (shard, place) = self.shard_of(later);
                    shards[shard].look_ahead_further(place);
                }
                let (shard, place) = self.shard_of(one);
                shards[shard].read(place.local, from_ms, to_ms, bytes, found);
            }
        }
    }

    /// Windows with samples that are not being sealed.
    pub(crate) fn open_windows(&self) -> BTreeSet<Window> {
        let mut windows = BTreeSet::new();
        for shard in &self.shards {
            windows.extend(shard.read().open_windows());
        }
        windows
    }

    /// Windows with samples that are not in tables yet, whether or not they are on their way.
    pub(crate) fn unsealed_windows(&self) -> BTreeSet<Window> {
        let mut windows = BTreeSet::new();
        for shard in &self.shards {
            windows.extend(shard.read().unsealed_windows());
        }
        windows
    }

    /// Takes a window for sealing; gives back the series with samples in it.
    pub(crate) fn freeze(&self, window: Window) -> Vec<u32> {
        let mut series = Vec::new();
        for (number, shard) in self.shards.iter().enumerate() {
            let locals = shard.write().freeze(window);
            series.extend(
                locals
                    .into_iter()
                    .map(|local| self.series_at(number, local)),
            );
        }
        series
    }

    /// What was frozen of each series, in the order asked for; `found` is used again.
    pub(crate) fn frozen(
        &self,
        series: impl Iterator<Item = u32> + Clone,
        window: Window,
        bytes: &mut Vec<u8>,
        found: &mut Vec<Columns>,
    ) {
        let shards: Vec<_> = self.shards.iter().map(RwLock::read).collect();
        let mut ahead = [3, 2, 1].map(|times| series.clone().skip(times * Shard::AHEAD));
        let mut count = 0;
        for one in series {
            for (stage, ahead) in ahead.iter_mut().enumerate() {
                if let Some(later) = ahead.next() {
                    let (shard, place) = self.shard_of(later);
                    shards[shard].look_ahead_frozen(place.local, window, stage);
                }
            }
            if found.len() == count {
                found.push(Columns::default());
            }
            let (shard, place) = self.shard_of(one);
            shards[shard].frozen(place.local, window, bytes, &mut found[count]);
            count += 1;
        }
        found.truncate(count);
    }

    /// Lets go of what was frozen: so many samples are in tables. Series idle since before that window leave.
    pub(crate) fn release(&self, window: Window, samples: u64, idle_before: Window) {
        for shard in &self.shards {
            shard.write().release(window, idle_before);
        }
        let less = |held: u64| Some(held.saturating_sub(samples));
        let _ = self
            .samples
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }

    /// Takes back what was frozen: it could not be sealed.
    pub(crate) fn thaw(&self, window: Window) {
        for shard in &self.shards {
            shard.write().thaw(window);
        }
    }

    /// Forgets all samples of some series.
    pub(crate) fn forget(&self, series: impl Iterator<Item = u32>) {
        for one in series {
            let (shard, place) = self.shard_of(one);
            self.shards[shard].write().forget(place.local);
        }
    }

    /// Forgets windows before this one.
    pub(crate) fn drop_before(&self, first_kept: Window) {
        for shard in &self.shards {
            let mut shard = shard.write();
            let old: Vec<Window> = shard.open_windows().range(..first_kept).copied().collect();
            for window in old {
                shard.freeze(window);
                shard.release(window, 0);
            }
        }
    }

    /// Samples held, about: what was replaced or dropped may still be counted.
    pub(crate) fn samples(&self) -> u64 {
        self.samples.load(Ordering::Relaxed)
    }

    /// Bytes in use.
    pub(crate) fn used_bytes(&self) -> usize {
        self.shards
            .iter()
            .map(|shard| shard.read().used_bytes())
            .sum()
    }

    /// Bytes held from the system.
    pub(crate) fn held_bytes(&self) -> usize {
        self.shards
            .iter()
            .map(|shard| shard.read().held_bytes())
            .sum()
    }
}
