//! The points of the journal, put back into the head after writes are taken already. One thread reads files, one
//! decodes and deals points out by the parts of the head, and each part's points are put in by one thread, so that a
//! series' samples keep their order. Says where it stands in `starting.rs`; changes nothing but the head.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};

use roaring::RoaringBitmap;

use crate::backend::Dropped;
use crate::columns::{Distribution, Points};
use crate::head::Head;
use crate::journal::{self, TakeBack, TakePoints};
use crate::starting::Starting;
use crate::window::{self, Window};
use crate::{StoreError, fail};

/// Points dealt out at once.
const DEAL_POINTS: usize = 8_192;
/// Deals that may wait for one thread.
const DEALS: usize = 8;
/// Threads that put points in, at most.
const MAX_THREADS: usize = 8;

/// What is to be read back, and what of it is wanted.
pub(crate) struct Plan {
    pub(crate) dir: PathBuf,
    pub(crate) window_ms: i64,
    pub(crate) segments: Vec<u32>,
    /// A window's samples of these segments and older ones are in tables.
    pub(crate) sealed_through: HashMap<Window, u32>,
    /// These samples are kept no longer.
    pub(crate) dropped: Dropped,
    pub(crate) known: Known,
    pub(crate) removed: RoaringBitmap,
}

/// The series that there were when the journal had been looked at. Numbers given out since are none of the journal's.
pub(crate) struct Known {
    end: u32,
    /// A bit a series; empty when there is no gap below the end.
    bits: Vec<u64>,
}

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct ReadBack {
    /// Which windows each segment is needed for.
    pub(crate) needed: HashMap<u32, BTreeSet<Window>>,
    pub(crate) samples: u64,
    /// Samples of series that nobody has defined and nobody has deleted.
    pub(crate) orphans: u64,
    pub(crate) damage: Vec<String>,
}

/// Reads back until everything is there, or until it is told to stop.
///
/// # Errors
/// Files that cannot be read; [`StoreError::Closed`] when it was told to stop.
pub(crate) fn read_back(
    plan: &Plan,
    head: &Head,
    starting: &Starting,
) -> Result<ReadBack, StoreError> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = cores.min(head.parts()).min(MAX_THREADS);
    std::thread::scope(|scope| {
        let (empty, spare) = channel();
        let mut inserters = Vec::with_capacity(threads);
        for _ in 0..threads {
            let (deal, deals) = sync_channel(DEALS);
            let empty = empty.clone();
            scope.spawn(move || put_in(head, &deals, &empty));
            inserters.push(deal);
        }
        let mut dealer = Dealer {
            plan,
            head,
            starting,
            segment: 0,
            run: 0..0,
            wanted: false,
            needed: BTreeSet::new(),
            parts: (0..head.parts()).map(|_| Points::default()).collect(),
            inserters,
            spare,
            orphans: HashMap::new(),
            found: ReadBack::default(),
        };
        let damage = journal::replay(&plan.dir, &plan.segments, &mut dealer)?;
        let mut found = dealer.finish()?;
        found.damage = damage.iter().map(ToString::to_string).collect();
        Ok(found)
    })
}

type Deal = (usize, Points);

fn put_in(head: &Head, deals: &Receiver<Deal>, empty: &Sender<Points>) {
    for (part, mut points) in deals {
        head.insert_in(part, &points);
        points.clear();
        // Nobody may want it any more.
        let _ = empty.send(points);
    }
}

/// Deals points out by part, and leaves out what is not wanted.
struct Dealer<'a> {
    plan: &'a Plan,
    head: &'a Head,
    starting: &'a Starting,
    segment: u32,
    /// The times of the window that the last point lay in, and whether those of this segment are wanted.
    run: Range<i64>,
    wanted: bool,
    needed: BTreeSet<Window>,
    parts: Vec<Points>,
    inserters: Vec<SyncSender<Deal>>,
    spare: Receiver<Points>,
    orphans: HashMap<u32, u64>,
    found: ReadBack,
}

impl TakeBack for Dealer<'_> {
    fn begin(&mut self, segment: u32) {
        self.end_segment();
        self.segment = segment;
    }

    fn go_on(&mut self, bytes: u64) -> bool {
        let _ = fail::pass("replay.group");
        self.starting.advance(bytes)
    }
}

