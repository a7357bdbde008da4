//! Operators between two operands: which kind of operands, and what one pair of values makes.

mod element;
mod matched;
mod sets;
mod signature;

use super::ast::{Binary, BinaryOp};
use super::eval::{Eval, Evaluated, mapped, unexpected};
use super::{Labels, QueryError, Series, Value};
pub(super) use element::{OfFloats, of_floats};
use element::{Outcome, apply};

/// Evaluates both sides and joins them.
pub(super) fn eval(eval: &Eval<'_>, node: &Binary) -> Result<Evaluated, QueryError> {
    let (left, right) = (eval.eval(&node.left)?, eval.eval(&node.right)?);
    match (left, right) {
        (Evaluated::Scalar(left), Evaluated::Scalar(right)) => {
            let pairs = left.into_iter().zip(right);
            Ok(Evaluated::Scalar(
                pairs.map(|(l, r)| scalars(node.op, l, r)).collect(),
            ))
        }
        (Evaluated::Vector(left), Evaluated::Scalar(right)) => {
            with_scalar(eval, node, left, &right, false).map(Evaluated::Vector)
        }
        (Evaluated::Scalar(left), Evaluated::Vector(right)) => {
            with_scalar(eval, node, right, &left, true).map(Evaluated::Vector)
        }
        (Evaluated::Vector(left), Evaluated::Vector(right)) => {
            let joined = if node.op.is_set() {
                sets::join(eval, node, &left, &right)
            } else {
                matched::join(eval, node, &left, &right)
            };
            joined.map(Evaluated::Vector)
        }
        _ => Err(unexpected("a string", "as an operand")),
    }
}

fn scalars(op: BinaryOp, left: f64, right: f64) -> f64 {
    match apply(op, &Value::Float(left), &Value::Float(right)) {
        Outcome::Value(Value::Float(value)) => value,
        Outcome::Holds(holds) => f64::from(u8::from(holds)),
        _ => f64::NAN,
    }
}

/// Each element with the scalar of its step. Comparisons keep the element's value, whichever side it is on.
pub(super) fn with_scalar(
    eval: &Eval<'_>,
    node: &Binary,
    vector: Vec<Series>,
    scalar: &[f64],
    scalar_is_left: bool,
) -> Result<Vec<Series>, QueryError> {
    let relabel = |labels: &Labels| match node.drops_name() {
        true => labels.without_name(),
        false => labels.clone(),
    };
    mapped(vector, relabel, |time_ms, value| {
        let other = scalar.get(eval.grid.step(time_ms)).copied();
        let other = Value::Float(other.unwrap_or(f64::NAN));
        let outcome = match scalar_is_left {
            true => apply(node.op, &other, &value),
            false => apply(node.op, &value, &other),
        };
        settled(eval, node, outcome, &value)
    })
}

/// The value that an outcome means, where it means any; `kept` is the value a comparison lets through.
fn settled(eval: &Eval<'_>, node: &Binary, outcome: Outcome, kept: &Value) -> Option<Value> {
    match outcome {
        Outcome::Value(value) => Some(value),
        Outcome::Holds(holds) if node.yields_bool => Some(Value::Float(f64::from(u8::from(holds)))),
        Outcome::Holds(holds) => holds.then(|| kept.clone()),
        Outcome::Incompatible(left, right) => {
            let op = node.op.text();
            eval.notes.inform(format!(
                "PromQL info: incompatible sample types encountered for binary operator {op:?}: {left} {op} {right}"
            ));
            None
        }
    }
}
