//! Aggregations of rows: one group's result at every step at once, each the same to the last bit as `aggregate::fold`
//! makes of the values one by one.

use super::row::RowRef;
use super::sums::{HUGE, most};
use crate::promql::ast::AggregateOp;
use crate::promql::kahan::{Kahan, Mean};

/// A group in the making; used again for each group.
pub(super) trait Fold: Send {
    fn new(len: usize) -> Self;
    fn clear(&mut self);
    fn add(&mut self, row: RowRef<'_>);
    /// Takes in what another made of later rows, as about all of them together would have come out; false where it cannot.
    #[must_use]
    fn join(&mut self, later: &Self) -> bool;
    /// Asked only where something was added.
    fn value(&self, step: usize) -> f64;
}

/// Whether an aggregation folds rows.
pub(super) fn folds(op: AggregateOp) -> bool {
    use AggregateOp::{Avg, Count, Group, Max, Min, Sum};
    matches!(op, Avg | Count | Group | Max | Min | Sum)
}

/// Runs an action on what is there.
fn each<T>(row: RowRef<'_>, column: &mut [T], mut action: impl FnMut(&mut T, f64)) {
    match row.there {
        None => {
            for (slot, value) in column.iter_mut().zip(row.values) {
                action(slot, *value);
            }
        }
        Some(there) => {
            for ((slot, value), there) in column.iter_mut().zip(row.values).zip(there) {
                if *there {
                    action(slot, *value);
                }
            }
        }
    }
}

pub(super) struct Sum {
    sums: Vec<f64>,
    lost: Vec<f64>,
}

impl Sum {
    fn at(&self, step: usize) -> Kahan {
        Kahan::of(self.sums[step], self.lost[step])
    }
}

impl Fold for Sum {
    fn new(len: usize) -> Self {
        Self {
            sums: vec![0.0; len],
            lost: vec![0.0; len],
        }
    }

    fn clear(&mut self) {
        self.sums.fill(0.0);
        self.lost.fill(0.0);
    }

    fn add(&mut self, row: RowRef<'_>) {
        if row.there.is_none() {
            return Kahan::add_all(&mut self.sums, &mut self.lost, row.values);
        }
        let mut lost = self.lost.iter_mut();
        let there = row.there.unwrap_or_default().iter();
        for ((sum, value), there) in self.sums.iter_mut().zip(row.values).zip(there) {
            let Some(lost) = lost.next() else { return };
            if *there {
                let mut kahan = Kahan::of(*sum, *lost);
                kahan.add(*value);
                (*sum, *lost) = kahan.parts();
            }
        }
    }

    fn join(&mut self, later: &Self) -> bool {
        let columns = self.sums.iter_mut().zip(&mut self.lost);
        let later = later.sums.iter().zip(&later.lost);
        for ((sum, lost), (later_sum, later_lost)) in columns.zip(later) {
            let joined = Kahan::of(*sum, *lost).joined(Kahan::of(*later_sum, *later_lost));
            (*sum, *lost) = joined.parts();
        }
        true
    }

    fn value(&self, step: usize) -> f64 {
        self.at(step).total()
    }
}

/// Sums and counts, as long as no sum comes near the largest float.
pub(super) struct Avg {
    sum: Sum,
    count: Count,
    /// No sum is larger.
    bound: f64,
    means: Option<Vec<Mean>>,
}

impl Fold for Avg {
    fn new(len: usize) -> Self {
        Self {
            sum: Sum::new(len),
            count: Count::new(len),
            bound: 0.0,
            means: None,
        }
    }

    fn clear(&mut self) {
        self.sum.clear();
        self.count.clear();
        self.bound = 0.0;
        self.means = None;
    }

    fn add(&mut self, row: RowRef<'_>) {
        self.bound += most(row.values);
        if self.bound >= HUGE && self.means.is_none() {
            let steps = 0..self.count.0.len();
            let means = steps.map(|step| Mean::of(self.sum.at(step), self.count.0[step]));
            self.means = Some(means.collect());
        }
        match &mut self.means {
            Some(means) => each(row, means, Mean::add),
            None => {
                self.sum.add(row);
                self.count.add(row);
            }
        }
    }

    fn join(&mut self, later: &Self) -> bool {
        self.bound += later.bound;
        // Means that move have come step by step.
        self.bound < HUGE && self.sum.join(&later.sum) && self.count.join(&later.count)
    }

    fn value(&self, step: usize) -> f64 {
        match &self.means {
            Some(means) => means[step].value(),
            None => Mean::of(self.sum.at(step), self.count.0[step]).value(),
        }
    }
}

pub(super) struct Count(Vec<f64>);

impl Fold for Count {
    fn new(len: usize) -> Self {
        Self(vec![0.0; len])
    }

    fn clear(&mut self) {
        self.0.fill(0.0);
    }

    fn add(&mut self, row: RowRef<'_>) {
        each(row, &mut self.0, |count, _| *count += 1.0);
    }

    fn join(&mut self, later: &Self) -> bool {
        let counts = self.0.iter_mut().zip(&later.0);
        counts.for_each(|(count, later)| *count += later);
        true
    }

    fn value(&self, step: usize) -> f64 {
        self.0[step]
    }
}

pub(super) struct Present;

impl Fold for Present {
    fn new(_: usize) -> Self {
        Self
    }

    fn clear(&mut self) {}

    fn add(&mut self, _: RowRef<'_>) {}

    fn join(&mut self, _: &Self) -> bool {
        true
    }

    fn value(&self, _: usize) -> f64 {
        1.0
    }
}

/// NaN gives way to any number, so it may stand for nothing at the beginning.
macro_rules! extreme {
    ($name:ident, $better:tt) => {
        pub(super) struct $name(Vec<f64>);

        impl Fold for $name {
            fn new(len: usize) -> Self {
                Self(vec![f64::NAN; len])
            }

            fn clear(&mut self) {
                self.0.fill(f64::NAN);
            }

            fn add(&mut self, row: RowRef<'_>) {
                each(row, &mut self.0, |kept, value| {
                    *kept = if (value $better *kept) | kept.is_nan() { value } else { *kept };
                });
            }

            fn join(&mut self, later: &Self) -> bool {
                self.add(RowRef {
                    values: &later.0,
                    there: None,
                });
                true
            }

            fn value(&self, step: usize) -> f64 {
                self.0[step]
            }
        }
    };
}

extreme!(Min, <);
extreme!(Max, >);
