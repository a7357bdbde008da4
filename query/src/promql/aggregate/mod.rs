//! Aggregation over labels: which series make a group, and which of the three ways its values are joined: folded one
//! by one, gathered first, or chosen among.

mod fold;
mod gather;
mod rank;

use super::assembly::Table;
use super::ast::{Aggregate, AggregateOp};
use super::columns::{self, Outcome};
use super::eval::Eval;
use super::{Labels, QueryError, Series};

/// The series of a group, in the order they came, under the group's labels.
struct Group {
    labels: Labels,
    series: Vec<Series>,
}

pub(super) fn eval(eval: &Eval<'_>, node: &Aggregate) -> Result<Vec<Series>, QueryError> {
    match node.op {
        AggregateOp::Sum => folded::<fold::Sum>(eval, node),
        AggregateOp::Avg => folded::<fold::Avg>(eval, node),
        AggregateOp::Count => folded::<fold::Count>(eval, node),
        AggregateOp::Group => folded::<fold::Present>(eval, node),
        AggregateOp::Min => folded::<fold::Min>(eval, node),
        AggregateOp::Max => folded::<fold::Max>(eval, node),
        AggregateOp::Stdvar => folded::<fold::Stdvar>(eval, node),
        AggregateOp::Stddev => folded::<fold::Stddev>(eval, node),
        AggregateOp::Topk => rank::eval(eval, node, true),
        AggregateOp::Bottomk => rank::eval(eval, node, false),
        AggregateOp::Quantile => gather::quantile(eval, node),
        AggregateOp::CountValues => gather::count_values(eval, node),
    }
}

fn folded<F: fold::Fold>(eval: &Eval<'_>, node: &Aggregate) -> Result<Vec<Series>, QueryError> {
    let mut out = match columns::aggregate(eval, node)? {
        Outcome::Done(series) => series,
        Outcome::Vector(series) => one_by_one::<F>(eval, node, series)?,
        Outcome::NotMine => one_by_one::<F>(eval, node, eval.vector(&node.expr)?)?,
    };
    // The order of what was joined tells nothing, and depends on where it lay.
    out.sort_by(|a, b| a.labels.cmp(&b.labels));
    Ok(out)
}

fn one_by_one<F: fold::Fold>(
    eval: &Eval<'_>,
    node: &Aggregate,
    vector: Vec<Series>,
) -> Result<Vec<Series>, QueryError> {
    let mut out = Vec::new();
    for group in grouped(vector, node, &node.labels) {
        eval.budget.check()?;
        out.extend(fold::run::<F>(eval, group));
    }
    Ok(out)
}

fn groups(eval: &Eval<'_>, node: &Aggregate) -> Result<Vec<Group>, QueryError> {
    groups_by(eval, node, &node.labels)
}

/// As [`groups`], over other labels than the node's own.
fn groups_by(
    eval: &Eval<'_>,
    node: &Aggregate,
    names: &[String],
) -> Result<Vec<Group>, QueryError> {
    Ok(grouped(eval.vector(&node.expr)?, node, names))
}

fn grouped(vector: Vec<Series>, node: &Aggregate, names: &[String]) -> Vec<Group> {
    let mut places: Table<Labels, usize> = Table::default();
    let mut out: Vec<Group> = Vec::new();
    for series in vector {
        let labels = match node.without {
            true => series.labels.drop(names),
            false => series.labels.keep(names),
        };
        let next = out.len();
        let place = *places.entry(labels.clone()).or_insert(next);
        match out.get_mut(place) {
            Some(group) => group.series.push(series),
            None => out.push(Group {
                labels,
                series: vec![series],
            }),
        }
    }
    out
}
