//! A group in the making: its fold, and at which steps it has any value.

use super::fold::Fold;
use super::row::RowRef;
use crate::promql::eval::Grid;
use crate::promql::{Labels, Series};

pub(super) struct Folding<F> {
    fold: F,
    any: bool,
    full: bool,
    there: Vec<bool>,
}

impl<F: Fold> Folding<F> {
    pub(super) fn new(len: usize) -> Self {
        Self {
            fold: F::new(len),
            any: false,
            full: false,
            there: vec![false; len],
        }
    }

    pub(super) fn clear(&mut self) {
        self.fold.clear();
        self.any = false;
        self.full = false;
        self.there.fill(false);
    }

    pub(super) fn add(&mut self, row: RowRef<'_>) {
        self.any |= !row.is_empty();
        self.fold.add(row);
        match row.there {
            None => self.full = true,
            Some(there) => self.is_there(there),
        }
    }

    /// Takes in what another made of later series; false where only all of them in one go would do.
    #[must_use]
    pub(super) fn join(&mut self, later: &Self) -> bool {
        self.any |= later.any;
        self.full |= later.full;
        self.is_there(&later.there);
        self.fold.join(&later.fold)
    }

    fn is_there(&mut self, there: &[bool]) {
        for (any, there) in self.there.iter_mut().zip(there) {
            *any |= there;
        }
    }

    /// The group's values; `None` where there are none.
    pub(super) fn series(&self, labels: Labels, grid: Grid) -> Option<Series> {
        if !self.any {
            return None;
        }
        let steps = 0..self.there.len();
        let values: Vec<f64> = steps.map(|step| self.fold.value(step)).collect();
        let row = RowRef {
            values: &values,
            there: (!self.full).then_some(&self.there),
        };
        let points = row.points(grid);
        Some(Series { labels, points })
    }
}
