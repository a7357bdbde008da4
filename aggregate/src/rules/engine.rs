//! All groups: samples in, aggregates out. Owns the bounds on groups and on samples held, and what is refused at them.

use std::sync::Arc;

use hashbrown::HashMap;
use weir_wire::{Sample, SeriesKey, Value, is_stale};

use super::cell::Held;
use super::group::Group;
use super::plan::{Plan, Target};

/// Bounds.
#[derive(Debug, Clone)]
pub struct Caps {
    /// Groups at once; samples for more are refused.
    pub max_groups: usize,
    /// Samples held in open intervals, at 32 bytes each; a histogram counts as 32, a summary as 1,024. More are refused.
    pub max_samples: usize,
    /// Samples held of one group's interval before they become a summary: percentiles are then told by a histogram, and
    /// duplicates are not told from samples. Intervals with a `total` refuse more instead.
    pub max_exact: usize,
    /// Samples that lie further ahead are refused.
    pub future_ms: i64,
}

impl Default for Caps {
    fn default() -> Self {
        Self {
            max_groups: 100_000,
            max_samples: 4_000_000,
            max_exact: 65_536,
            future_ms: 600_000,
        }
    }
}

/// A sample of a series that has a plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// Any number that is this series' alone.
    pub series: u32,
    /// It is stored nowhere else.
    pub is_withheld: bool,
    pub timestamp_ms: i64,
    pub value: Value,
}

/// In how many of its groups a sample was taken, and why not in others.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    pub taken: u64,
    /// Its interval and the grace are over.
    pub late: u64,
    /// It lies too far ahead.
    pub early: u64,
    /// A bound is reached.
    pub full: u64,
    /// Its interval began before the rule did.
    pub partial: u64,
}

/// What intervals amount to.
#[derive(Debug, Default)]
pub struct Emitted {
    pub samples: Vec<(SeriesKey, Sample)>,
    /// Intervals told for the first time.
    pub told: u64,
    /// Intervals told again.
    pub corrected: u64,
    /// Floats that were to go into a histogram and do not fit one.
    pub unfit: u64,
}

impl Emitted {
    pub(super) fn count(&mut self, was_told: bool) {
        if was_told {
            self.corrected += 1;
        } else {
            self.told += 1;
        }
    }

    pub(super) fn push(&mut self, key: &SeriesKey, timestamp_ms: i64, value: Value) {
        let sample = Sample {
            timestamp_ms,
            value,
        };
        self.samples.push((key.clone(), sample));
    }
}

/// The open intervals of all groups.
#[derive(Debug)]
pub struct Engine {
    caps: Caps,
    groups: HashMap<u128, Group>,
    held: usize,
}

impl Engine {
    #[must_use]
    pub fn new(caps: Caps) -> Self {
        Self {
            caps,
            groups: HashMap::new(),
            held: 0,
        }
    }

    /// Takes a sample into each of its groups. A stale mark is no value and is left out.
    pub fn take(&mut self, plan: &Plan, point: &Point, now_ms: i64) -> Taken {
        let mut taken = Taken::default();
        if matches!(point.value, Value::Float(value) if is_stale(value)) {
            taken.taken = plan.targets.len() as u64;
            return taken;
        }
        for target in &plan.targets {
            *self.take_into(target, point, now_ms, &mut taken) += 1;
        }
        taken
    }

    /// Tells every interval that is over, and those again in which something changed since.
    pub fn due(&mut self, now_ms: i64) -> Emitted {
        let mut emitted = Emitted::default();
        let mut gone = 0;
        self.groups.retain(|_, group| {
            gone += group.tell(now_ms, &mut emitted);
            !group.is_idle(now_ms)
        });
        self.held = self.held.saturating_sub(gone);
        emitted
    }

    /// The samples that are stored nowhere and in no aggregate that was told: for the end of the program.
    #[must_use]
    pub fn untold(&self) -> Vec<(u32, Sample)> {
        let held = self.groups.values().flat_map(Group::untold);
        held.map(|held| {
            let sample = Sample {
                timestamp_ms: held.timestamp_ms,
                value: held.value.clone(),
            };
            (held.series, sample)
        })
        .collect()
    }

    #[must_use]
    pub fn groups(&self) -> usize {
        self.groups.len()
    }

    /// Samples held in open intervals.
    #[must_use]
    pub fn held(&self) -> usize {
        self.held
    }

    fn take_into<'t>(
        &mut self,
        target: &Arc<Target>,
        point: &Point,
        now_ms: i64,
        taken: &'t mut Taken,
    ) -> &'t mut u64 {
        if point.timestamp_ms > now_ms.saturating_add(self.caps.future_ms) {
            return &mut taken.early;
        }
        if !target.takes(point.timestamp_ms) {
            return &mut taken.partial;
        }
        let known = self.groups.contains_key(&target.identity);
        if !known && self.groups.len() >= self.caps.max_groups {
            return &mut taken.full;
        }
        let start_ms = target.start_of(point.timestamp_ms);
        let group = self.groups.entry(target.identity);
        let group = group.or_insert_with(|| Group::new(Arc::clone(target)));
        let (may_fold, wants) = (group.may_fold(), group.wants());
        let Some(cell) = group.cell(start_ms, now_ms) else {
            return &mut taken.late;
        };
        let weighed = cell.weight();
        if cell.len() >= self.caps.max_exact {
            cell.sort();
            if may_fold {
                cell.fold(wants);
            }
        }
        let has_room = self.held < self.caps.max_samples && cell.len() < self.caps.max_exact;
        if has_room {
            cell.add(held(point));
        }
        self.held = (self.held + cell.weight()).saturating_sub(weighed);
        if has_room {
            &mut taken.taken
        } else {
            &mut taken.full
        }
    }
}

fn held(point: &Point) -> Held {
    Held {
        series: point.series,
        is_withheld: point.is_withheld,
        timestamp_ms: point.timestamp_ms,
        value: point.value.clone(),
    }
}
