//! `and`, `or`, `unless`: which elements are there, whatever their values.

use super::signature::Groups;
use crate::promql::assembly::{Assembly, Cursor};
use crate::promql::ast::{Binary, BinaryOp};
use crate::promql::eval::Eval;
use crate::promql::{QueryError, Series, Value};

pub(super) fn join(
    eval: &Eval<'_>,
    node: &Binary,
    left: &[Series],
    right: &[Series],
) -> Result<Vec<Series>, QueryError> {
    let groups = Groups::new(&node.matching, left, right);
    let mut out = Output::default();
    // Which groups a side has at a step; the step's number says so without clearing.
    let (mut in_left, mut in_right) = (vec![0; groups.count], vec![0; groups.count]);
    let (mut left_at, mut right_at) = (Cursor::new(left), Cursor::new(right));
    for (step, time_ms) in (1..).zip(eval.grid.times()) {
        eval.budget.check()?;
        let right_now: Vec<(usize, &Value)> = right_at.at(time_ms).collect();
        for (place, _) in &right_now {
            in_right[groups.right[*place]] = step;
        }
        for (place, value) in left_at.at(time_ms) {
            let group = groups.left[place];
            in_left[group] = step;
            let met = in_right[group] == step;
            if node.op == BinaryOp::Or || met == (node.op == BinaryOp::And) {
                out.push(place, &left[place], time_ms, value)?;
            }
        }
        if node.op == BinaryOp::Or {
            for (place, value) in right_now {
                if in_left[groups.right[place]] != step {
                    out.push(left.len() + place, &right[place], time_ms, value)?;
                }
            }
        }
    }
    Ok(out.assembly.done())
}

/// Finds each input's place in the output once.
#[derive(Default)]
struct Output {
    assembly: Assembly,
    slots: Vec<Option<usize>>,
}

impl Output {
    fn push(
        &mut self,
        input: usize,
        of: &Series,
        time_ms: i64,
        value: &Value,
    ) -> Result<(), QueryError> {
        if self.slots.len() <= input {
            self.slots.resize(input + 1, None);
        }
        let slot = match self.slots[input] {
            Some(slot) => slot,
            None => *self.slots[input].insert(self.assembly.slot(of.labels.clone())),
        };
        self.assembly.push(slot, time_ms, value.clone())
    }
}
