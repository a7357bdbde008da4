//! What the engines read through, in their own words. Whoever stores samples implements [`Source`]; nothing here
//! knows how. The source may answer from raw samples or from rollups of them; the asker says what it makes of them.

use std::sync::Arc;

use weir_wire::{Histogram, Matcher, SeriesKey};

use crate::{Budget, BudgetError};

/// Milliseconds, both ends inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeRange {
    pub from_ms: i64,
    pub to_ms: i64,
}

/// A series and its samples of a range: ascending by time, one per timestamp; floats in two columns of equal length,
/// histograms apart.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesData {
    pub key: SeriesKey,
    pub times_ms: Vec<i64>,
    pub values: Vec<f64>,
    pub histograms: Vec<(i64, Arc<Histogram>)>,
}

/// What the asker makes of the samples, so that a tier of rollups can answer with what it kept.
///
/// A stretch of the range that is answered from raw samples has the samples themselves, and 1.0 for each under
/// [`Aspect::Count`]. In one answered from rollups each point has the time of the last sample of its bucket and the
/// bucket's value of this aspect. So the sum of a count is the number of samples in every tier, the largest of the
/// maxima is the maximum, and so on. Under every aspect a raw stale mark stays a stale mark, and the histograms of a
/// rolled-up stretch are those of the buckets, merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Aspect {
    Last,
    Sum,
    Count,
    Min,
    Max,
}

/// What the points are for, and how many of them are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wish {
    pub aspect: Aspect,
    /// Points at most this far apart still honour the query; 0 asks for raw samples where there are any.
    pub spacing_ms: i64,
}

/// An answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Selection {
    /// By key, each key once.
    pub series: Vec<SeriesData>,
    /// From which time on which spacing the points have: (from_ms, resolution_ms), ascending by time; resolution 0 is
    /// raw. Empty: all raw. About the range that was asked for, whether or not any series was found in it.
    pub resolutions: Vec<(i64, i64)>,
}

/// Which series make a group: those that have the same values of the labels that are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grouping<'a> {
    /// The labels that are kept, or, of all but the name, those that are not.
    pub labels: &'a [String],
    pub without: bool,
    /// Whether the name is kept.
    pub name: bool,
    /// Nothing is answered where the series have more than one name between them.
    pub one_name: bool,
    /// Nothing is answered where there are more groups than this.
    pub most: usize,
}

/// Takes series one after the other, so that none of them has to be kept.
pub trait Taker: Send {
    /// A series' floats, ascending by time, one per timestamp, columns of equal length; and which group it is of.
    ///
    /// # Errors
    /// A spent budget: no more is wanted.
    fn take(&mut self, group: usize, times_ms: &[i64], values: &[f64]) -> Result<(), BudgetError>;
}

/// The labels of a group, `__name__` among them where it is kept; in any order.
pub type GroupLabels = Vec<(String, String)>;

/// What the engines read through. Blocking; called on a thread that may block.
pub trait Source: Send + Sync {
    /// Every series that matches all matchers and has samples within the range, with these samples.
    ///
    /// # Errors
    /// A spent budget, a regular expression that does not compile, or a failure to read.
    fn select(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        wish: Wish,
        budget: &Budget,
    ) -> Result<Selection, SourceError>;

    /// The same series, each handed to one of the takers instead of given away: in an order that is the same as long
    /// as the samples lie where they lie, those of a later taker after those of an earlier one, on as many threads as
    /// there are takers or fewer. The answer is the labels of each group that was named.
    ///
    /// `None` where that cannot be done, whatever was handed over by then: where not all samples are raw floats, or
    /// the grouping says so. Whoever never answers loses speed alone.
    ///
    /// # Errors
    /// As for [`Source::select`].
    fn grouped(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        wish: Wish,
        by: &Grouping<'_>,
        takers: &mut [&mut dyn Taker],
        budget: &Budget,
    ) -> Result<Option<Vec<GroupLabels>>, SourceError> {
        let _ = (matchers, range, wish, by, takers, budget);
        Ok(None)
    }

    /// The keys alone of series that match any of the selectors (each a list of matchers that must all hold; an empty
    /// list of selectors means everything), seen within the range; sorted, without repeats.
    ///
    /// # Errors
    /// As for [`Source::select`].
    fn series(
        &self,
        selectors: &[Vec<Matcher>],
        range: TimeRange,
        budget: &Budget,
    ) -> Result<Vec<SeriesKey>, SourceError>;

    /// The label names of these series, sorted, `__name__` among them.
    ///
    /// # Errors
    /// As for [`Source::select`].
    fn label_names(
        &self,
        selectors: &[Vec<Matcher>],
        range: TimeRange,
        budget: &Budget,
    ) -> Result<Vec<String>, SourceError>;

    /// The values that a label has among these series, sorted.
    ///
    /// # Errors
    /// As for [`Source::select`].
    fn label_values(
        &self,
        label: &str,
        selectors: &[Vec<Matcher>],
        range: TimeRange,
        budget: &Budget,
    ) -> Result<Vec<String>, SourceError>;
}

/// Why a source gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error(transparent)]
    Budget(#[from] BudgetError),
    #[error("matcher {matcher} is no valid regular expression: {reason}")]
    BadMatcher { matcher: String, reason: String },
    #[error("cannot read samples: {0}")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}
