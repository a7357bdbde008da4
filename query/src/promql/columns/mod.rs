//! Evaluation by columns: the common aggregations over many series without a point or a label made for any of them.
//! Answers are those of the general engine, bit for bit; what goes another way here is only for speed.

mod fold;
mod groups;
mod instant;
mod kernel;
mod plan;
mod row;
mod sums;
#[cfg(test)]
mod tests;
mod windows;

use super::ast::{Aggregate, AggregateOp};
use super::eval::Eval;
use super::{QueryError, Series};
use super::{binary, functions};
use crate::{Selection, SeriesData};
use fold::Fold;
use groups::Groups;
pub(super) use instant::InstantRows;
pub(super) use kernel::Kernel;
use plan::{Leaf, Plan};
use row::{Row, RowRef};
pub(super) use windows::WindowRows;

/// Steps of all groups together up to which they are folded side by side.
const MOST_CELLS: usize = 1 << 16;

/// What came of an attempt.
pub(super) enum Outcome {
    /// The expression is for the general engine.
    NotMine,
    /// The expression would do but the data do not: the vector that is to be aggregated.
    Vector(Vec<Series>),
    Done(Vec<Series>),
}

/// An aggregation, by columns where it may be.
pub(super) fn aggregate(eval: &Eval<'_>, node: &Aggregate) -> Result<Outcome, QueryError> {
    let plan = match eval.by_columns && fold::folds(node.op) {
        true => Plan::of(&node.expr),
        false => None,
    };
    let Some(mut plan) = plan else {
        return Ok(Outcome::NotMine);
    };
    plan.settle(eval)?;
    let (mut found, weights) = match plan.leaf {
        Leaf::Instant(selector) => (eval.newest(selector)?, None),
        Leaf::Windows {
            selector,
            range_ms,
            function,
            ..
        } => {
            let seen = eval.windowed(selector, range_ms, function.need)?;
            (seen.found, seen.weights)
        }
    };
    let floats = weights.is_none() && found.series.iter().all(|one| one.histograms.is_empty());
    let groups = match floats {
        true => Groups::of(&found.series, node, plan.is_named()),
        false => None,
    };
    let Some(groups) = groups else {
        return vector(eval, &plan, found, weights).map(Outcome::Vector);
    };
    let steps = (found.series.len() as u64).saturating_mul(eval.grid.len() as u64);
    eval.budget.take_samples(steps)?;
    let series = std::mem::take(&mut found.series);
    let job = Job {
        eval,
        plan: &plan,
        found: &found,
        groups,
    };
    match node.op {
        AggregateOp::Sum => job.run::<fold::Sum>(series),
        AggregateOp::Avg => job.run::<fold::Avg>(series),
        AggregateOp::Count => job.run::<fold::Count>(series),
        AggregateOp::Min => job.run::<fold::Min>(series),
        AggregateOp::Max => job.run::<fold::Max>(series),
        _ => job.run::<fold::Present>(series),
    }
    .map(Outcome::Done)
}

/// The vector of a plan, made by the general engine from what is already read.
fn vector(
    eval: &Eval<'_>,
    plan: &Plan<'_>,
    found: Selection,
    weights: Option<Vec<Vec<f64>>>,
) -> Result<Vec<Series>, QueryError> {
    let mut series = match plan.leaf {
        Leaf::Instant(selector) => eval.instant_in(&found, selector)?,
        Leaf::Windows {
            selector,
            range_ms,
            function,
            ..
        } => {
            let seen = super::reading::Seen { found, weights };
            let ranged = eval.ranged_in(seen, selector, range_ms)?;
            functions::run_windows(eval, &ranged, &[], function.run, &function)?
        }
    };
    for layer in &plan.layers {
        let (node, left) = (layer.node, layer.scalar_is_left);
        series = binary::with_scalar(eval, node, series, &layer.values, left)?;
    }
    Ok(series)
}

struct Job<'a> {
    eval: &'a Eval<'a>,
    plan: &'a Plan<'a>,
    /// Its series taken out.
    found: &'a Selection,
    groups: Groups,
}

