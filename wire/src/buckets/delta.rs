//! What a cumulative distribution adds to an earlier one of the same series. HdrHistograms cannot be told apart again
//! once added, so this is done on the buckets as they came.

use super::{Bucket, Buckets, Layout};

/// The distribution of the time between two cumulative ones.
#[derive(Debug, Clone, PartialEq)]
pub struct Since {
    pub buckets: Buckets,
    /// The later one did not grow out of the earlier: its source began anew, and all of it is of this interval.
    pub reset: bool,
}

impl Buckets {
    /// What was observed after `previous`.
    ///
    /// A reset is seen as Prometheus sees it ("Native Histograms", "Counter resets"): the count, the zero bucket or
    /// any bucket went down, a finer scale or a narrower zero bucket appeared, or explicit bounds changed. A coarser scale
    /// and a wider zero bucket are what its clients do to save room: the earlier distribution is coarsened to match.
    #[must_use]
    pub fn since(&self, previous: &Self) -> Since {
        let grown = previous
            .coarsened_to(self)
            .and_then(|previous| self.minus(&previous));
        match grown {
            Some(buckets) => Since {
                buckets,
                reset: false,
            },
            None => Since {
                buckets: self.clone(),
                reset: true,
            },
        }
    }

    fn coarsened_to(&self, later: &Self) -> Option<Self> {
        let mut earlier = self.clone();
        match (&self.layout, &later.layout) {
            (Layout::Exponential { scale: from }, Layout::Exponential { scale: to })
                if from >= to =>
            {
                let halvings = from.checked_sub(*to)?;
                earlier.positive = halved(&self.positive, halvings);
                earlier.negative = halved(&self.negative, halvings);
                earlier.layout = later.layout.clone();
            }
            (Layout::Explicit { bounds: from }, Layout::Explicit { bounds: to }) if from == to => {}
            _ => return None,
        }
        if later.zero_threshold < self.zero_threshold {
            return None;
        }
        if later.zero_threshold > self.zero_threshold {
            earlier.widen_zero(later.zero_threshold)?;
        }
        Some(earlier)
    }

    /// Moves what lies below the threshold into the zero bucket; `None` where it would cut a bucket in two.
    fn widen_zero(&mut self, threshold: f64) -> Option<()> {
        let Layout::Exponential { scale } = self.layout else {
            return Some(());
        };
        let upper = |index: i32| (f64::from(index) * f64::from(-scale).exp2()).exp2();
        for side in [&mut self.positive, &mut self.negative] {
            let swallowed = side
                .iter()
                .take_while(|b| upper(b.index) <= threshold)
                .count();
            self.zero_count += side.drain(..swallowed).map(|b| b.count).sum::<f64>();
            if side
                .first()
                .is_some_and(|b| upper(b.index.saturating_sub(1)) < threshold)
            {
                return None;
            }
        }
        self.zero_threshold = threshold;
        Some(())
    }

    fn minus(&self, earlier: &Self) -> Option<Self> {
        let less = |later: f64, earlier: f64| (later >= earlier).then_some(later - earlier);
        Some(Self {
            layout: self.layout.clone(),
            count: less(self.count, earlier.count)?,
            sum: self
                .sum
                .zip(earlier.sum)
                .map(|(later, earlier)| later - earlier),
            min: None,
            max: None,
            zero_threshold: self.zero_threshold,
            zero_count: less(self.zero_count, earlier.zero_count)?,
            positive: each_minus(&self.positive, &earlier.positive)?,
            negative: each_minus(&self.negative, &earlier.negative)?,
        })
    }
}

/// Buckets of a scale that is lower by so much: each doubling of the width halves the numbers, rounded up.
fn halved(buckets: &[Bucket], halvings: i32) -> Vec<Bucket> {
    let shift = halvings.clamp(0, 31);
    let mut coarse: Vec<Bucket> = Vec::with_capacity(buckets.len());
    for bucket in buckets {
        let index = (bucket.index.saturating_sub(1) >> shift) + 1;
        match coarse.last_mut() {
            Some(last) if last.index == index => last.count += bucket.count,
            _ => coarse.push(Bucket {
                index,
                count: bucket.count,
            }),
        }
    }
    coarse
}

fn each_minus(later: &[Bucket], earlier: &[Bucket]) -> Option<Vec<Bucket>> {
    let mut earlier = earlier.iter().peekable();
    let mut grown = Vec::with_capacity(later.len());
    for bucket in later {
        let before = earlier
            .next_if(|b| b.index == bucket.index)
            .map_or(0.0, |b| b.count);
        if bucket.count < before {
            return None;
        }
        if bucket.count > before {
            grown.push(Bucket {
                index: bucket.index,
                count: bucket.count - before,
            });
        }
    }
    // What is left had a bucket that the later one lacks.
    earlier.all(|b| b.count == 0.0).then_some(grown)
}
