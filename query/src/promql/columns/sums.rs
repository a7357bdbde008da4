//! Sums and means of windows of one series. Each is what adding up its window's samples one by one would give, to the
//! last bit, but found faster: whole numbers from running totals, which are exact; others many windows side by side.

use crate::promql::kahan::{self, Kahan, Mean};

/// Whole numbers up to here have sums, in any order, without rounding.
const EXACT: f64 = (1u64 << 51) as f64;
/// Sums below this are far from overflow.
pub(super) const HUGE: f64 = 1e300;

#[derive(Debug, Default)]
pub(super) struct Sums {
    /// At each place the sum of all before.
    before: Vec<f64>,
    sums: Vec<f64>,
    lost: Vec<f64>,
}

impl Sums {
    pub(super) fn totals(&mut self, places: &[(usize, usize)], values: &[f64], out: &mut [f64]) {
        if self.prepare(values) {
            return self.differences(places, out, |sum, _| sum);
        }
        self.side_by_side(
            places,
            values,
            out,
            |kahan, _| kahan.total(),
            |window| kahan::sum(window.iter().copied()),
        );
    }

    pub(super) fn means(&mut self, places: &[(usize, usize)], values: &[f64], out: &mut [f64]) {
        if self.prepare(values) {
            return self.differences(places, out, |sum, count| sum / count);
        }
        let alone = |window: &[f64]| {
            let mut mean = Mean::default();
            window.iter().for_each(|value| mean.add(*value));
            mean.value()
        };
        if most(values) * values.len() as f64 >= HUGE {
            // A mean that might leave the floats moves in its own way.
            for ((from, to), slot) in places.iter().zip(out) {
                *slot = alone(&values[*from..*to]);
            }
            return;
        }
        let mean = |kahan, count| Mean::of(kahan, count).value();
        self.side_by_side(places, values, out, mean, alone);
    }

    /// Makes running totals, where these are exact.
    pub(super) fn prepare(&mut self, values: &[f64]) -> bool {
        // Beyond 2^51 the sum would be rounded to whole numbers; NaN is not equal.
        const WHOLE: f64 = (3u64 << 51) as f64;
        let whole = |value: &f64| (value.abs() + WHOLE) - WHOLE == value.abs();
        let all = values.iter().fold(true, |all, value| all & whole(value));
        if !all || most(values) * values.len() as f64 > EXACT {
            return false;
        }
        self.before.clear();
        let mut sum = 0.0;
        self.before.push(sum);
        self.before.extend(values.iter().map(|value| {
            sum += value;
            sum
        }));
        true
    }

    /// After [`Sums::prepare`] said yes.
    pub(super) fn between(&self, from: usize, to: usize) -> f64 {
        self.before[to] - self.before[from]
    }

    fn differences(
        &self,
        places: &[(usize, usize)],
        out: &mut [f64],
        value: impl Fn(f64, f64) -> f64,
    ) {
        for ((from, to), slot) in places.iter().zip(out) {
            *slot = value(self.between(*from, *to), (to - from) as f64);
        }
    }

    /// Windows of the same length that begin one sample after the other are added up as columns.
    fn side_by_side(
        &mut self,
        places: &[(usize, usize)],
        values: &[f64],
        out: &mut [f64],
        value: impl Fn(Kahan, f64) -> f64,
        alone: impl Fn(&[f64]) -> f64,
    ) {
        let mut step = 0;
        while let Some((from, to)) = places.get(step).copied() {
            if step > 0 && places[step - 1] == (from, to) {
                out[step] = out[step - 1];
                step += 1;
                continue;
            }
            let rest = places[step..].iter().zip(0..);
            let run = rest.take_while(|(place, i)| **place == (from + i, to + i));
            let run = run.count();
            let out = &mut out[step..step + run];
            step += run;
            if run < 4 {
                for (i, slot) in out.iter_mut().enumerate() {
                    *slot = alone(&values[from + i..to + i]);
                }
                continue;
            }
            let Self { sums, lost, .. } = self;
            for column in [&mut *sums, &mut *lost] {
                column.clear();
                column.resize(run, 0.0);
            }
            for first in from..to {
                Kahan::add_all(sums, lost, &values[first..first + run]);
            }
            let parts = sums.iter().zip(lost.iter());
            for (slot, (sum, lost)) in out.iter_mut().zip(parts) {
                *slot = value(Kahan::of(*sum, *lost), (to - from) as f64);
            }
        }
    }
}

/// The greatest distance from zero; NaN does not count.
pub(super) fn most(values: &[f64]) -> f64 {
    let larger = |most: f64, value: f64| match value > most {
        true => value,
        false => most,
    };
    // Side by side, since each comparison alone would wait for the one before.
    let (eights, rest) = values.as_chunks::<8>();
    let mut lanes = [0.0; 8];
    for eight in eights {
        for (lane, value) in lanes.iter_mut().zip(eight) {
            *lane = larger(*lane, value.abs());
        }
    }
    let all = lanes
        .into_iter()
        .chain(rest.iter().map(|value| value.abs()));
    all.fold(0.0, larger)
}
