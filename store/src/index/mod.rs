//! The series table and the label index: who exists, under which number, which series carry which label, and when
//! each has samples. Owns the numbers; knows nothing of samples but that.

mod counting;
mod grouping;
mod identities;
mod keys;
mod matching;
mod presence;
mod resolve;
mod symbols;
#[cfg(test)]
mod tests;

use roaring::RoaringBitmap;
use weir_wire::{KeyRef, Matcher, NAME_LABEL, SeriesKey};

use crate::StoreError;
pub(crate) use counting::{Counting, Values};
pub(crate) use grouping::Groups;
pub use grouping::{GroupLabels, Grouping};
use identities::Identities;
use keys::Keys;
pub(crate) use presence::{Day, Presence};
use resolve::Siblings;
pub(crate) use resolve::Wanted;
use symbols::{PairId, Symbols};

/// A series' number within this store; never given to another series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeriesId(pub(crate) u32);

impl SeriesId {
    /// Dense, from 0: fit for a list by series.
    #[must_use]
    pub fn number(self) -> u32 {
        self.0
    }

    /// Of a number that this store gave.
    #[must_use]
    pub fn from_number(number: u32) -> Self {
        Self(number)
    }
}

/// The number of a metric's name: chunks of one metric lie together.
pub(crate) type MetricId = u32;

/// A series as it is written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Definition {
    pub(crate) series: u32,
    pub(crate) metric: MetricId,
    pub(crate) key: SeriesKey,
}

/// Series that follow each other and have the same labels, as they are written down together.
#[derive(Debug, Default, Clone)]
pub(crate) struct DefinitionRun<'a> {
    pub(crate) first: u32,
    pub(crate) labels: Vec<(&'a str, &'a str)>,
    /// Metric and name of each.
    pub(crate) members: Vec<(MetricId, &'a str)>,
    pub(crate) pairs: &'a [PairId],
}

/// How many series carry what, at about the same moment; see [`crate::Store::cardinality`].
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Cardinality {
    pub series: u64,
    /// Metrics with the most series first.
    pub by_metric: Vec<(String, u64)>,
    /// Labels with the most values first.
    pub by_label: Vec<(String, u64)>,
    /// `label=value` with the most series first.
    pub by_pair: Vec<(String, u64)>,
}

/// Every series, by number, by identity and by label.
#[derive(Default)]
pub(crate) struct Index {
    keys: Keys,
    identities: Identities,
    symbols: Symbols,
    next_metric: MetricId,
    /// The labels of the series that was put in last.
    siblings: Siblings,
    pub(crate) presence: Presence,
}

impl Index {
    pub(crate) fn len(&self) -> usize {
        self.identities.len()
    }

    /// One more than the highest number there ever was.
    pub(crate) fn end(&self) -> u32 {
        self.keys.end()
    }

    /// Numbers below this are given out no more.
    pub(crate) fn reserve_below(&mut self, end: u32) {
        self.keys.reserve_below(end);
    }

    pub(crate) fn find(&self, key: KeyRef<'_>) -> Option<SeriesId> {
        let found = self.identities.find(key.identity(), |series| {
            self.is(series, key, &mut Default::default())
        });
        found.map(SeriesId)
    }

    /// Numbers a new series. The caller has asked [`Index::find`] under the same lock.
    pub(crate) fn add(
        &mut self,
        key: KeyRef<'_>,
        max_series: usize,
    ) -> Result<SeriesId, StoreError> {
        let added = self.add_one(key, key.identity(), max_series);
        self.carry_siblings();
        added
    }

    fn add_one(
        &mut self,
        key: KeyRef<'_>,
        identity: u128,
        max_series: usize,
    ) -> Result<SeriesId, StoreError> {
        if self.len() >= max_series {
            return Err(StoreError::TooManySeries { limit: max_series });
        }
        let name = self.symbols.intern_name(key.name());
        let metric = match self.symbols.metric(name) {
            Some(metric) => metric,
            None => self.add_metric(name, self.next_metric),
        };
        let series = self.end();
        self.put(series, metric, name, key, identity);
        Ok(SeriesId(series))
    }

    /// A name keeps its metric's number for as long as any series has it. If all leave and some come again, they are another
    /// metric: what is stored is found by the series' own, and no two series that ever were have one number.
    #[cold]
    fn add_metric(&mut self, name: PairId, metric: MetricId) -> MetricId {
        self.next_metric = self.next_metric.max(metric.saturating_add(1));
        self.symbols.set_metric(name, metric);
        metric
    }

