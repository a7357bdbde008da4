//! Introduces the store to the query engines: the store's reads, in the words of the trait that `query` defined.

use std::sync::Arc;

use weir_query::{
    Aspect, Budget, BudgetError, GroupLabels, Grouping, Selection, SeriesData, Source, SourceError,
    Taker, TimeRange, Wish,
};
use weir_store::{Limit, Limits, Store, StoreError};
use weir_wire::{Matcher, SeriesKey};

/// A store, to be asked.
pub struct StoreSource(pub Arc<Store>);

impl Source for StoreSource {
    fn select(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        wish: Wish,
        budget: &Budget,
    ) -> Result<Selection, SourceError> {
        let (from_ms, to_ms) = (range.from_ms, range.to_ms);
        let found = self.0.select(
            matchers,
            from_ms,
            to_ms,
            in_stores_words(wish),
            &Asked(budget),
        );
        let found = found.map_err(in_its_words)?;
        let series = found.series.into_iter().map(|one| SeriesData {
            key: one.key,
            times_ms: one.columns.times_ms,
            values: one.columns.values,
            histograms: one.columns.histograms,
        });
        Ok(Selection {
            series: series.collect(),
            resolutions: found.resolutions,
        })
    }

    fn grouped(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        wish: Wish,
        by: &Grouping<'_>,
        takers: &mut [&mut dyn Taker],
        budget: &Budget,
    ) -> Result<Option<Vec<GroupLabels>>, SourceError> {
        let mut handed: Vec<_> = takers.iter_mut().map(|taker| Handed(*taker)).collect();
        let mut handed: Vec<&mut dyn weir_store::Taker> =
            handed.iter_mut().map(|taker| taker as _).collect();
        let by = weir_store::Grouping {
            labels: by.labels,
            without: by.without,
            name: by.name,
            one_name: by.one_name,
            most: by.most,
        };
        let found = self.0.grouped(
            matchers,
            (range.from_ms, range.to_ms),
            in_stores_words(wish),
            by,
            &mut handed,
            &Asked(budget),
        );
        found.map_err(in_its_words)
    }

    fn series(
        &self,
        selectors: &[Vec<Matcher>],
        range: TimeRange,
        budget: &Budget,
    ) -> Result<Vec<SeriesKey>, SourceError> {
        let found = self
            .0
            .series(selectors, range.from_ms, range.to_ms, &Asked(budget));
        found.map_err(in_its_words)
    }

    fn label_names(
        &self,
        selectors: &[Vec<Matcher>],
        range: TimeRange,
        _: &Budget,
    ) -> Result<Vec<String>, SourceError> {
        let found = self.0.label_names(selectors, range.from_ms, range.to_ms);
        found.map_err(in_its_words)
    }

    fn label_values(
        &self,
        label: &str,
        selectors: &[Vec<Matcher>],
        range: TimeRange,
        _: &Budget,
    ) -> Result<Vec<String>, SourceError> {
        let found = self
            .0
            .label_values(label, selectors, range.from_ms, range.to_ms);
        found.map_err(in_its_words)
    }
}

struct Handed<'a>(&'a mut dyn Taker);

impl weir_store::Taker for Handed<'_> {
    fn take(&mut self, group: usize, times_ms: &[i64], values: &[f64]) -> Result<(), Limit> {
        Ok(self.0.take(group, times_ms, values)?)
    }
}

struct Asked<'a>(&'a Budget);

impl Limits for Asked<'_> {
    fn series(&self, count: u64) -> Result<(), Limit> {
        Ok(self.0.take_series(count)?)
    }

    fn samples(&self, count: u64) -> Result<(), Limit> {
        self.0.check()?;
        Ok(self.0.take_samples(count)?)
    }
}

fn in_stores_words(wish: Wish) -> weir_store::Wish {
    use weir_store::Aspect as Stores;
    weir_store::Wish {
        aspect: match wish.aspect {
            Aspect::Last => Stores::Last,
            Aspect::Sum => Stores::Sum,
            Aspect::Count => Stores::Count,
            Aspect::Min => Stores::Min,
            Aspect::Max => Stores::Max,
        },
        spacing_ms: wish.spacing_ms,
    }
}

fn in_its_words(error: StoreError) -> SourceError {
    match error {
        StoreError::Stopped(why) => match why.downcast::<BudgetError>() {
            Ok(budget) => SourceError::Budget(*budget),
            Err(other) => SourceError::Failed(other),
        },
        StoreError::BadMatcher { matcher, reason } => SourceError::BadMatcher { matcher, reason },
        other => SourceError::Failed(Box::new(other)),
    }
}
