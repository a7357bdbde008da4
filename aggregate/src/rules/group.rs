//! One group's open intervals. Owns when an interval is told, told again and forgotten, and the running total of counters.

use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::HashMap;
use weir_wire::{SeriesKey, Value};

use super::amount::Wants;
use super::cell::{Cell, Held};
use super::engine::Emitted;
use super::plan::Target;
use super::rule::Output;

/// A group without samples for so many intervals is forgotten, and its total begins anew.
const IDLE_INTERVALS: i64 = 10;
/// But not sooner than this.
const LEAST_IDLE_MS: i64 = 600_000;

/// Open intervals by their start.
#[derive(Debug)]
pub(super) struct Group {
    target: Arc<Target>,
    cells: BTreeMap<i64, Cell>,
    /// Intervals that began before are over for good.
    open_from_ms: i64,
    idle_from_ms: i64,
    total: Total,
}

/// What counters rose in intervals that are over.
#[derive(Debug, Default)]
struct Total {
    is_begun: bool,
    settled: f64,
    /// The last sample of each series.
    ends: HashMap<u32, f64>,
}

impl Group {
    pub(super) fn new(target: Arc<Target>) -> Self {
        Self {
            target,
            cells: BTreeMap::new(),
            open_from_ms: i64::MIN,
            idle_from_ms: i64::MIN,
            total: Total::default(),
        }
    }

    /// The interval that begins then, if it is open.
    pub(super) fn cell(&mut self, start_ms: i64, now_ms: i64) -> Option<&mut Cell> {
        if start_ms < self.open_from_ms || self.is_over(start_ms, now_ms) {
            return None;
        }
        Some(self.cells.entry(start_ms).or_default())
    }

    /// What is to be kept of samples that become a summary.
    pub(super) fn wants(&self) -> Wants {
        Wants {
            distribution: self
                .outputs()
                .any(|(output, _)| output.is_of_distribution()),
            series: self
                .outputs()
                .any(|(output, _)| *output == Output::CountSeries),
        }
    }

    /// A total needs every sample of an interval.
    pub(super) fn may_fold(&self) -> bool {
        !self.has_total()
    }

    /// Tells what is due; how many samples need not be held any more.
    pub(super) fn tell(&mut self, now_ms: i64, emitted: &mut Emitted) -> usize {
        let mut gone = 0;
        let mut starts = Vec::new();
        let mut is_dirty = false;
        for (start_ms, cell) in &mut self.cells {
            if start_ms.saturating_add(self.target.interval_ms) > now_ms {
                break;
            }
            let weighed = cell.weight();
            cell.sort();
            gone += weighed - cell.weight();
            is_dirty |= cell.is_dirty;
            starts.push(*start_ms);
        }
        if is_dirty {
            self.tell_changed(&starts, emitted);
        }
        gone + self.settle(now_ms)
    }

    fn tell_changed(&mut self, due: &[i64], emitted: &mut Emitted) {
        let mut rises = self.rises(due);
        // A total goes on from interval to interval: one that changed changes those behind it.
        let mut has_changed = false;
        for start_ms in due {
            let rise = rises.remove(start_ms);
            let Some(cell) = self.cells.get_mut(start_ms) else {
                continue;
            };
            has_changed |= cell.is_dirty;
            if cell.is_dirty || (has_changed && rise.is_some()) {
                let was_told = std::mem::replace(&mut cell.is_told, true);
                cell.is_dirty = false;
                emitted.count(was_told);
                self.tell_one(*start_ms, rise, emitted);
            }
        }
    }

    /// Nothing is open, and nothing came for long.
    pub(super) fn is_idle(&self, now_ms: i64) -> bool {
        let idle_ms = self
            .target
            .interval_ms
            .saturating_mul(IDLE_INTERVALS)
            .max(LEAST_IDLE_MS);
        self.cells.is_empty() && self.idle_from_ms.saturating_add(idle_ms) <= now_ms
    }

    /// Samples that are nowhere else, of intervals that were never told.
    pub(super) fn untold(&self) -> impl Iterator<Item = &Held> {
        let untold = self.cells.values().filter(|cell| !cell.is_told);
        untold.flat_map(Cell::held).filter(|held| held.is_withheld)
    }

    fn outputs(&self) -> impl Iterator<Item = &(Output, SeriesKey)> {
        self.target.outputs.iter()
    }

    fn has_total(&self) -> bool {
        self.outputs().any(|(output, _)| *output == Output::Total)
    }

    fn is_over(&self, start_ms: i64, now_ms: i64) -> bool {
        let end_ms = start_ms.saturating_add(self.target.interval_ms);
        end_ms.saturating_add(self.target.grace_ms) <= now_ms
    }

    fn tell_one(&mut self, start_ms: i64, total: Option<f64>, emitted: &mut Emitted) {
        let Some(cell) = self.cells.get(&start_ms) else {
            return;
        };
        let amount = cell.amount(self.wants());
        emitted.unfit += amount.unfit;
        let at_ms = self.target.stamp(start_ms);
        for (output, key) in &self.target.outputs {
            let value = match output {
                Output::Merge => amount
                    .distribution()
                    .map(|all| Value::Histogram(Arc::new(all))),
                Output::Total => total.map(Value::Float),
                _ => amount.float_of(*output).map(Value::Float),
            };
            if *output == Output::Total && !self.total.is_begun {
                // So that `increase()` counts what rose in the first interval.
                emitted.push(key, at_ms - self.target.interval_ms, Value::Float(0.0));
            }
            if let Some(value) = value {
                emitted.push(key, at_ms, value);
            }
        }
        self.total.is_begun = true;
    }

    /// The total at the end of each of these intervals; empty where no total is asked for.
    fn rises(&self, due: &[i64]) -> BTreeMap<i64, f64> {
        let mut rises = BTreeMap::new();
        if self.has_total() {
            let (mut ends, mut total) = (self.total.ends.clone(), self.total.settled);
            for start_ms in due {
                if let Some(cell) = self.cells.get(start_ms) {
                    total += rise(cell, &mut ends);
                    rises.insert(*start_ms, total);
                }
            }
        }
        rises
    }

    fn settle(&mut self, now_ms: i64) -> usize {
        let mut gone = 0;
        while let Some(entry) = self.cells.first_entry() {
            let start_ms = *entry.key();
            let end_ms = start_ms.saturating_add(self.target.interval_ms);
            if end_ms.saturating_add(self.target.grace_ms) > now_ms {
                break;
            }
            let cell = entry.remove();
            gone += cell.weight();
            (self.open_from_ms, self.idle_from_ms) = (end_ms, now_ms);
            if self.has_total() {
                self.total.settled += rise(&cell, &mut self.total.ends);
            }
        }
        gone
    }
}

/// How much the counters of an interval rose since their last samples, which move on. The first sample of a series is
/// where it is counted from; one that is lower than the last began at 0 in between.
fn rise(cell: &Cell, ends: &mut HashMap<u32, f64>) -> f64 {
    let mut rise = 0.0;
    for held in cell.held() {
        let Value::Float(value) = held.value else {
            continue;
        };
        match ends.insert(held.series, value) {
            Some(before) if value >= before => rise += value - before,
            Some(_) => rise += value,
            None => {}
        }
    }
    rise
}