impl TakePoints for Dealer<'_> {
    #[inline]
    fn float(&mut self, series: u32, time_ms: i64, value: f64) {
        if !self.is_wanted(series, time_ms) {
            return;
        }
        let part = self.head.part_of(series);
        let points = &mut self.parts[part];
        if points.series.len() == DEAL_POINTS || !points.histograms.is_empty() {
            self.deal(part);
        }
        self.parts[part].push(crate::SeriesId(series), time_ms, value);
    }

    fn histogram(&mut self, one: Distribution) {
        if !self.is_wanted(one.series, one.timestamp_ms) {
            return;
        }
        let part = self.head.part_of(one.series);
        if self.parts[part].histograms.len() == DEAL_POINTS {
            self.deal(part);
        }
        self.parts[part].histograms.push(one);
    }
}

impl Dealer<'_> {
    #[inline]
    fn is_wanted(&mut self, series: u32, time_ms: i64) -> bool {
        if !self.run.contains(&time_ms) {
            self.begin_run(time_ms);
        }
        if !self.wanted {
            return false;
        }
        let known = self.plan.known.has(series);
        if !known {
            *self.orphans.entry(series).or_default() += 1;
        }
        known
    }

    #[cold]
    fn begin_run(&mut self, time_ms: i64) {
        let (plan, window_ms) = (self.plan, self.plan.window_ms);
        let Some(window) = window::of(time_ms, window_ms) else {
            (self.run, self.wanted) = (0..0, false);
            return;
        };
        let sealed = plan.sealed_through.get(&window);
        let sealed = sealed.is_some_and(|through| self.segment <= *through);
        self.run = window::start_ms(window, window_ms)..window::end_ms(window, window_ms);
        self.wanted = !sealed && !plan.dropped.has(window, self.segment);
        if self.wanted {
            self.needed.insert(window);
        }
    }

    /// Hands a part's points over to its thread; waits while that has enough.
    fn deal(&mut self, part: usize) {
        let empty = self.spare.try_recv().unwrap_or_default();
        let points = std::mem::replace(&mut self.parts[part], empty);
        self.found.samples += points.len() as u64;
        // A thread that is gone has panicked, which is told when it is joined.
        let _ = self.inserters[part % self.inserters.len()].send((part, points));
    }

    fn end_segment(&mut self) {
        let needed = std::mem::take(&mut self.needed);
        if !needed.is_empty() {
            self.found.needed.insert(self.segment, needed);
        }
        self.run = 0..0;
    }

    fn finish(mut self) -> Result<ReadBack, StoreError> {
        if self.starting.stopped() {
            return Err(StoreError::Closed);
        }
        self.end_segment();
        for part in 0..self.parts.len() {
            self.deal(part);
        }
        let removed = &self.plan.removed;
        let lost = self.orphans.iter();
        let lost = lost.filter(|(series, _)| !removed.contains(**series));
        self.found.orphans = lost.map(|(_, samples)| samples).sum();
        Ok(self.found)
    }
}

impl Known {
    /// Of the series numbers below an end.
    pub(crate) fn new(end: u32, series: impl Iterator<Item = u32>) -> Self {
        let mut bits = vec![0_u64; (end as usize).div_ceil(64)];
        let mut count = 0;
        for one in series {
            bits[one as usize / 64] |= 1 << (one % 64);
            count += 1;
        }
        if count == end {
            bits = Vec::new();
        }
        Self { end, bits }
    }

    #[inline]
    fn has(&self, series: u32) -> bool {
        series < self.end
            && (self.bits.is_empty() || self.bits[series as usize / 64] >> (series % 64) & 1 == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_series_that_were_there_are_known() {
        let all = Known::new(130, 0..130);
        assert!(all.has(0) && all.has(129) && !all.has(130));
        let some = Known::new(130, [1, 64, 129].into_iter());
        let known: Vec<u32> = (0..200).filter(|one| some.has(*one)).collect();
        assert_eq!(known, [1, 64, 129]);
    }
}
