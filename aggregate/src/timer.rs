//! A timer's interval: few values as they came, many as a distribution, so that an idle timer is small. Owns how a
//! sample rate becomes a whole number of times.

use weir_wire::{Histogram, HistogramError, Reject};

/// Values kept as they came; from here on a distribution is smaller and faster.
const FEW: usize = 128;
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

    fn spill(&mut self) -> Result<(), HistogramError> {
        self.many = Some(Box::new(distribution(&self.few)?));
        self.few = Vec::new();
        Ok(())
    }

    /// The interval's distribution, `None` when it had no values; the next begins with none.
    pub(crate) fn take(&mut self) -> Option<Histogram> {
        if let Some(many) = self.many.take() {
            return Some(*many);
        }
        let taken = distribution(&self.few).ok().filter(|d| d.count() > 0);
        // A busy timer fills it again at once; an idle one should not hold it.
        if self.few.is_empty() {
            self.few = Vec::new();
        }
        self.few.clear();
        taken
    }
}

fn distribution(values: &[(f64, u32)]) -> Result<Histogram, HistogramError> {
    let mut histogram = Histogram::new();
    for (value, times) in values {
        histogram.record(*value, u64::from(*times))?;
    }
    Ok(histogram)
}
