//! Evaluation by columns: the common aggregations over many series without a point or a label made for any of them.
//! Answers are those of the general engine, bit for bit; what goes another way here is only for speed.

mod fold;
mod folding;
mod groups;
mod instant;
mod kernel;
mod plan;
mod row;
mod rows;
mod streamed;
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
use folding::Folding;
use groups::{Groups, named_by};
pub(super) use instant::InstantRows;
pub(super) use kernel::Kernel;
use plan::{Leaf, Plan};
use row::Row;
use rows::Rows;
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
    match node.op {
        AggregateOp::Sum => run::<fold::Sum>(eval, node, &plan),
        AggregateOp::Avg => run::<fold::Avg>(eval, node, &plan),
        AggregateOp::Count => run::<fold::Count>(eval, node, &plan),
        AggregateOp::Min => run::<fold::Min>(eval, node, &plan),
        AggregateOp::Max => run::<fold::Max>(eval, node, &plan),
        _ => run::<fold::Present>(eval, node, &plan),
    }
}

fn run<F: Fold>(eval: &Eval<'_>, node: &Aggregate, plan: &Plan<'_>) -> Result<Outcome, QueryError> {
    if let Some(done) = streamed::aggregate::<F>(eval, node, plan)? {
        return Ok(Outcome::Done(done));
    }
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
        return vector(eval, plan, found, weights).map(Outcome::Vector);
    };
    let steps = (found.series.len() as u64).saturating_mul(eval.grid.len() as u64);
    eval.budget.take_samples(steps)?;
    let series = std::mem::take(&mut found.series);
    let job = Job {
        eval,
        plan,
        found: &found,
        groups,
    };
    job.fold::<F>(series).map(Outcome::Done)
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

/// Series that were read as a list.
struct Job<'a> {
    eval: &'a Eval<'a>,
    plan: &'a Plan<'a>,
    /// Its series taken out.
    found: &'a Selection,
    groups: Groups,
}

impl Job<'_> {
    /// Series are dropped as soon as they are done with: what was just read is quickly freed.
    fn fold<F: Fold>(&self, mut series: Vec<SeriesData>) -> Result<Vec<Series>, QueryError> {
        let mut own = Row::default();
        let mut rows = Rows::new(self.eval, self.plan, self.found);
        let mut add = |into: &mut Folding<F>, series: &SeriesData| {
            let row = rows.row(&series.times_ms, &series.values);
            into.add(self.plan.changed(row, &mut own));
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
                    add(folding, &one);
                }
            }
            let all = all.iter().enumerate();
            out.extend(all.filter_map(|(group, one)| self.done(group, one)));
        } else {
            // Group by group, since their columns together would fill the caches many times over, or the memory.
            let mut folding = Folding::new(len);
            for group in 0..groups {
                self.eval.budget.check()?;
                folding.clear();
                for place in self.groups.members(group) {
                    if let Some(one) = series.get_mut(*place) {
                        add(&mut folding, one);
                        (one.times_ms, one.values) = (Vec::new(), Vec::new());
                    }
                }
                out.extend(self.done(group, &folding));
            }
        }
        Ok(out)
    }

    fn done<F: Fold>(&self, group: usize, folding: &Folding<F>) -> Option<Series> {
        let labels = self.groups.labels.get(group)?.clone();
        folding.series(labels, self.eval.grid)
    }
}
