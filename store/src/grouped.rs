//! Series handed over while they are read, with the number of their group: nothing of them is kept, no key is made.
//! For whoever folds them; only where all samples are raw floats.

use std::sync::atomic::{AtomicBool, Ordering};

use roaring::RoaringBitmap;
use weir_wire::Matcher;

use crate::StoreError;
use crate::backend::Tier;
use crate::index::{GroupLabels, Grouping, Groups, MetricId};
use crate::read::{Limit, Limits, Read, Run, SERIES_AT_ONCE, SERIES_FOR_TWO, Wish};
use crate::store::Store;

/// Where nothing is in tables: what stays in the nearest caches until it is taken.
const SERIES_OF_HEAD_AT_ONCE: usize = 64;
/// Series whose groups are told under one lock of the index.
const SERIES_A_LOCK: usize = 8_192;

/// Takes series one after the other.
pub trait Taker: Send {
    /// A series' samples, ascending by time, and the number of its group.
    ///
    /// # Errors
    /// No more is wanted.
    fn take(&mut self, group: usize, times_ms: &[i64], values: &[f64]) -> Result<(), Limit>;
}

/// Series in the order they are read in, and the group of each.
#[derive(Default)]
struct Wanted {
    series: Vec<(MetricId, u32)>,
    groups: Vec<u32>,
}

impl Store {
    /// Hands the series that match every matcher, with their samples between two times, both ends inclusive, to one of
    /// the takers: those of a later taker come after those of an earlier one in an order that is the same as long as the
    /// samples lie where they lie. The answer is the labels of each group.
    ///
    /// `None` where rollups or histograms are among the samples, or the grouping says so, whatever was handed over.
    ///
    /// # Errors
    /// A bad matcher, a limit, a taker's refusal, or a failure of RocksDB.
    pub fn grouped(
        &self,
        matchers: &[Matcher],
        (from_ms, to_ms): (i64, i64),
        wish: Wish,
        by: Grouping<'_>,
        takers: &mut [&mut dyn Taker],
        limits: &dyn Limits,
    ) -> Result<Option<Vec<GroupLabels>>, StoreError> {
        let reads = self.reads(matchers, from_ms, to_ms, wish, limits)?;
        let is_raw = |read: &Read<'_>| read.stretches.iter().all(|one| one.tier == Tier::Raw);
        if !reads.iter().all(|(_, read)| is_raw(read)) {
            return Ok(None);
        }
        let mut groups = Groups::new(by);
        for (series, read) in reads {
            let in_tables = read.is_in_tables();
            let Some(wanted) = self.wanted(&series, in_tables, &mut groups) else {
                return Ok(None);
            };
            if !read.hand_over(&wanted, in_tables, takers)? {
                return Ok(None);
            }
        }
        Ok(Some(groups.labels))
    }

    /// In the order of chunks' keys where they are in tables, else by number, as they lie in the head.
    fn wanted(
        &self,
        series: &RoaringBitmap,
        in_tables: bool,
        groups: &mut Groups<'_>,
    ) -> Option<Wanted> {
        let mut all = Vec::with_capacity(series.len() as usize);
        let mut each = series.iter();
        while each.len() > 0 {
            let index = self.shared.index.read();
            for one in each.by_ref().take(SERIES_A_LOCK) {
                if let Some((metric, group)) = index.group(one, groups) {
                    all.push(((metric, one), group?));
                }
            }
        }
        if in_tables {
            all.sort_unstable_by_key(|(key, _)| *key);
        }
        let (series, groups) = all.into_iter().unzip();
        Some(Wanted { series, groups })
    }
}

impl Read<'_> {
    /// Whether all were handed over.
    fn hand_over(
        &self,
        wanted: &Wanted,
        in_tables: bool,
        takers: &mut [&mut dyn Taker],
    ) -> Result<bool, StoreError> {
        let (series, groups) = (&wanted.series[..], &wanted.groups[..]);
        let at_once = match in_tables {
            true => SERIES_AT_ONCE,
            false => SERIES_OF_HEAD_AT_ONCE,
        };
        let stop = AtomicBool::new(false);
        let part = |series, groups, taker: &mut dyn Taker| {
            let all = self.hand_part(series, groups, at_once, taker, &stop);
            if !matches!(all, Ok(true)) {
                stop.store(true, Ordering::Relaxed);
            }
            all
        };
        let half = series.len() / 2;
        match takers {
            [] => Ok(false),
            [first, second, ..] if series.len() >= SERIES_FOR_TWO => std::thread::scope(|scope| {
                let other = scope.spawn(|| part(&series[half..], &groups[half..], &mut **second));
                let first = part(&series[..half], &groups[..half], &mut **first);
                let second = other.join().map_err(|_| StoreError::Closed)?;
                Ok(first? && second?)
            }),
            [first, ..] => part(series, groups, &mut **first),
        }
    }

    fn hand_part(
        &self,
        series: &[(MetricId, u32)],
        groups: &[u32],
        at_once: usize,
        taker: &mut dyn Taker,
        stop: &AtomicBool,
    ) -> Result<bool, StoreError> {
        let mut run = Run::default();
        for (series, groups) in series.chunks(at_once).zip(groups.chunks(at_once)) {
            if stop.load(Ordering::Relaxed) {
                return Ok(false);
            }
            self.run(series, &mut run)?;
            for (columns, group) in run.found.iter().zip(groups) {
                if !columns.histograms.is_empty() {
                    return Ok(false);
                }
                if !columns.times_ms.is_empty() {
                    taker
                        .take(*group as usize, &columns.times_ms, &columns.values)
                        .map_err(StoreError::Stopped)?;
                }
            }
        }
        Ok(true)
    }
}
