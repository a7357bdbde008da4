//! A sum of floats that loses next to nothing to rounding: Neumaier's form of Kahan's summation, which keeps what
//! each addition rounds away. The same floats in the same order give the same bits on every machine.

/// A running sum; empty, it is -0.0, which changes nothing that is added to it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sum {
    total: f64,
    lost: f64,
}

impl Default for Sum {
    fn default() -> Self {
        Self {
            total: -0.0,
            lost: 0.0,
        }
    }
}

impl Sum {
    pub(super) fn add(&mut self, value: f64) {
        let total = self.total + value;
        self.lost += if self.total.abs() >= value.abs() {
            (self.total - total) + value
        } else {
            (value - total) + self.total
        };
        self.total = total;
    }

    /// The sum. Infinities of both signs make NaN, of one bit pattern whatever the machine's own is.
    pub(super) fn total(self) -> f64 {
        if self.total.is_nan() {
            f64::NAN
        } else if self.total.is_infinite() || self.lost == 0.0 {
            // What an infinity "lost" is NaN, and adding 0.0 would turn -0.0 over.
            self.total
        } else {
            self.total + self.lost
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(values: &[f64]) -> f64 {
        let mut sum = Sum::default();
        values.iter().for_each(|&value| sum.add(value));
        sum.total()
    }

    #[test]
    fn small_terms_are_not_lost_beside_large_ones() {
        assert_eq!(sum(&[1.0, 1e100, 1.0, -1e100]), 2.0);
        assert_eq!(sum(&[0.1; 10]), 1.0);
    }

    #[test]
    fn one_term_is_its_own_sum_to_the_bit() {
        for value in [
            -0.0,
            0.0,
            5e-324,
            f64::MAX,
            f64::INFINITY,
            f64::NEG_INFINITY,
        ] {
            assert_eq!(sum(&[value]).to_bits(), value.to_bits());
        }
    }

    #[test]
    fn infinities_stay_and_cancel_to_one_nan() {
        assert_eq!(sum(&[1.0, f64::INFINITY, 1.0]), f64::INFINITY);
        let both = sum(&[f64::NEG_INFINITY, 3.0, f64::INFINITY, 1.0]);
        assert_eq!(both.to_bits(), f64::NAN.to_bits());
        assert_eq!(sum(&[f64::MAX, f64::MAX, -1.0]), f64::INFINITY);
    }
}
