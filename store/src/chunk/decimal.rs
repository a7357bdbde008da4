//! Floats as decimals: integers over one power of ten. A float is taken so only if the division gives back its
//! very bits; the others are strays, written apart. Also the integers that stand for floats of any kind, in order.

/// The most decimals looked for.
pub(super) const MAX_EXPONENT: usize = 15;
/// Integers with decimals stay below this: doubles near it are 1/16 apart, so above it chance hits abound.
const MAX_SCALED: u64 = 1 << 49;
/// `1.5 * 2^52`: the doubles from here on are the integers, so adding it rounds and the low bits are the result.
const ROUNDER: f64 = 6_755_399_441_055_744.0;

/// Powers of ten that a double holds exactly, so that one division rounds correctly.
const POWERS: [f64; MAX_EXPONENT + 1] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
];
const BLOCK: usize = 32;
const SAMPLED: usize = 4;

/// Floats as `ints[i] / 10^exponent`, but for the strays: `(position, bits)`, ascending, whose integers are fillers.
#[derive(Debug, Default)]
pub(super) struct Decimals {
    pub(super) exponent: usize,
    pub(super) ints: Vec<i64>,
    pub(super) strays: Vec<(usize, u64)>,
}

/// The decimals that stand for the values; `None` if there are too many strays.
pub(super) fn to_decimals(values: &[f64]) -> Option<Decimals> {
    let mut exponent = guess(values);
    let mut ints = vec![0; values.len()];
    loop {
        match scale(values, exponent, &mut ints) {
            Ok(strays) => {
                fill_strays(&mut ints, &strays);
                return Some(Decimals {
                    exponent,
                    ints,
                    strays,
                });
            }
            Err(larger) => exponent = larger?,
        }
    }
}

/// The values of decimals: `out[i] = ints[i] / 10^exponent`.
pub(super) fn from_decimals(ints: &[i64], exponent: usize, out: &mut [f64]) {
    let power = POWERS.get(exponent).copied().unwrap_or(1.0);
    if exponent == 0 {
        for (value, &int) in out.iter_mut().zip(ints) {
            *value = int as f64;
        }
    } else {
        for (value, &int) in out.iter_mut().zip(ints) {
            *value = narrow_to_float(int) / power;
        }
    }
}

/// A float's bits as an integer with the floats' own order (IEEE 754, totalOrder); its own inverse with [`from_ordered`].
pub(super) fn to_ordered(value: f64) -> i64 {
    from_sign_magnitude(value.to_bits() as i64)
}

pub(super) fn from_ordered(ordered: i64) -> f64 {
    f64::from_bits(from_sign_magnitude(ordered) as u64)
}

fn from_sign_magnitude(bits: i64) -> i64 {
    bits ^ ((bits >> 63) as u64 >> 1) as i64
}

/// As many decimals as a few of the values need.
fn guess(values: &[f64]) -> usize {
    let stride = (values.len() / SAMPLED).max(1);
    values.iter().step_by(stride).fold(0, |exponent, &value| {
        if exact(value, exponent).is_some() {
            exponent
        } else {
            needed(value, exponent + 1).unwrap_or(exponent)
        }
    })
}

/// Scales all values. With too many strays: the next exponent that would help one of them, if any.
fn scale(
    values: &[f64],
    exponent: usize,
    ints: &mut [i64],
) -> Result<Vec<(usize, u64)>, Option<usize>> {
    let (limit, mut strays) = (values.len() / 32 + 1, Vec::new());
    for (block, start) in values.chunks(BLOCK).zip((0..).step_by(BLOCK)) {
        let ints = &mut ints[start..start + block.len()];
        if scale_block(block, exponent, ints) {
            continue;
        }
        for (at, (&value, int)) in block.iter().zip(ints).enumerate() {
            match exact(value, exponent) {
                Some(exact) => *int = exact,
                None => strays.push((start + at, value.to_bits())),
            }
        }
        if strays.len() > limit {
            let larger = |&(_, bits): &(usize, u64)| needed(f64::from_bits(bits), exponent + 1);
            return Err(strays.iter().take(limit + 1).filter_map(larger).min());
        }
    }
    Ok(strays)
}

