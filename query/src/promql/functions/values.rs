//! Between scalars, vectors and times; and the order of a vector.

use std::cmp::Ordering;

use super::arg;
use crate::promql::assembly::Cursor;
use crate::promql::eval::{Eval, Evaluated};
use crate::promql::{Expr, Labels, Point, QueryError, Series, Value};

pub(super) fn time(eval: &Eval<'_>, _: &[Expr]) -> Result<Evaluated, QueryError> {
    let mut values = eval.constant(0.0)?;
    for (value, time_ms) in values.iter_mut().zip(eval.grid.times()) {
        *value = time_ms as f64 / 1_000.0;
    }
    Ok(Evaluated::Scalar(values))
}

pub(super) fn pi(eval: &Eval<'_>, _: &[Expr]) -> Result<Evaluated, QueryError> {
    eval.constant(std::f64::consts::PI).map(Evaluated::Scalar)
}

/// The value of the only element; NaN where there is not exactly one number.
pub(super) fn scalar(eval: &Eval<'_>, args: &[Expr]) -> Result<Evaluated, QueryError> {
    let series = eval.vector(arg(args, 0)?)?;
    let mut values = eval.constant(f64::NAN)?;
    let mut cursor = Cursor::new(&series);
    for (value, time_ms) in values.iter_mut().zip(eval.grid.times()) {
        let mut floats = cursor.at(time_ms).filter_map(|(_, value)| value.float());
        if let Some(first) = floats.next() {
            // Counting goes on to the end so that every series moves forward.
            *value = if floats.count() == 0 { first } else { f64::NAN };
        }
    }
    Ok(Evaluated::Scalar(values))
}

pub(super) fn vector(eval: &Eval<'_>, args: &[Expr]) -> Result<Evaluated, QueryError> {
    let values = eval.scalar(arg(args, 0)?)?;
    Ok(Evaluated::Vector(vec![unlabelled(eval, values)]))
}

/// `vector(time())`
pub(super) fn times(eval: &Eval<'_>) -> Result<Vec<Series>, QueryError> {
    eval.constant(0.0)?;
    let values = eval.grid.times().map(|time_ms| time_ms as f64 / 1_000.0);
    Ok(vec![unlabelled(eval, values.collect())])
}

fn unlabelled(eval: &Eval<'_>, values: Vec<f64>) -> Series {
    let points = eval.grid.times().zip(values).map(|(time_ms, value)| Point {
        time_ms,
        value: Value::Float(value),
    });
    Series {
        labels: Labels::default(),
        points: points.collect(),
    }
}

/// When a selector's samples were taken; of anything computed, the time of the step.
pub(super) fn timestamp(eval: &Eval<'_>, args: &[Expr]) -> Result<Evaluated, QueryError> {
    let mut series = match arg(args, 0)?.bare() {
        Expr::Selector(selector) => eval.instant_times(selector)?,
        other => {
            let mut series = eval.vector(other)?;
            for point in series.iter_mut().flat_map(|one| &mut one.points) {
                point.value = Value::Float(point.time_ms as f64 / 1_000.0);
            }
            series
        }
    };
    for one in &mut series {
        one.labels = one.labels.without_name();
    }
    crate::promql::assembly::joined(series).map(Evaluated::Vector)
}

pub(super) fn sort(eval: &Eval<'_>, args: &[Expr]) -> Result<Evaluated, QueryError> {
    sorted(eval, args, |a, b| {
        a.partial_cmp(&b).unwrap_or(Ordering::Equal)
    })
}

pub(super) fn sort_desc(eval: &Eval<'_>, args: &[Expr]) -> Result<Evaluated, QueryError> {
    sorted(eval, args, |a, b| {
        b.partial_cmp(&a).unwrap_or(Ordering::Equal)
    })
}

/// By the first point, which is the only one where order shows: results over time are ordered by labels. NaN last.
fn sorted(
    eval: &Eval<'_>,
    args: &[Expr],
    order: impl Fn(f64, f64) -> Ordering,
) -> Result<Evaluated, QueryError> {
    let mut series = eval.vector(arg(args, 0)?)?;
    let first = |one: &Series| one.points.first().and_then(|point| point.value.float());
    series.retain(|one| first(one).is_some());
    series.sort_by(|a, b| {
        let (a, b) = (first(a).unwrap_or(f64::NAN), first(b).unwrap_or(f64::NAN));
        match (a.is_nan(), b.is_nan()) {
            (false, false) => order(a, b),
            (left, right) => left.cmp(&right),
        }
    });
    Ok(Evaluated::Vector(series))
}
