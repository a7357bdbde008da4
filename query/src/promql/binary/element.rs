//! What an operator makes of two values, numbers or histograms.

use std::sync::Arc;

use crate::promql::ast::BinaryOp;
use crate::promql::{Distribution, Value};

/// What came of two values.
pub(super) enum Outcome {
    Value(Value),
    /// Of a comparison: whether it holds.
    Holds(bool),
    /// The operator is not defined for these kinds of values.
    Incompatible(&'static str, &'static str),
}

pub(super) fn apply(op: BinaryOp, left: &Value, right: &Value) -> Outcome {
    let done = match (left, right) {
        (Value::Float(l), Value::Float(r)) => floats(op, *l, *r),
        (Value::Histogram(l), Value::Histogram(r)) => histograms(op, l, r),
        (Value::Histogram(h), Value::Float(factor)) if op == BinaryOp::Mul => scaled(h, *factor),
        (Value::Float(factor), Value::Histogram(h)) if op == BinaryOp::Mul => scaled(h, *factor),
        (Value::Histogram(h), Value::Float(divisor)) if op == BinaryOp::Div => {
            scaled(h, 1.0 / divisor)
        }
        _ => None,
    };
    done.unwrap_or(Outcome::Incompatible(kind(left), kind(right)))
}

fn floats(op: BinaryOp, l: f64, r: f64) -> Option<Outcome> {
    match of_floats(op)? {
        OfFloats::Number(run) => Some(Outcome::Value(Value::Float(run(l, r)))),
        OfFloats::Holds(run) => Some(Outcome::Holds(run(l, r))),
    }
}

/// An operator between numbers.
pub(in crate::promql) enum OfFloats {
    Number(fn(f64, f64) -> f64),
    Holds(fn(f64, f64) -> bool),
}

/// `None` for operators about sets.
pub(in crate::promql) fn of_floats(op: BinaryOp) -> Option<OfFloats> {
    use OfFloats::{Holds, Number};
    Some(match op {
        BinaryOp::Add => Number(|l, r| l + r),
        BinaryOp::Sub => Number(|l, r| l - r),
        BinaryOp::Mul => Number(|l, r| l * r),
        BinaryOp::Div => Number(|l, r| l / r),
        BinaryOp::Mod => Number(|l, r| l % r),
        BinaryOp::Pow => Number(f64::powf),
        BinaryOp::Atan2 => Number(f64::atan2),
        BinaryOp::Equal => Holds(|l, r| l == r),
        BinaryOp::NotEqual => Holds(|l, r| l != r),
        BinaryOp::Less => Holds(|l, r| l < r),
        BinaryOp::LessEqual => Holds(|l, r| l <= r),
        BinaryOp::Greater => Holds(|l, r| l > r),
        BinaryOp::GreaterEqual => Holds(|l, r| l >= r),
        BinaryOp::And | BinaryOp::Or | BinaryOp::Unless => return None,
    })
}

fn histograms(op: BinaryOp, l: &Arc<Distribution>, r: &Arc<Distribution>) -> Option<Outcome> {
    let factor = match op {
        BinaryOp::Add => 1.0,
        BinaryOp::Sub => -1.0,
        BinaryOp::Equal => return Some(Outcome::Holds(l == r)),
        BinaryOp::NotEqual => return Some(Outcome::Holds(l != r)),
        _ => return None,
    };
    let mut out = Distribution::clone(l);
    out.add(r, factor);
    Some(Outcome::Value(out.into()))
}

fn scaled(histogram: &Distribution, factor: f64) -> Option<Outcome> {
    Some(Outcome::Value(histogram.scaled(factor).into()))
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Float(_) => "float",
        Value::Histogram(_) => "histogram",
    }
}
