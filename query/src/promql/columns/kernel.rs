//! Functions over windows, one forward pass a series: each computes to the last bit what its namesake in `functions`
//! does for each window alone.

use std::collections::VecDeque;

use super::sums::Sums;
use super::windows::Spans;
use crate::promql::functions::{changed, fell};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::promql) enum Kernel {
    Rate,
    Increase,
    Delta,
    Irate,
    Idelta,
    Changes,
    Resets,
    Sum,
    Avg,
    Count,
    Min,
    Max,
    First,
    Last,
    Present,
}

/// Room that is used again for each series.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    sums: Sums,
    falls: Vec<f64>,
    counts: Vec<u32>,
    best: VecDeque<usize>,
    range_s: f64,
}

impl Scratch {
    /// For windows of this length.
    pub(super) fn new(range_ms: i64) -> Self {
        Self {
            range_s: range_ms as f64 / 1_000.0,
            ..Self::default()
        }
    }
}

impl Kernel {
    /// How many samples there must be for a value.
    pub(super) fn least(self) -> usize {
        match self {
            Kernel::Rate | Kernel::Increase | Kernel::Delta | Kernel::Irate | Kernel::Idelta => 2,
            _ => 1,
        }
    }

    pub(super) fn extrapolates(self) -> bool {
        matches!(self, Kernel::Rate | Kernel::Increase | Kernel::Delta)
    }

    /// Writes each step's value; what it writes where there are too few samples means nothing.
    pub(super) fn run(self, spans: &Spans, values: &[f64], scratch: &mut Scratch, out: &mut [f64]) {
        let places = &spans.places;
        match self {
            Kernel::Rate => {
                growth(spans, values, scratch, true, out);
                let range_s = scratch.range_s;
                out.iter_mut().for_each(|grown| *grown /= range_s);
            }
            Kernel::Increase => growth(spans, values, scratch, true, out),
            Kernel::Delta => growth(spans, values, scratch, false, out),
            Kernel::Irate => of_last_two(places, out, |before, last| {
                irate(
                    spans.times_ms[before],
                    spans.times_ms[last],
                    values[before],
                    values[last],
                )
            }),
            Kernel::Idelta => {
                of_last_two(places, out, |before, last| values[last] - values[before])
            }
            Kernel::Changes => pairs(places, values, scratch, changed, out),
            Kernel::Resets => pairs(places, values, scratch, fell, out),
            Kernel::Sum => scratch.sums.totals(places, values, out),
            Kernel::Avg => scratch.sums.means(places, values, out),
            Kernel::Count => each(places, out, |from, to| (to - from) as f64),
            Kernel::Min => extremes(places, values, &mut scratch.best, |new, old| new < old, out),
            Kernel::Max => extremes(places, values, &mut scratch.best, |new, old| new > old, out),
            Kernel::First => each(places, out, |from, _| values[from]),
            Kernel::Last => each(places, out, |_, to| values[to - 1]),
            Kernel::Present => out.fill(1.0),
        }
    }
}

fn each(places: &[(usize, usize)], out: &mut [f64], value: impl Fn(usize, usize) -> f64) {
    for ((from, to), slot) in places.iter().zip(out) {
        if from < to {
            *slot = value(*from, *to);
        }
    }
}

fn of_last_two(places: &[(usize, usize)], out: &mut [f64], value: impl Fn(usize, usize) -> f64) {
    for ((from, to), slot) in places.iter().zip(out) {
        if to - from >= 2 {
            *slot = value(to - 2, to - 1);
        }
    }
}

fn irate(before_ms: i64, last_ms: i64, before: f64, last: f64) -> f64 {
    let grown = if last < before { last } else { last - before };
    grown / ((last_ms - before_ms) as f64 / 1_000.0)
}

fn growth(spans: &Spans, values: &[f64], scratch: &mut Scratch, counter: bool, out: &mut [f64]) {
    let steps = spans.places.iter().zip(&spans.reaches).zip(out);
    let steps = steps.filter(|(((from, to), _), _)| to - from >= 2);
    if !counter {
        for (((from, to), reach), slot) in steps {
            *slot = reach.grown(values[*from], values[*to - 1], None);
        }
        return;
    }
    let pairs = values.iter().zip(values.iter().skip(1));
    let falls = pairs.fold(false, |any, (before, now)| any | fell(*before, *now));
    if !falls {
        // As adding up none of them yields.
        let none: f64 = std::iter::empty::<f64>().sum();
        for (((from, to), reach), slot) in steps {
            *slot = reach.grown(values[*from], values[*to - 1], Some(none));
        }
        return;
    }
    let Scratch { sums, falls, .. } = scratch;
    fallen(values, falls);
    let exact = sums.prepare(falls);
    for (((from, to), reach), slot) in steps {
        let (first, last) = (values[*from], values[*to - 1]);
        // The exact difference does not tell one zero from the other, which only a zero growth would show.
        let sum = match exact && first != last {
            true => sums.between(*from + 1, *to),
            false => falls[*from + 1..*to].iter().sum(),
        };
        *slot = reach.grown(first, last, Some(sum));
    }
}

/// For each sample what the counter fell from, or the zero that changes no sum.
fn fallen(values: &[f64], out: &mut Vec<f64>) {
    out.clear();
    out.push(-0.0);
    let pairs = values.iter().zip(values.iter().skip(1));
    out.extend(pairs.map(|(before, now)| if fell(*before, *now) { *before } else { -0.0 }));
}

/// How many neighbours within the window are such.
fn pairs(
    places: &[(usize, usize)],
    values: &[f64],
    scratch: &mut Scratch,
    such: fn(f64, f64) -> bool,
    out: &mut [f64],
) {
    let counts = &mut scratch.counts;
    counts.clear();
    let mut count = 0;
    counts.push(count);
    for (before, now) in values.iter().zip(values.iter().skip(1)) {
        count += u32::from(such(*before, *now));
        counts.push(count);
    }
    each(places, out, |from, to| {
        f64::from(counts[to - 1] - counts[from])
    });
}

/// The first of the best numbers; where all are NaN, the last of them. `best` holds the places of what may yet be the
/// best of a window, each no better than the one before.
fn extremes(
    places: &[(usize, usize)],
    values: &[f64],
    best: &mut VecDeque<usize>,
    better: impl Fn(f64, f64) -> bool,
    out: &mut [f64],
) {
    best.clear();
    let mut seen = 0;
    for ((from, to), slot) in places.iter().zip(out) {
        while seen < *to {
            if !values[seen].is_nan() {
                while best
                    .back()
                    .is_some_and(|old| better(values[seen], values[*old]))
                {
                    best.pop_back();
                }
                best.push_back(seen);
            }
            seen += 1;
        }
        while best.front().is_some_and(|place| place < from) {
            best.pop_front();
        }
        if from < to {
            *slot = values[best.front().copied().unwrap_or(*to - 1)];
        }
    }
}