impl Job<'_> {
    fn run<F: Fold>(&self, series: Vec<SeriesData>) -> Result<Vec<Series>, QueryError> {
        match self.plan.leaf {
            Leaf::Instant(selector) => {
                let mut rows = InstantRows::new(self.eval, self.found, &selector.shift);
                self.fold::<F>(series, |series, fold| fold(rows.row(series)))
            }
            Leaf::Windows {
                selector,
                range_ms,
                kernel,
                ..
            } => {
                let mut rows = WindowRows::new(self.eval, selector.shift, range_ms, kernel);
                self.fold::<F>(series, |series, fold| match without_stale(series) {
                    None => fold(rows.row(&series.times_ms, &series.values)),
                    Some((times_ms, values)) => fold(rows.row(&times_ms, &values)),
                })
            }
        }
    }

    /// Series are dropped as soon as they are done with: what was just read is quickly freed.
    fn fold<F: Fold>(
        &self,
        mut series: Vec<SeriesData>,
        mut row_of: impl FnMut(&SeriesData, &mut dyn FnMut(RowRef<'_>)),
    ) -> Result<Vec<Series>, QueryError> {
        let mut own = Row::default();
        let mut add = |into: &mut Folding<F>, place: usize, series: &SeriesData| {
            row_of(series, &mut |row| {
                into.add(self.plan.changed(row, &mut own), place);
            });
        };
        let (groups, len) = (self.groups.labels.len(), self.eval.grid.len());
        let mut out = Vec::with_capacity(groups);
        if groups.saturating_mul(len) <= MOST_CELLS {
            let mut all: Vec<Folding<F>> = (0..groups).map(|_| Folding::new(len)).collect();
            let places = self.groups.of_series.iter().zip(series).enumerate();
            for (place, (group, one)) in places {
                if place % 1_024 == 0 {
                    self.eval.budget.check()?;
                }
                if let Some(folding) = all.get_mut(*group) {
                    add(folding, place, &one);
                }
            }
            out.extend(
                all.iter()
                    .enumerate()
                    .filter_map(|(group, one)| self.done(group, one)),
            );
        } else {
            // Group by group, since their columns together would fill the caches many times over, or the memory.
            let mut folding = Folding::new(len);
            for group in 0..groups {
                self.eval.budget.check()?;
                folding.clear();
                for place in self.groups.members(group) {
                    if let Some(one) = series.get_mut(*place) {
                        add(&mut folding, *place, one);
                        (one.times_ms, one.values) = (Vec::new(), Vec::new());
                    }
                }
                out.extend(self.done(group, &folding));
            }
        }
        // A group stands where its first series that had any value stood.
        out.sort_by_key(|(first, _)| *first);
        Ok(out.into_iter().map(|(_, series)| series).collect())
    }

    fn done<F: Fold>(&self, group: usize, folding: &Folding<F>) -> Option<(usize, Series)> {
        let first = folding.first?;
        let values: Vec<f64> = (0..self.eval.grid.len())
            .map(|step| folding.fold.value(step))
            .collect();
        let row = RowRef {
            values: &values,
            there: (!folding.full).then_some(&folding.there),
        };
        let labels = self.groups.labels.get(group)?.clone();
        let points = row.points(self.eval.grid);
        Some((first, Series { labels, points }))
    }
}

/// A group in the making, and where it has any value.
struct Folding<F> {
    fold: F,
    full: bool,
    there: Vec<bool>,
    /// The place of the first series that had one.
    first: Option<usize>,
}

impl<F: Fold> Folding<F> {
    fn new(len: usize) -> Self {
        Self {
            fold: F::new(len),
            full: false,
            there: vec![false; len],
            first: None,
        }
    }

    fn clear(&mut self) {
        self.fold.clear();
        self.full = false;
        self.there.fill(false);
        self.first = None;
    }

    fn add(&mut self, row: RowRef<'_>, place: usize) {
        if self.first.is_none() && !row.is_empty() {
            self.first = Some(place);
        }
        self.fold.add(row);
        match row.there {
            None => self.full = true,
            Some(there) => {
                for (any, there) in self.there.iter_mut().zip(there) {
                    *any |= there;
                }
            }
        }
    }
}

/// The numbers of a series that has stale marks among them.
fn without_stale(series: &SeriesData) -> Option<(Vec<i64>, Vec<f64>)> {
    if !instant::any_stale(&series.values) {
        return None;
    }
    let samples = series.times_ms.iter().zip(&series.values);
    let kept = samples.filter(|(_, value)| !weir_wire::is_stale(**value));
    Some(kept.map(|(time_ms, value)| (*time_ms, *value)).unzip())
}
