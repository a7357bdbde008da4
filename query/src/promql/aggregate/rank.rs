//! `topk` and `bottomk`: the elements themselves, chosen by value. NaN is the last to be chosen by either.

use std::cmp::Ordering;

use super::Group;
use crate::promql::assembly::Cursor;
use crate::promql::ast::Aggregate;
use crate::promql::eval::{Eval, unexpected};
use crate::promql::{Point, QueryError, Series};

pub(super) fn eval(
    eval: &Eval<'_>,
    node: &Aggregate,
    top: bool,
) -> Result<Vec<Series>, QueryError> {
    let param = node
        .param
        .as_ref()
        .ok_or_else(|| unexpected("no count", "in topk or bottomk"))?;
    let counts: Vec<usize> = eval
        .scalar(param)?
        .into_iter()
        .map(count)
        .collect::<Result<_, _>>()?;
    let mut out = Vec::new();
    for group in super::groups(eval, node)? {
        out.extend(best(eval, group, &counts, top)?);
    }
    Ok(out)
}

fn count(param: f64) -> Result<usize, QueryError> {
    if param.is_nan() {
        return Err(QueryError::Execution("Parameter value is NaN".to_owned()));
    }
    // Saturates at both ends, which is what a count means.
    Ok(param as usize)
}

fn best(
    eval: &Eval<'_>,
    group: Group,
    counts: &[usize],
    top: bool,
) -> Result<Vec<Series>, QueryError> {
    let mut chosen: Vec<Vec<Point>> = vec![Vec::new(); group.series.len()];
    let mut order = Vec::new();
    let mut cursor = Cursor::new(&group.series);
    for (time_ms, count) in eval.grid.times().zip(counts) {
        eval.budget.check()?;
        let mut skipped = false;
        let now = cursor.at(time_ms).filter_map(|(place, value)| {
            skipped |= value.float().is_none();
            Some((place, value.float()?, value))
        });
        let mut ranked: Vec<_> = now.collect();
        if skipped {
            eval.notes.skipped_histograms(if top {
                "topk aggregation"
            } else {
                "bottomk aggregation"
            });
        }
        ranked.sort_by(|(_, a, _), (_, b, _)| compare(*a, *b, top));
        for (place, _, value) in ranked.into_iter().take(*count) {
            if chosen[place].is_empty() {
                order.push(place);
            }
            chosen[place].push(Point {
                time_ms,
                value: value.clone(),
            });
        }
    }
    // In the order they were first chosen: at a single step, by rank.
    let series = order.into_iter().map(|place| Series {
        labels: group.series[place].labels.clone(),
        points: std::mem::take(&mut chosen[place]),
    });
    Ok(series.collect())
}

fn compare(a: f64, b: f64, top: bool) -> Ordering {
    match (a.is_nan(), b.is_nan()) {
        (false, false) if top => b.partial_cmp(&a).unwrap_or(Ordering::Equal),
        (false, false) => a.partial_cmp(&b).unwrap_or(Ordering::Equal),
        (left, right) => left.cmp(&right),
    }
}
