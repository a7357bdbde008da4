//! How many different values there were: exactly while they are few, then by a HyperLogLog of 1,024 registers, which is
//! 3 % off (Flajolet et al. 2007, with linear counting below). 1 KiB at most.

const FEW: usize = 64;
const REGISTERS: usize = 1_024;
/// Of the hash, they choose the register.
const INDEX_BITS: u32 = 10;

#[derive(Debug)]
pub(super) enum Distinct {
    Few(Vec<u64>),
    Many(Box<Sketch>),
}

#[derive(Debug)]
pub(super) struct Sketch {
    registers: [u8; REGISTERS],
    /// Sum of 2^-register, kept as registers grow.
    inverse: f64,
    zeros: u32,
    /// Of these registers.
    estimate: u64,
}

impl Default for Distinct {
    fn default() -> Self {
        Self::Few(Vec::new())
    }
}

impl Distinct {
    pub(super) fn insert(&mut self, hash: u64) {
        match self {
            Self::Few(values) if values.contains(&hash) => {}
            Self::Few(values) if values.len() < FEW => values.push(hash),
            Self::Few(values) => {
                let mut sketch = Sketch::new();
                values.iter().for_each(|value| sketch.insert(*value));
                sketch.insert(hash);
                *self = Self::Many(Box::new(sketch));
            }
            Self::Many(sketch) => sketch.insert(hash),
        }
    }

    /// Whether it is certain that this value was there.
    pub(super) fn has(&self, hash: u64) -> bool {
        match self {
            Self::Few(values) => values.contains(&hash),
            Self::Many(_) => false,
        }
    }

    pub(super) fn count(&self) -> u64 {
        match self {
            Self::Few(values) => values.len() as u64,
            Self::Many(sketch) => sketch.estimate,
        }
    }
}

impl Sketch {
    fn new() -> Self {
        Self {
            registers: [0; REGISTERS],
            inverse: REGISTERS as f64,
            zeros: REGISTERS as u32,
            estimate: 0,
        }
    }

    fn insert(&mut self, hash: u64) {
        let register = &mut self.registers[(hash >> (64 - INDEX_BITS)) as usize];
        let rank = ((hash << INDEX_BITS) | (1 << (INDEX_BITS - 1))).leading_zeros() as u8 + 1;
        if rank > *register {
            self.zeros -= u32::from(*register == 0);
            self.inverse += (-f64::from(rank)).exp2() - (-f64::from(*register)).exp2();
            *register = rank;
            self.estimate = self.count();
        }
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an estimate, positive and far below 2^64"
    )]
    fn count(&self) -> u64 {
        let registers = REGISTERS as f64;
        let raw = 0.7213 / (1.0 + 1.079 / registers) * registers * registers / self.inverse;
        let estimate = if raw <= 2.5 * registers && self.zeros > 0 {
            registers * (registers / f64::from(self.zeros)).ln()
        } else {
            raw
        };
        estimate.round() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use xxhash_rust::xxh3::xxh3_64;

    #[test]
    fn few_are_exact_and_many_are_near() {
        let mut values = Distinct::default();
        for number in 0..1_000_000_u64 {
            let hash = xxh3_64(&number.to_le_bytes());
            values.insert(hash);
            values.insert(hash);
            let seen = number + 1;
            if seen <= FEW as u64 {
                assert_eq!(values.count(), seen);
            } else if seen.is_power_of_two() || seen == 1_000_000 {
                let off = values.count().abs_diff(seen) as f64 / seen as f64;
                assert!(off < 0.15, "{seen}: {}", values.count());
            }
        }
    }
}
