//! Sums that are decimals but for their rounding: a sum of decimals mostly lies a step of the last bit or two beside
//! the nearest decimal. Such a column is written as the decimals, and the steps as a narrow column of their own.

/// From here on doubles lie so close to decimals of many digits that hitting one means nothing.
const MAX_SCALED: f64 = (1_u64 << 46) as f64;
/// More decimals than sums of measurements have.
const MAX_EXPONENT: i32 = 9;
/// What rounding a few hundred times may come to.
const MAX_STEPS: i64 = 31;

/// The decimals nearest to the values and how many floats further each value is; `None` if the values are decimals
/// themselves or not near to any.
pub(super) fn split(values: &[f64]) -> Option<(Vec<f64>, Vec<f64>)> {
    let (decimals, steps) = (0..=MAX_EXPONENT).find_map(|exponent| at(values, exponent))?;
    steps
        .iter()
        .any(|&step| step != 0.0)
        .then_some((decimals, steps))
}

/// Takes so many steps from each of the decimals; `steps` is as long.
pub(super) fn join(decimals: &mut [f64], steps: &[f64]) {
    for (value, &step) in decimals.iter_mut().zip(steps) {
        *value = from_ordered(to_ordered(*value).wrapping_add(step as i64));
    }
}

fn at(values: &[f64], exponent: i32) -> Option<(Vec<f64>, Vec<f64>)> {
    let power = 10_f64.powi(exponent);
    let near = |&value: &f64| {
        let scaled = value * power;
        let decimal = scaled.round() / power;
        let step = to_ordered(value).wrapping_sub(to_ordered(decimal));
        // Written so that NaN is refused as well.
        let is_near = scaled.abs() < MAX_SCALED && (-MAX_STEPS..=MAX_STEPS).contains(&step);
        is_near.then_some((decimal, step as f64))
    };
    values.iter().map(near).collect()
}

/// A float's bits as an integer of the floats' own order: neighbours are one apart.
fn to_ordered(value: f64) -> i64 {
    from_sign_magnitude(value.to_bits() as i64)
}

fn from_ordered(ordered: i64) -> f64 {
    f64::from_bits(from_sign_magnitude(ordered) as u64)
}

fn from_sign_magnitude(bits: i64) -> i64 {
    bits ^ ((bits >> 63) as u64 >> 1) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rounded_sum_is_a_decimal_and_a_step() {
        let values = [0.1 + 0.2, 0.5, -(0.1 + 0.2), 1.1 + 2.2];
        let (mut decimals, steps) = split(&values).unwrap();
        assert_eq!(decimals, [0.3, 0.5, -0.3, 3.3]);
        assert_eq!(steps, [1.0, 0.0, -1.0, 1.0]);
        join(&mut decimals, &steps);
        assert_eq!(decimals.map_bits(), values.map_bits());
    }

    #[test]
    fn what_is_exact_or_has_no_decimal_is_left_to_the_codec() {
        for values in [
            [1.5, 2.0],
            [1.0 / 3.0, 2.0],
            [f64::NAN, 0.3],
            [f64::INFINITY, 0.3],
            [1e300, 0.3],
        ] {
            assert_eq!(split(&values), None, "{values:?}");
        }
        let mut value = [f64::MAX];
        join(&mut value, &[f64::NAN]);
        join(&mut value, &[f64::INFINITY]);
    }

    trait Bits {
        fn map_bits(&self) -> Vec<u64>;
    }

    impl Bits for [f64] {
        fn map_bits(&self) -> Vec<u64> {
            self.iter().map(|value| value.to_bits()).collect()
        }
    }
}
