//! What is read from the source for a selector: from when to when, which aspect of the samples, how far apart.

use weir_wire::Matcher;

use super::ast::{At, Shift};
use super::eval::Eval;
use super::{QueryError, Selector};
use crate::{Aspect, Selection, SeriesData, SourceError, TimeRange, Wish, tiers};

/// Tiers beyond the first that one look back may reach into.
const MOST_TIERS: usize = 4;

/// What a function over windows needs to know of the samples within.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// Each of them: no rollup keeps what the function is about.
    Samples,
    /// How the series goes on: a few points in each window tell. Windows stay as long as asked: in a stretch whose
    /// points are farther apart than half of it, there is no rate.
    Trend,
    /// One aspect of them, exact where windows are whole buckets.
    Whole(Aspect),
    /// Their sum, and how many there are.
    Average,
}

/// The samples that windows can see.
pub(super) struct Seen {
    pub(super) found: Selection,
    /// Where anything is rolled up, for a need of counts: how many samples stand behind each float of each series.
    pub(super) weights: Option<Vec<Vec<f64>>>,
}

impl Eval<'_> {
    /// The time that a selector looks at when it is evaluated at `time_ms`.
    pub(super) fn look(&self, shift: &Shift, time_ms: i64) -> i64 {
        let time_ms = match shift.at {
            None => time_ms,
            Some(At::Time { time_ms }) => time_ms,
            Some(At::Start) => self.whole.from_ms,
            Some(At::End) => self.whole.to_ms,
        };
        time_ms - shift.offset_ms
    }

    /// For how long a sample of this time is taken for the present value: until the next one, where it is a rollup.
    pub(super) fn lookback(&self, found: &Selection, time_ms: i64) -> i64 {
        self.engine.lookback_ms.max(found.resolution_at(time_ms))
    }

    /// Every sample that may stand for a step.
    pub(super) fn newest(&self, selector: &Selector) -> Result<Selection, QueryError> {
        let mut window_ms = self.engine.lookback_ms;
        let (mut range, wish) = self.sight_of_newest(selector);
        let mut found = self.select(&selector.matchers, range, wish)?;
        for _ in 0..MOST_TIERS {
            let apart_ms = found.resolution_at(range.from_ms);
            if apart_ms <= window_ms {
                break;
            }
            // The first steps need a point that is older than the lookback.
            window_ms = apart_ms;
            let wider = self.sight(&selector.shift, window_ms);
            let before = TimeRange {
                from_ms: wider.from_ms,
                to_ms: range.from_ms.saturating_sub(1),
            };
            found = found.preceded_by(self.select(&selector.matchers, before, wish)?);
            range = wider;
        }
        Ok(found)
    }

    /// What is asked for when every sample is that may stand for a step.
    pub(super) fn sight_of_newest(&self, selector: &Selector) -> (TimeRange, Wish) {
        let window_ms = self.engine.lookback_ms;
        let wish = Wish {
            aspect: Aspect::Last,
            spacing_ms: self.grid.spacing_ms.min(window_ms),
        };
        (self.sight(&selector.shift, window_ms), wish)
    }

    /// Every sample that windows of this length can see.
    pub(super) fn windowed(
        &self,
        selector: &Selector,
        range_ms: i64,
        need: Need,
    ) -> Result<Seen, QueryError> {
        let (range, wish) = self.sight_of_windows(selector, range_ms, need);
        let select = |wish| self.select(&selector.matchers, range, wish);
        let found = select(wish)?;
        let weights = match need {
            _ if !found.is_rolled_up() => None,
            Need::Whole(Aspect::Count) => {
                let counts = found.series.iter();
                Some(counts.map(|series| series.values.clone()).collect())
            }
            Need::Average => {
                let counts = select(Wish {
                    aspect: Aspect::Count,
                    ..wish
                })?;
                Some(tiers::weights(&found.series, &counts.series))
            }
            Need::Samples | Need::Trend | Need::Whole(_) => None,
        };
        Ok(Seen { found, weights })
    }

    /// What is asked for when every sample is that windows of this length can see.
    pub(super) fn sight_of_windows(
        &self,
        selector: &Selector,
        range_ms: i64,
        need: Need,
    ) -> (TimeRange, Wish) {
        let wish = Wish {
            aspect: match need {
                Need::Samples | Need::Trend => Aspect::Last,
                Need::Whole(aspect) => aspect,
                Need::Average => Aspect::Sum,
            },
            spacing_ms: self.spacing(&selector.shift, range_ms, need),
        };
        (self.sight(&selector.shift, range_ms), wish)
    }

    fn spacing(&self, shift: &Shift, range_ms: i64, need: Need) -> i64 {
        match need {
            Need::Samples => 0,
            Need::Trend => self.grid.spacing_ms.min(range_ms / 4),
            Need::Whole(_) | Need::Average => {
                let first_ms = self.look(shift, self.grid.range.from_ms);
                let last_ms = self.look(shift, self.grid.range.to_ms);
                // All windows are one where the time is fixed, or there is but one step.
                let step_ms = if first_ms == last_ms {
                    0
                } else {
                    self.grid.step_ms
                };
                tiers::common_bucket_ms(&[range_ms, step_ms, first_ms])
            }
        }
    }

    /// All that windows of this length can see from anywhere on the grid; they are open to the left.
    fn sight(&self, shift: &Shift, window_ms: i64) -> TimeRange {
        let first_ms = self.look(shift, self.grid.range.from_ms);
        TimeRange {
            from_ms: first_ms.saturating_sub(window_ms).saturating_add(1),
            to_ms: self.look(shift, self.grid.range.to_ms),
        }
    }

    fn select(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        wish: Wish,
    ) -> Result<Selection, QueryError> {
        let found = self.source.select(matchers, range, wish, self.budget)?;
        let even = |one: &SeriesData| one.times_ms.len() == one.values.len();
        match found.series.iter().all(even) {
            true => Ok(found),
            false => Err(uneven()),
        }
    }
}

/// A source that does not do what it says.
pub(super) fn uneven() -> QueryError {
    let message = "the source gave columns of different lengths";
    SourceError::Failed(message.into()).into()
}
