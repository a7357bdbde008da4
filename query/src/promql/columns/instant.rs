//! Instant selectors as rows: which sample of a series stands for each step. Neighbouring series mostly have samples
//! at the very same times, so that the search is done once and its outcome kept until the times differ.

use weir_wire::is_stale;

use super::row::{Row, RowRef};
use crate::Selection;
use crate::promql::ast::Shift;
use crate::promql::eval::Eval;

pub(in crate::promql) struct InstantRows<'a> {
    eval: &'a Eval<'a>,
    found: &'a Selection,
    shift: &'a Shift,
    row: Row,
    /// The times that the plan is for.
    times_ms: Vec<i64>,
    /// For each step, the place of its sample.
    places: Vec<Option<usize>>,
    /// Where every step has its sample and each the one after that of the step before: the place of the first.
    straight: Option<usize>,
}

impl<'a> InstantRows<'a> {
    pub(in crate::promql) fn new(
        eval: &'a Eval<'a>,
        found: &'a Selection,
        shift: &'a Shift,
    ) -> Self {
        Self {
            eval,
            found,
            shift,
            row: Row::of_len(eval.grid.len()),
            times_ms: Vec::new(),
            places: vec![None; eval.grid.len()],
            straight: None,
        }
    }

    /// Of a series' numbers.
    pub(in crate::promql) fn row<'r>(
        &'r mut self,
        times_ms: &[i64],
        values: &'r [f64],
    ) -> RowRef<'r> {
        if self.times_ms != times_ms {
            self.times_ms.clear();
            self.times_ms.extend_from_slice(times_ms);
            self.search();
        }
        if let Some(first) = self.straight
            && let Some(straight) = values.get(first..first + self.places.len())
            && !any_stale(straight)
        {
            return RowRef {
                values: straight,
                there: None,
            };
        }
        let slots = self.row.values.iter_mut().zip(&mut self.row.there);
        for (place, (slot, there)) in self.places.iter().zip(slots) {
            let value = place.and_then(|place| values.get(place)).copied();
            let value = value.filter(|value| !is_stale(*value));
            *there = value.is_some();
            *slot = value.unwrap_or_default();
        }
        self.row.as_ref()
    }

    fn search(&mut self) {
        let mut seen = 0;
        for (time_ms, place) in self.eval.grid.times().zip(&mut self.places) {
            let look_ms = self.eval.look(self.shift, time_ms);
            let rest = self.times_ms.get(seen..).unwrap_or_default();
            // Most steps are a sample or two further; the first may be far.
            seen += match rest.get(8).is_some_and(|at| *at <= look_ms) {
                true => rest.partition_point(|at| *at <= look_ms),
                false => rest.iter().take_while(|at| **at <= look_ms).count(),
            };
            let newest = seen.checked_sub(1);
            *place = newest.filter(|at| {
                let since_ms = self.times_ms.get(*at).copied().unwrap_or(i64::MIN);
                since_ms > look_ms - self.eval.lookback(self.found, since_ms)
            });
        }
        let first = self.places.first().copied().flatten();
        self.straight = first.filter(|first| {
            let places = self.places.iter().zip(*first..);
            places.fold(true, |all, (place, due)| all & (*place == Some(due)))
        });
    }
}

/// Looks at all of them: that is quicker than looking for the first.
pub(super) fn any_stale(values: &[f64]) -> bool {
    values
        .iter()
        .fold(false, |any, value| any | is_stale(*value))
}
