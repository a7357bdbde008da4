//! Which elements of two vectors belong together: those whose matching labels are the same.

use crate::promql::Series;
use crate::promql::assembly::Table;
use crate::promql::ast::Matching;
use crate::promql::{Labels, QueryError};

/// The match group of each series of both sides, as small numbers.
pub(super) struct Groups {
    pub(super) left: Vec<usize>,
    pub(super) right: Vec<usize>,
    pub(super) count: usize,
}

impl Groups {
    pub(super) fn new(matching: &Matching, left: &[Series], right: &[Series]) -> Self {
        let mut table: Table<Labels, usize> = Table::default();
        let mut number = |series: &Series| {
            let next = table.len();
            *table.entry(group(matching, &series.labels)).or_insert(next)
        };
        let left = left.iter().map(&mut number).collect();
        let right = right.iter().map(&mut number).collect();
        let count = table.len();
        Self { left, right, count }
    }
}

/// The labels that decide; the name only where `on` names it.
pub(super) fn group(matching: &Matching, labels: &Labels) -> Labels {
    if matching.on {
        labels.keep(&matching.labels)
    } else {
        labels.drop(&matching.labels)
    }
}

/// Two series on a side where there may be one.
pub(super) fn duplicate(
    matching: &Matching,
    side: &str,
    one: &Labels,
    other: &Labels,
) -> QueryError {
    let group = group(matching, one);
    QueryError::Execution(format!(
        "found duplicate series for the match group {group} on the {side} hand-side of the operation: \
         [{one}, {other}];many-to-many matching not allowed: matching labels must be unique on one side"
    ))
}