/// Scales a block without branches; false if any value is not exact, whereupon `ints` are worthless.
fn scale_block(values: &[f64], exponent: usize, ints: &mut [i64]) -> bool {
    let (power, mut differing, mut beyond) = (POWERS[exponent], 0, 0);
    if exponent == 0 {
        for (int, &value) in ints.iter_mut().zip(values) {
            *int = value as i64;
            differing |= (*int as f64).to_bits() ^ value.to_bits();
        }
    } else {
        for (int, &value) in ints.iter_mut().zip(values) {
            *int = float_to_narrow(value * power);
            differing |= (narrow_to_float(*int) / power).to_bits() ^ value.to_bits();
            beyond |= (*int as u64).wrapping_add(MAX_SCALED);
        }
    }
    differing == 0 && beyond < MAX_SCALED * 2
}

fn exact(value: f64, exponent: usize) -> Option<i64> {
    let mut int = [0];
    scale_block(&[value], exponent, &mut int).then_some(int[0])
}

fn needed(value: f64, from: usize) -> Option<usize> {
    (from..=MAX_EXPONENT).find(|&exponent| exact(value, exponent).is_some())
}

/// The nearest integer, for floats below 2^51; other floats give some integer.
fn float_to_narrow(value: f64) -> i64 {
    ((value + ROUNDER).to_bits() as i64).wrapping_sub(ROUNDER.to_bits() as i64)
}

/// An integer below 2^51 as a float, exactly; other integers give some float.
fn narrow_to_float(int: i64) -> f64 {
    f64::from_bits(int.wrapping_add(ROUNDER.to_bits() as i64) as u64) - ROUNDER
}

/// A stray repeats the integer before it, so that it widens nothing; at the front, the first that is none.
fn fill_strays(ints: &mut [i64], strays: &[(usize, u64)]) {
    let leading = strays
        .iter()
        .enumerate()
        .take_while(|(nth, (at, _))| nth == at)
        .count();
    let first = ints.get(leading).copied().unwrap_or(0);
    ints[..leading].fill(first);
    for &(at, _) in &strays[leading..] {
        ints[at] = ints[at - 1];
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_fewest_decimals_are_found() {
        let found = |values: &[f64]| to_decimals(values).map(|d| (d.exponent, d.ints));
        assert_eq!(found(&[0.3, 12.25, -7.0]), Some((2, vec![30, 1_225, -700])));
        assert_eq!(
            found(&[3.0, 4e18]),
            Some((0, vec![3, 4_000_000_000_000_000_000]))
        );
        assert_eq!(found(&[]), Some((0, vec![])));
        let irrational: Vec<f64> = (1..99).map(|n| f64::from(n).ln()).collect();
        assert_eq!(found(&irrational), None);
    }

    #[test]
    fn what_has_no_decimal_is_a_stray() {
        let odd = [
            -0.0,
            f64::NAN,
            f64::INFINITY,
            weir_wire::stale(),
            5e-324,
            f64::MAX,
            0.1 + 0.2,
        ];
        for value in odd {
            let mut values = vec![1.5; 40];
            values[0] = value;
            values[39] = value;
            let found = to_decimals(&values).unwrap();
            assert_eq!((found.exponent, found.ints), (1, vec![15; 40]), "{value}");
            assert_eq!(found.strays, [(0, value.to_bits()), (39, value.to_bits())]);
        }
    }

    proptest! {
        #[test]
        fn decimals_and_strays_are_the_values(
            digits in proptest::collection::vec(any::<i32>(), 1..99),
            exponent in 0_i32..18,
        ) {
            let values: Vec<f64> = digits.iter().map(|&n| f64::from(n) / 10_f64.powi(exponent)).collect();
            if let Some(found) = to_decimals(&values) {
                let mut read = vec![0.0; values.len()];
                from_decimals(&found.ints, found.exponent, &mut read);
                for (at, bits) in found.strays {
                    read[at] = f64::from_bits(bits);
                }
                prop_assert!(read.iter().zip(&values).all(|(a, b)| a.to_bits() == b.to_bits()));
            } else {
                prop_assert!(exponent > 15);
            }
        }

        #[test]
        fn ordered_integers_order_like_their_floats(a: u64, b: u64) {
            let (a, b) = (f64::from_bits(a), f64::from_bits(b));
            prop_assert_eq!(to_ordered(a).cmp(&to_ordered(b)), a.total_cmp(&b));
            prop_assert_eq!(from_ordered(to_ordered(a)).to_bits(), a.to_bits());
        }
    }
}
