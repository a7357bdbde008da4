//! A timer's interval: few values as they came, many as a distribution, so that an idle timer is small. Owns how a
//! sample rate becomes a whole number of times.

use weir_wire::{Histogram, HistogramError, Reject};

/// Values kept as they came, which is one touch of memory each; from here on a distribution is smaller.
const FEW: usize = 1_024;
/// A value may stand for so many.
const MAX_WEIGHT: f64 = 1e9;

/// Values since the last [`Timer::take`], and the totals since the timer began.
#[derive(Debug, Default)]
pub(crate) struct Timer {
    few: Vec<(f64, u32)>,
    many: Option<Box<Histogram>>,
    /// The part of a weight that did not make a whole: it goes to the next value, so that counts do not drift.
    carried: f64,
    pub(crate) count_total: f64,
    pub(crate) sum_total: f64,
}

impl Timer {
    /// # Errors
    /// As of [`crate::Aggregator::record`].
    pub(crate) fn check(value: f64, rate: f64) -> Result<(), Reject> {
        if !(0.0..=Histogram::MAX).contains(&value) {
            return Err(Reject::BadValue);
        }
        if rate * MAX_WEIGHT < 1.0 {
            return Err(Reject::BadRate);
        }
        Ok(())
    }

    /// Adds a value that stands for 1/rate of its kind; both were [`Timer::check`]ed.
    pub(crate) fn add(&mut self, value: f64, rate: f64) -> Result<(), Reject> {
        let weight = 1.0 / rate + self.carried;
        // 1/rate of a rate like 0.1 is a hair off a whole number; that is no rest to carry.
        let whole = (weight + 1e-6).floor();
        if self.few.len() == FEW && self.many.is_none() {
            self.spill().map_err(|_| Reject::BadValue)?;
        }
        match &mut self.many {
            Some(many) => many
                .record(value, whole as u64)
                .map_err(|_| Reject::BadValue)?,
            None => self.few.push((value, whole as u32)),
        }
        self.carried = (weight - whole).max(0.0);
        self.count_total += whole;
        self.sum_total += value * whole;
        Ok(())
    }

    /// Reads the value that was added last, which lies beside the next.
    #[inline]
    pub(crate) fn touch(&self) -> bool {
        self.few.last().is_some_and(|(value, _)| *value > 0.0)
    }

    fn spill(&mut self) -> Result<(), HistogramError> {
        self.many = Some(Box::new(distribution(&self.few)?));
        self.few = Vec::new();
        Ok(())
    }

    /// The interval's values, `None` when it had none; the next begins with none.
    pub(crate) fn take(&mut self) -> Option<Values> {
        let few = std::mem::take(&mut self.few);
        if let Some(many) = self.many.take() {
            return Some(Values::Many(many));
        }
        (!few.is_empty()).then_some(Values::Few(few))
    }
}

/// Of one interval.
#[derive(Debug)]
pub(crate) enum Values {
    Few(Vec<(f64, u32)>),
    Many(Box<Histogram>),
}

impl Values {
    /// Their distribution; `None` where nothing is left of their weights.
    pub(crate) fn distribution(self) -> Option<Histogram> {
        match self {
            Self::Few(few) => distribution(&few).ok().filter(|found| found.count() > 0),
            Self::Many(many) => Some(*many),
        }
    }
}

fn distribution(values: &[(f64, u32)]) -> Result<Histogram, HistogramError> {
    let mut histogram = Histogram::new();
    for (value, times) in values {
        histogram.record(*value, u64::from(*times))?;
    }
    Ok(histogram)
}
