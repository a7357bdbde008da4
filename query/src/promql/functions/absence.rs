//! `absent` and `absent_over_time`: 1 where there is nothing, under the labels that the selector says it would have.

use std::collections::BTreeSet;

use weir_wire::{MatchOp, Matcher, NAME_LABEL};

use super::arg;
use crate::Aspect;
use crate::promql::eval::{Eval, Evaluated};
use crate::promql::reading::Need;
use crate::promql::{Expr, Labels, Point, QueryError, Series, Value};

pub(super) fn absent(eval: &Eval<'_>, args: &[Expr]) -> Result<Evaluated, QueryError> {
    let expr = arg(args, 0)?;
    let series = eval.vector(expr)?;
    missing(eval, expr, series.iter().flat_map(|one| &one.points))
}

pub(super) fn absent_over_time(eval: &Eval<'_>, args: &[Expr]) -> Result<Evaluated, QueryError> {
    let expr = arg(args, 0)?;
    let ranged = eval.ranged(expr, Need::Whole(Aspect::Last))?;
    let mut points = Vec::new();
    for track in &ranged.tracks {
        points.extend(eval.slide(&ranged, track, &[], super::over_time::present)?);
    }
    missing(eval, expr, points.iter())
}

fn missing<'p>(
    eval: &Eval<'_>,
    expr: &Expr,
    there: impl Iterator<Item = &'p Point>,
) -> Result<Evaluated, QueryError> {
    eval.budget.take_samples(eval.grid.len() as u64)?;
    let mut present = vec![false; eval.grid.len()];
    for point in there {
        if let Some(step) = present.get_mut(eval.grid.step(point.time_ms)) {
            *step = true;
        }
    }
    let absent = eval
        .grid
        .times()
        .zip(present)
        .filter(|(_, present)| !present);
    let points: Vec<Point> = absent
        .map(|(time_ms, _)| Point {
            time_ms,
            value: Value::Float(1.0),
        })
        .collect();
    if points.is_empty() {
        return Ok(Evaluated::Vector(Vec::new()));
    }
    Ok(Evaluated::Vector(vec![Series {
        labels: labels(expr),
        points,
    }]))
}

/// The labels that the first equality on each is about, unless another matcher on it follows.
fn labels(expr: &Expr) -> Labels {
    let matchers: &[Matcher] = match expr.bare() {
        Expr::Selector(selector) | Expr::Range { selector, .. } => &selector.matchers,
        _ => &[],
    };
    let mut labels = Labels::default().edit();
    let mut equated = BTreeSet::new();
    for matcher in matchers.iter().filter(|m| m.name != NAME_LABEL) {
        let first = matcher.op == MatchOp::Equal && equated.insert(&matcher.name);
        labels.set(&matcher.name, if first { &matcher.value } else { "" });
    }
    labels.done()
}
