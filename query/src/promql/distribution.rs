//! A histogram while it is reckoned with: the stored buckets with counts as floats, so that it may be scaled,
//! averaged and subtracted. Never stored, never on the wire.

use weir_wire::Histogram;

/// Observations from `lower` to `upper`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bucket {
    pub lower: f64,
    pub upper: f64,
    pub count: f64,
}

/// Buckets ascending and disjoint; `count` is their total. `min` and `max` bound every observation.
#[derive(Debug, Clone, PartialEq)]
pub struct Distribution {
    pub count: f64,
    pub sum: f64,
    pub min: f64,
    pub max: f64,
    pub buckets: Vec<Bucket>,
}

impl From<&Histogram> for Distribution {
    fn from(stored: &Histogram) -> Self {
        let buckets = stored.buckets().map(|(lower, upper, count)| Bucket {
            lower,
            upper,
            count: count as f64,
        });
        Self {
            count: stored.count() as f64,
            sum: stored.sum(),
            min: stored.min(),
            max: stored.max(),
            buckets: buckets.collect(),
        }
    }
}

impl Distribution {
    /// What this costs in memory, in samples of 16 bytes.
    pub(super) fn weight(&self) -> u64 {
        (self.buckets.len() as u64)
            .saturating_mul(3)
            .div_ceil(2)
            .saturating_add(3)
    }

    /// Adds the other, scaled: 1 to add, -1 to subtract. Bounds are the same everywhere, so buckets add exactly.
    pub(super) fn add(&mut self, other: &Self, factor: f64) {
        self.count += other.count * factor;
        self.sum += other.sum * factor;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        if !self.add_in_place(&other.buckets, factor) {
            self.buckets = merged(&self.buckets, &other.buckets, factor);
        }
    }

    pub(super) fn scaled(&self, factor: f64) -> Self {
        let mut out = self.clone();
        out.count *= factor;
        out.sum *= factor;
        for bucket in &mut out.buckets {
            bucket.count *= factor;
        }
        out
    }

    /// The value at a quantile: linear within its bucket, never outside `min` and `max`. Outside 0..=1 infinite,
    /// as for every quantile of PromQL; NaN when empty.
    #[must_use]
    pub fn quantile(&self, quantile: f64) -> f64 {
        if quantile.is_nan() || self.count.is_nan() || self.count <= 0.0 {
            return f64::NAN;
        }
        if quantile < 0.0 {
            return f64::NEG_INFINITY;
        }
        if quantile > 1.0 {
            return f64::INFINITY;
        }
        let rank = quantile * self.count;
        let mut below = 0.0;
        for bucket in &self.buckets {
            if bucket.count > 0.0 && below + bucket.count >= rank {
                let share = (rank - below) / bucket.count;
                return self.within(bucket.lower + (bucket.upper - bucket.lower) * share);
            }
            below += bucket.count;
        }
        self.max
    }

    /// The share of observations from `lower` to `upper`, linear within buckets; NaN when empty.
    #[must_use]
    pub fn fraction(&self, lower: f64, upper: f64) -> f64 {
        if self.count.is_nan() || self.count <= 0.0 || lower.is_nan() || upper.is_nan() {
            return f64::NAN;
        }
        if lower >= upper {
            return 0.0;
        }
        let inside: f64 = self.buckets.iter().map(|b| covered(b, lower, upper)).sum();
        (inside / self.count).clamp(0.0, 1.0)
    }

    /// The variance that the buckets' middles give.
    #[must_use]
    pub fn variance(&self) -> f64 {
        let mean = self.sum / self.count;
        let part = |b: &Bucket| {
            let off = self.within(b.lower.midpoint(b.upper)) - mean;
            b.count * off * off
        };
        self.buckets.iter().map(part).sum::<f64>() / self.count
    }

    fn within(&self, value: f64) -> f64 {
        // f64::max and min pass over a NaN bound.
        value.max(self.min).min(self.max)
    }

    fn add_in_place(&mut self, others: &[Bucket], factor: f64) -> bool {
        let mine = &self.buckets;
        let mut places = Vec::with_capacity(others.len());
        let mut at = 0;
        for other in others {
            while mine.get(at).is_some_and(|b| b.lower < other.lower) {
                at += 1;
            }
            if mine.get(at).is_none_or(|b| b.lower != other.lower) {
                return false;
            }
            places.push(at);
        }
        for (at, other) in places.into_iter().zip(others) {
            self.buckets[at].count += other.count * factor;
        }
        true
    }
}

fn covered(bucket: &Bucket, lower: f64, upper: f64) -> f64 {
    let (from, to) = (bucket.lower.max(lower), bucket.upper.min(upper));
    let width = bucket.upper - bucket.lower;
    if to <= from {
        0.0
    } else if width.is_finite() && width > 0.0 {
        bucket.count * (to - from) / width
    } else {
        // An unbounded bucket has no inside to divide: it counts where it is covered whole.
        f64::from(u8::from(from == bucket.lower && to == bucket.upper)) * bucket.count
    }
}

fn merged(left: &[Bucket], right: &[Bucket], factor: f64) -> Vec<Bucket> {
    let mut out = Vec::with_capacity(left.len() + right.len());
    let (mut l, mut r) = (left.iter().peekable(), right.iter().peekable());
    loop {
        let from_left = match (l.peek(), r.peek()) {
            (Some(a), Some(b)) => a.lower <= b.lower,
            (a, None) if a.is_none() => return out,
            (a, _) => a.is_some(),
        };
        let Some(mut bucket) = (if from_left { l.next() } else { r.next() }).copied() else {
            return out;
        };
        if !from_left {
            bucket.count *= factor;
        } else if let Some(same) = r.next_if(|b| b.lower == bucket.lower) {
            bucket.count += same.count * factor;
        }
        out.push(bucket);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[f64]) -> Distribution {
        let mut histogram = Histogram::new();
        for value in values {
            histogram.record(*value, 1).unwrap();
        }
        Distribution::from(&histogram)
    }

    #[test]
    fn adding_is_the_distribution_of_both() {
        let mut sum = of(&[1.0, 5.0]);
        sum.add(&of(&[5.0, 250.0]), 1.0);
        sum.add(&of(&[5.0]), 1.0);
        let whole = of(&[1.0, 5.0, 5.0, 250.0, 5.0]);
        assert_eq!(sum, whole);
        sum.add(&whole, -1.0);
        assert_eq!((sum.count, sum.sum), (0.0, 0.0));
        assert!(sum.buckets.iter().all(|b| b.count == 0.0));
    }

    #[test]
    fn quantiles_stay_within_what_was_seen() {
        let d = of(&[10.0, 20.0, 30.0]);
        assert_eq!(d.quantile(0.0), 10.0);
        assert_eq!(d.quantile(1.0), 30.0);
        assert!((d.quantile(0.5) - 20.0).abs() < 0.2, "{}", d.quantile(0.5));
        assert_eq!(d.quantile(1.1), f64::INFINITY);
        assert_eq!(d.quantile(-0.1), f64::NEG_INFINITY);
        assert!(of(&[]).quantile(0.5).is_nan());
    }

    #[test]
    fn fraction_and_variance() {
        let d = of(&[1.0, 2.0, 3.0, 4.0]);
        assert_eq!(d.fraction(f64::NEG_INFINITY, 2.5), 0.5);
        assert_eq!(d.fraction(3.0, 1.0), 0.0);
        assert!((d.variance() - 1.25).abs() < 0.01);
        assert_eq!(d.scaled(2.0).count, 8.0);
    }
}
