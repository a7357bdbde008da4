//! Sums that do not lose small numbers beside large ones, and the mean and variance built on them.

/// A running sum with its rounding error beside it (Neumaier's variant of Kahan's summation).
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Kahan {
    sum: f64,
    lost: f64,
}

impl Kahan {
    #[inline]
    pub(super) fn add(&mut self, value: f64) {
        let total = self.sum + value;
        // Choices, not branches: many sums side by side go through here.
        let (large, small) = match self.sum.abs() >= value.abs() {
            true => (self.sum, value),
            false => (value, self.sum),
        };
        let lost = self.lost + ((large - total) + small);
        self.lost = if total.is_infinite() { 0.0 } else { lost };
        self.sum = total;
    }

    /// Adds a value to each of many sums, their running totals and losses in columns.
    pub(super) fn add_all(sums: &mut [f64], lost: &mut [f64], values: &[f64]) {
        for ((sum, lost), value) in sums.iter_mut().zip(lost).zip(values) {
            let mut kahan = Kahan {
                sum: *sum,
                lost: *lost,
            };
            kahan.add(*value);
            (*sum, *lost) = (kahan.sum, kahan.lost);
        }
    }

    /// A sum out of two columns.
    pub(super) fn of(sum: f64, lost: f64) -> Self {
        Self { sum, lost }
    }

    pub(super) fn parts(self) -> (f64, f64) {
        (self.sum, self.lost)
    }

    /// The sum of both.
    pub(super) fn joined(mut self, other: Self) -> Self {
        self.add(other.sum);
        if self.sum.is_finite() {
            self.lost += other.lost;
        }
        self
    }

    pub(super) fn total(self) -> f64 {
        if self.sum.is_infinite() {
            self.sum
        } else {
            self.sum + self.lost
        }
    }
}

pub(super) fn sum(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut kahan = Kahan::default();
    values.into_iter().for_each(|value| kahan.add(value));
    kahan.total()
}

/// The mean so far. Sums while the sum is finite, then goes on by moving the mean itself, so that values near the
/// largest float still have a mean.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Mean {
    count: f64,
    sum: Kahan,
    moving: Option<f64>,
}

impl Mean {
    pub(super) fn add(&mut self, value: f64) {
        self.count += 1.0;
        if self.moving.is_none() {
            let before = self.sum.total();
            self.sum.add(value);
            if self.sum.total().is_infinite() && before.is_finite() && value.is_finite() {
                self.moving = Some(before / (self.count - 1.0).max(1.0));
            }
        }
        if let Some(mean) = &mut self.moving {
            // An infinite mean stays unless its opposite comes, which makes NaN as a sum would.
            if mean.is_infinite() && (!value.is_infinite() || *mean == value) {
                if value.is_nan() {
                    *mean = f64::NAN;
                }
            } else {
                *mean += value / self.count - *mean / self.count;
            }
        }
    }

    /// The mean of so many values whose sum this is, none of them near the largest float.
    pub(super) fn of(sum: Kahan, count: f64) -> Self {
        Self {
            count,
            sum,
            moving: None,
        }
    }

    pub(super) fn value(self) -> f64 {
        self.moving.unwrap_or(self.sum.total() / self.count)
    }
}

/// The population variance so far (Welford's method).
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Variance {
    count: f64,
    mean: Kahan,
    squares: Kahan,
}

impl Variance {
    pub(super) fn add(&mut self, value: f64) {
        self.count += 1.0;
        let off = value - self.mean.total();
        self.mean.add(off / self.count);
        self.squares.add(off * (value - self.mean.total()));
    }

    pub(super) fn value(self) -> f64 {
        self.squares.total() / self.count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_numbers_survive_beside_large_ones() {
        assert_eq!(sum([1.0, 1e100, 1.0, -1e100]), 2.0);
        assert_eq!(sum([f64::INFINITY, 1.0]), f64::INFINITY);
        assert!(sum([f64::INFINITY, f64::NEG_INFINITY]).is_nan());
    }

    #[test]
    fn sums_that_are_joined_lose_as_little() {
        let of = |values: &[f64]| {
            let mut kahan = Kahan::default();
            values.iter().for_each(|value| kahan.add(*value));
            kahan
        };
        let joined = |one: &[f64], other: &[f64]| of(one).joined(of(other)).total();
        assert_eq!(joined(&[1.0, 1e100], &[1.0, -1e100]), 2.0);
        assert_eq!(joined(&[1e100, 1.0], &[-1e100, 1.0]), 2.0);
        assert_eq!(joined(&[f64::INFINITY], &[1.0]), f64::INFINITY);
        assert!(joined(&[f64::INFINITY], &[f64::NEG_INFINITY]).is_nan());
    }

    #[test]
    fn means_of_the_largest_floats_are_finite() {
        let mut mean = Mean::default();
        for _ in 0..3 {
            mean.add(1.5e308);
        }
        assert!((mean.value() / 1.5e308 - 1.0).abs() < 1e-12);
        mean.add(f64::INFINITY);
        mean.add(1.0);
        assert_eq!(mean.value(), f64::INFINITY);
    }

    #[test]
    fn variance_of_a_population() {
        let mut variance = Variance::default();
        for value in [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0] {
            variance.add(value);
        }
        assert!((variance.value() - 4.0).abs() < 1e-12);
    }
}
