//! The values of one series over the grid, as columns: numbers, and whether there is one.

use crate::promql::eval::Grid;
use crate::promql::{Point, Value};

/// A row to write into; used again for each series.
#[derive(Debug, Default)]
pub(super) struct Row {
    pub(super) values: Vec<f64>,
    pub(super) there: Vec<bool>,
}

/// A row to read. What stands where nothing is there means nothing.
#[derive(Debug, Clone, Copy)]
pub(in crate::promql) struct RowRef<'a> {
    pub(super) values: &'a [f64],
    /// `None`: a value at every step.
    pub(super) there: Option<&'a [bool]>,
}

impl Row {
    pub(super) fn of_len(len: usize) -> Self {
        Self {
            values: vec![0.0; len],
            there: vec![false; len],
        }
    }

    pub(super) fn clone_from(&mut self, row: RowRef<'_>) {
        self.values.clear();
        self.values.extend_from_slice(row.values);
        self.there.clear();
        match row.there {
            Some(there) => self.there.extend_from_slice(there),
            None => self.there.resize(row.values.len(), true),
        }
    }

    pub(super) fn as_ref(&self) -> RowRef<'_> {
        let full = self.there.iter().fold(true, |all, there| all & there);
        RowRef {
            values: &self.values,
            there: (!full).then_some(&self.there),
        }
    }
}

impl RowRef<'_> {
    pub(super) fn is_empty(&self) -> bool {
        match self.there {
            Some(there) => !there.iter().fold(false, |any, there| any | there),
            None => self.values.is_empty(),
        }
    }

    /// The values that are there, each at its time.
    pub(in crate::promql) fn points(&self, grid: Grid) -> Vec<Point> {
        let point = |(time_ms, value): (i64, &f64)| Point {
            time_ms,
            value: Value::Float(*value),
        };
        let all = grid.times().zip(self.values);
        match self.there {
            None => all.map(point).collect(),
            Some(there) => {
                let kept = all.zip(there).filter(|(_, there)| **there);
                kept.map(|(one, _)| point(one)).collect()
            }
        }
    }
}
