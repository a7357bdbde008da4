//! The limits that one query has, and its cancellation: what engine and source spend together.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Which limit a query passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BudgetError {
    #[error("query touches more than {limit} series; narrow its selectors")]
    Series { limit: u64 },
    #[error(
        "query processing would load too many samples into memory: more than {limit}; narrow its selectors or its range"
    )]
    Samples { limit: u64 },
    #[error("query was cancelled")]
    Cancelled,
}

/// Limits of one query and its cancellation; shared by engine and source.
#[derive(Debug)]
pub struct Budget {
    series: Allowance,
    samples: Allowance,
    cancelled: AtomicBool,
}

impl Budget {
    /// Limits on the series touched and on the samples read or computed.
    #[must_use]
    pub fn new(max_series: u64, max_samples: u64) -> Self {
        Self {
            series: Allowance::new(max_series),
            samples: Allowance::new(max_samples),
            cancelled: AtomicBool::new(false),
        }
    }

    /// Stops the query at its next look; from any thread, any number of times.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// Whether to go on; cheap enough for inner loops.
    ///
    /// # Errors
    /// [`BudgetError::Cancelled`] after [`Budget::cancel`].
    pub fn check(&self) -> Result<(), BudgetError> {
        if self.cancelled.load(Ordering::Relaxed) {
            return Err(BudgetError::Cancelled);
        }
        Ok(())
    }

    pub(crate) fn spent(&self) -> Spent {
        Spent {
            series: self.series.spent.load(Ordering::Relaxed),
            samples: self.samples.spent.load(Ordering::Relaxed),
        }
    }

    /// Gives back what was spent since, on an attempt that nothing is kept of.
    pub(crate) fn back_to(&self, before: Spent) {
        self.series.spent.store(before.series, Ordering::Relaxed);
        self.samples.spent.store(before.samples, Ordering::Relaxed);
    }

    /// Spends series.
    ///
    /// # Errors
    /// [`BudgetError::Series`] past the limit, [`BudgetError::Cancelled`].
    pub fn take_series(&self, count: u64) -> Result<(), BudgetError> {
        self.check()?;
        let limit = self.series.limit;
        self.series.take(count).ok_or(BudgetError::Series { limit })
    }

    /// Spends samples; call it before allocating for them.
    ///
    /// # Errors
    /// [`BudgetError::Samples`] past the limit, [`BudgetError::Cancelled`].
    pub fn take_samples(&self, count: u64) -> Result<(), BudgetError> {
        self.check()?;
        let limit = self.samples.limit;
        self.samples
            .take(count)
            .ok_or(BudgetError::Samples { limit })
    }
}

/// What was spent at some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Spent {
    series: u64,
    samples: u64,
}

#[derive(Debug)]
struct Allowance {
    limit: u64,
    spent: AtomicU64,
}

impl Allowance {
    fn new(limit: u64) -> Self {
        Self {
            limit,
            spent: AtomicU64::new(0),
        }
    }

    /// A refused take spends nothing.
    fn take(&self, count: u64) -> Option<()> {
        let within = |spent: u64| spent.checked_add(count).filter(|sum| *sum <= self.limit);
        self.spent
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, within)
            .ok()
            .map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spends_until_the_limit_and_names_it() {
        let budget = Budget::new(2, 10);
        assert_eq!(budget.take_series(2), Ok(()));
        assert_eq!(budget.take_series(1), Err(BudgetError::Series { limit: 2 }));
        let refused = Err(BudgetError::Samples { limit: 10 });
        assert_eq!(budget.take_samples(u64::MAX), refused);
        assert_eq!(budget.take_samples(10), Ok(()));
        assert_eq!(budget.take_samples(1), refused);
    }

    #[test]
    fn what_an_attempt_spent_comes_back() {
        let budget = Budget::new(2, 10);
        assert_eq!(budget.take_series(1), Ok(()));
        let before = budget.spent();
        assert_eq!(budget.take_series(1), Ok(()));
        assert_eq!(budget.take_samples(10), Ok(()));
        budget.back_to(before);
        assert_eq!(budget.take_series(1), Ok(()));
        assert_eq!(budget.take_series(1), Err(BudgetError::Series { limit: 2 }));
        assert_eq!(budget.take_samples(10), Ok(()));
    }

    #[test]
    fn a_cancelled_budget_stops_everything() {
        let budget = Budget::new(2, 10);
        budget.cancel();
        assert_eq!(budget.check(), Err(BudgetError::Cancelled));
        assert_eq!(budget.take_series(1), Err(BudgetError::Cancelled));
        assert_eq!(budget.take_samples(1), Err(BudgetError::Cancelled));
    }
}
