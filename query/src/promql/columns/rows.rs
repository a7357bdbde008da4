//! The rows of a plan's leaf, whichever kind it is: what a series of numbers comes to at every step.

use super::instant::{InstantRows, any_stale};
use super::plan::{Leaf, Plan};
use super::row::RowRef;
use super::windows::WindowRows;
use crate::Selection;
use crate::promql::eval::Eval;

pub(super) enum Rows<'a> {
    Instant(InstantRows<'a>),
    Windows(WindowRows<'a>),
}

impl<'a> Rows<'a> {
    /// Of an answer whose series are handed in one by one.
    pub(super) fn new(eval: &'a Eval<'a>, plan: &'a Plan<'a>, found: &'a Selection) -> Self {
        match plan.leaf {
            Leaf::Instant(selector) => {
                Self::Instant(InstantRows::new(eval, found, &selector.shift))
            }
            Leaf::Windows {
                selector,
                range_ms,
                kernel,
                ..
            } => Self::Windows(WindowRows::new(eval, selector.shift, range_ms, kernel)),
        }
    }

    pub(super) fn row<'r>(&'r mut self, times_ms: &[i64], values: &'r [f64]) -> RowRef<'r> {
        match self {
            Self::Instant(rows) => rows.row(times_ms, values),
            Self::Windows(rows) => match without_stale(times_ms, values) {
                None => rows.row(times_ms, values),
                Some((times_ms, values)) => rows.row(&times_ms, &values),
            },
        }
    }
}

/// The numbers of a series that has stale marks among them.
fn without_stale(times_ms: &[i64], values: &[f64]) -> Option<(Vec<i64>, Vec<f64>)> {
    if !any_stale(values) {
        return None;
    }
    let samples = times_ms.iter().zip(values);
    let kept = samples.filter(|(_, value)| !weir_wire::is_stale(**value));
    Some(kept.map(|(time_ms, value)| (*time_ms, *value)).unzip())
}