    /// Puts a series that was written down back in its place; harmless when it is there.
    pub(crate) fn restore(&mut self, definition: &Definition) {
        if self.keys.get(definition.series).is_none() {
            let key = definition.key.borrowed();
            let name = self.symbols.intern_name(key.name());
            let (series, metric) = (definition.series, definition.metric);
            match self.symbols.metric(name) {
                None => drop(self.add_metric(name, metric)),
                Some(_) => self.next_metric = self.next_metric.max(metric.saturating_add(1)),
            }
            self.put(series, metric, name, key, key.identity());
            self.carry_siblings();
        }
    }

    /// The caller calls [`Index::carry_siblings`] before anybody else sees the index.
    fn put(
        &mut self,
        series: u32,
        metric: MetricId,
        name: PairId,
        key: KeyRef<'_>,
        identity: u128,
    ) {
        let pairs = self.join_siblings(series, name, key);
        self.keys.put(series, metric, &pairs);
        self.siblings.give_back(pairs);
        self.identities.insert(identity, series);
    }

    /// Takes series out: no key, no label, no sample leads to them any more.
    pub(crate) fn remove(&mut self, gone: &RoaringBitmap) {
        // Pairs may be forgotten, and their numbers given to others.
        self.siblings = Siblings::default();
        for series in gone {
            let Some(key) = self.key(SeriesId(series)) else {
                continue;
            };
            self.identities.remove(key.identity(), series);
            let pairs = self.keys.get(series).map(|(_, pairs)| pairs.to_vec());
            for pair in pairs.into_iter().flatten() {
                self.symbols.drop_carrier(pair, series);
            }
            self.keys.remove(series);
        }
        self.presence.remove(gone);
    }

    pub(crate) fn has(&self, id: SeriesId) -> bool {
        self.keys.get(id.0).is_some()
    }

    pub(crate) fn key(&self, id: SeriesId) -> Option<SeriesKey> {
        let (_, pairs) = self.keys.get(id.0)?;
        let (name, labels) = pairs.split_first()?;
        let labels: Vec<(&str, &str)> =
            labels.iter().map(|pair| self.symbols.pair(*pair)).collect();
        SeriesKey::from_sorted(self.symbols.pair(*name).1, &labels).ok()
    }

    pub(crate) fn metric(&self, id: SeriesId) -> Option<MetricId> {
        self.keys.get(id.0).map(|(metric, _)| metric)
    }

    /// The metric of a series and its group; `None` for a series that there is no more, `Some(None)` where there are to
    /// be no groups.
    pub(crate) fn group(
        &self,
        series: u32,
        groups: &mut Groups<'_>,
    ) -> Option<(MetricId, Option<u32>)> {
        let (metric, pairs) = self.keys.get(series)?;
        Some((metric, groups.of(self, pairs)))
    }

    /// Hands over the series of a range as they are written down: those that follow each other with the same labels
    /// together.
    pub(crate) fn define(
        &self,
        range: std::ops::Range<u32>,
        mut take: impl FnMut(DefinitionRun<'_>),
    ) {
        let mut run = DefinitionRun::default();
        for series in range {
            let Some((metric, pairs)) = self.keys.get(series) else {
                continue;
            };
            let Some((name, labels)) = pairs.split_first() else {
                continue;
            };
            let follows = run.first.checked_add(run.members.len() as u32) == Some(series);
            if !follows || run.pairs != labels {
                if !run.members.is_empty() {
                    take(std::mem::take(&mut run));
                }
                run.first = series;
                run.pairs = labels;
                run.labels = labels.iter().map(|pair| self.symbols.pair(*pair)).collect();
            }
            run.members.push((metric, self.symbols.pair(*name).1));
        }
        if !run.members.is_empty() {
            take(run);
        }
    }

    /// Every series there is.
    pub(crate) fn all(&self) -> RoaringBitmap {
        self.numbers().collect()
    }

    /// The numbers of every series there is, ascending.
    pub(crate) fn numbers(&self) -> impl Iterator<Item = u32> + '_ {
        self.keys.series()
    }

    /// Those of `series` that match every matcher.
    pub(crate) fn matching(
        &self,
        matchers: &[Matcher],
        series: RoaringBitmap,
    ) -> Result<RoaringBitmap, StoreError> {
        matching::narrow(&self.symbols, series, matchers)
    }

    /// The labels of these series, `__name__` among them, ascending.
    pub(crate) fn label_names(&self, series: &RoaringBitmap) -> Vec<String> {
        self.symbols.names_of(series)
    }

    pub(crate) fn series_named(&self, name: &str) -> u64 {
        let series = self.symbols.with_value(NAME_LABEL, name);
        series.map_or(0, RoaringBitmap::len)
    }
}
