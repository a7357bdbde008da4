//! Windows as rows: which samples of a series each step's window holds, found once for all series that have samples
//! at the very same times, and what a kernel makes of them.

use super::kernel::{Kernel, Scratch};
use super::row::{Row, RowRef};
use crate::promql::ast::Shift;
use crate::promql::eval::Eval;
use crate::promql::functions::Reach;

/// The samples of each step's window, for series that have samples at these times.
#[derive(Debug, Default)]
pub(super) struct Spans {
    pub(super) times_ms: Vec<i64>,
    /// From the first place to the one after the last; both only move forward.
    pub(super) places: Vec<(usize, usize)>,
    /// For kernels that extrapolate.
    pub(super) reaches: Vec<Reach>,
}

pub(in crate::promql) struct WindowRows<'a> {
    eval: &'a Eval<'a>,
    shift: Shift,
    range_ms: i64,
    kernel: Kernel,
    spans: Spans,
    row: Row,
    scratch: Scratch,
}

impl<'a> WindowRows<'a> {
    pub(in crate::promql) fn new(
        eval: &'a Eval<'a>,
        shift: Shift,
        range_ms: i64,
        kernel: Kernel,
    ) -> Self {
        let len = eval.grid.len();
        Self {
            eval,
            shift,
            range_ms,
            kernel,
            spans: Spans {
                places: vec![(0, 0); len],
                ..Spans::default()
            },
            row: Row::of_len(len),
            scratch: Scratch::new(range_ms),
        }
    }

    /// The row of a series of numbers alone, without stale marks.
    pub(in crate::promql) fn row(&mut self, times_ms: &[i64], values: &[f64]) -> RowRef<'_> {
        if self.spans.times_ms != times_ms {
            self.spans.times_ms.clear();
            self.spans.times_ms.extend_from_slice(times_ms);
            self.search();
        }
        self.kernel
            .run(&self.spans, values, &mut self.scratch, &mut self.row.values);
        self.row.as_ref()
    }

    fn search(&mut self) {
        let times_ms = &self.spans.times_ms;
        let steps = self.spans.places.iter_mut().zip(&mut self.row.there);
        let (mut from, mut to) = (0, 0);
        self.spans.reaches.clear();
        for (time_ms, (place, there)) in self.eval.grid.times().zip(steps) {
            let to_ms = self.eval.look(&self.shift, time_ms);
            let from_ms = to_ms - self.range_ms;
            while times_ms.get(to).is_some_and(|at| *at <= to_ms) {
                to += 1;
            }
            while from < to && times_ms.get(from).is_some_and(|at| *at <= from_ms) {
                from += 1;
            }
            *place = (from, to);
            *there = to - from >= self.kernel.least();
            if self.kernel.extrapolates() {
                let within = times_ms.get(from..to).unwrap_or_default();
                let reach = Reach::of(within, from_ms, to_ms);
                self.spans.reaches.push(reach.unwrap_or_default());
            }
        }
    }
}
