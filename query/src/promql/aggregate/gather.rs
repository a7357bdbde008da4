//! Aggregations that need all values of a step together: `quantile` and `count_values`.

use weir_wire::NAME_LABEL;

use super::Group;
use crate::json::Float;
use crate::promql::assembly::{Assembly, Cursor};
use crate::promql::ast::Aggregate;
use crate::promql::eval::{Eval, unexpected};
use crate::promql::{Expr, Point, QueryError, Series, Value, quantile as numbers};

pub(super) fn quantile(eval: &Eval<'_>, node: &Aggregate) -> Result<Vec<Series>, QueryError> {
    let quantiles = eval.scalar(param(node)?)?;
    for text in quantiles.iter().filter_map(|q| numbers::warning(*q)) {
        eval.notes.warn(text);
    }
    let mut out = Vec::new();
    for group in super::groups(eval, node)? {
        let points = quantile_points(eval, &group, &quantiles)?;
        if !points.is_empty() {
            out.push(Series {
                labels: group.labels,
                points,
            });
        }
    }
    Ok(out)
}

fn quantile_points(
    eval: &Eval<'_>,
    group: &Group,
    quantiles: &[f64],
) -> Result<Vec<Point>, QueryError> {
    let mut cursor = Cursor::new(&group.series);
    let mut points = Vec::new();
    let mut values = Vec::new();
    for (time_ms, quantile) in eval.grid.times().zip(quantiles) {
        eval.budget.check()?;
        values.clear();
        for (_, value) in cursor.at(time_ms) {
            match value {
                Value::Float(value) => values.push(*value),
                Value::Histogram(_) => eval.notes.skipped_histograms("quantile aggregation"),
            }
        }
        if !values.is_empty() {
            let value = Value::Float(numbers::quantile(*quantile, &mut values));
            points.push(Point { time_ms, value });
        }
    }
    Ok(points)
}

/// How often each value occurs, the value written into a label before the series are grouped: a label of that name
/// gives way to it, `by` keeps it unasked, and `without` may take it away again.
pub(super) fn count_values(eval: &Eval<'_>, node: &Aggregate) -> Result<Vec<Series>, QueryError> {
    let label = eval.text(param(node)?)?;
    if label.is_empty() {
        return Err(QueryError::Execution(format!(
            "invalid label name {label:?}"
        )));
    }
    let mut out = Assembly::default();
    let shown = !node.without || (label != NAME_LABEL && !node.labels.contains(&label));
    let groups = super::groups_by(eval, node, &grouping(node, &label))?;
    let mut cursors: Vec<_> = groups
        .iter()
        .map(|group| Cursor::new(&group.series))
        .collect();
    for time_ms in eval.grid.times() {
        eval.budget.check()?;
        for (group, cursor) in groups.iter().zip(&mut cursors) {
            // A histogram counts by what it holds: the counts of equal ones are added up.
            let mut counts = std::collections::BTreeMap::<String, f64>::new();
            for (_, value) in cursor.at(time_ms) {
                let text = if shown { written(value) } else { String::new() };
                *counts.entry(text).or_default() += 1.0;
            }
            for (value, count) in counts {
                let mut labels = group.labels.edit();
                if shown {
                    labels.set(&label, &value);
                }
                let slot = out.slot(labels.done());
                out.push(slot, time_ms, Value::Float(count))?;
            }
        }
    }
    Ok(out.done())
}

/// The node's labels, such that none of the series' own stands where the value will.
fn grouping(node: &Aggregate, label: &String) -> Vec<String> {
    let others = node.labels.iter().filter(|name| *name != label);
    let dropped = node.without.then_some(label);
    others.chain(dropped).cloned().collect()
}

fn written(value: &Value) -> String {
    match value {
        Value::Float(value) => Float(*value).to_string(),
        Value::Histogram(value) => {
            format!("{{count:{}, sum:{}}}", Float(value.count), Float(value.sum))
        }
    }
}

fn param(node: &Aggregate) -> Result<&Expr, QueryError> {
    node.param
        .as_deref()
        .ok_or_else(|| unexpected("no parameter", "in an aggregation"))
}
