//! The series table and the label index: who exists, under which number, which series carry which label, and when
//! each has samples. Owns the numbers; knows nothing of samples but that.

mod identities;
mod keys;
mod matching;
mod presence;
mod symbols;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use roaring::RoaringBitmap;
use weir_wire::{Matcher, NAME_LABEL, SeriesKey};

use crate::StoreError;
use identities::Identities;
use keys::Keys;
pub(crate) use presence::{Day, Presence};
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

/// How many series carry what; see [`crate::Store::cardinality`].
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
    metrics: HashMap<String, MetricId>,
    next_metric: MetricId,
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

    pub(crate) fn find(&self, key: &SeriesKey) -> Option<SeriesId> {
        let found = self
            .identities
            .find(key.identity(), |series| self.is(series, key));
        found.map(SeriesId)
    }

    fn is(&self, series: u32, key: &SeriesKey) -> bool {
        let Some((_, pairs)) = self.keys.get(series) else {
            return false;
        };
        let mut pairs = pairs.iter().map(|pair| self.symbols.pair(*pair));
        let name = pairs.next().is_some_and(|(_, name)| name == key.name());
        name && key.labels().eq(pairs)
    }

    /// Numbers a new series. The caller has asked [`Index::find`] under the same lock.
    pub(crate) fn add(
        &mut self,
        key: &SeriesKey,
        max_series: usize,
    ) -> Result<SeriesId, StoreError> {
        if self.len() >= max_series {
            return Err(StoreError::TooManySeries { limit: max_series });
        }
        let metric = self
            .metrics
            .get(key.name())
            .copied()
            .unwrap_or(self.next_metric);
        let series = self.end();
        self.put(series, metric, key);
        Ok(SeriesId(series))
    }

    /// Puts a series that was written down back in its place; harmless when it is there.
    pub(crate) fn restore(&mut self, definition: &Definition) {
        if self.keys.get(definition.series).is_none() {
            self.put(definition.series, definition.metric, &definition.key);
        }
    }

    fn put(&mut self, series: u32, metric: MetricId, key: &SeriesKey) {
        let mut pairs: Vec<PairId> = Vec::with_capacity(8);
        pairs.push(self.symbols.intern(NAME_LABEL, key.name()));
        pairs.extend(
            key.labels()
                .map(|(label, value)| self.symbols.intern(label, value)),
        );
        pairs
            .iter()
            .for_each(|pair| self.symbols.carry(*pair, series));
        self.keys.put(series, metric, &pairs);
        self.identities.insert(key.identity(), series);
        if !self.metrics.contains_key(key.name()) {
            self.metrics.insert(key.name().to_owned(), metric);
        }
        self.next_metric = self.next_metric.max(metric + 1);
    }

    /// Takes series out: no key, no label, no sample leads to them any more.
    pub(crate) fn remove(&mut self, gone: &RoaringBitmap) {
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

    pub(crate) fn definition(&self, series: u32) -> Option<Definition> {
        Some(Definition {
            series,
            metric: self.metric(SeriesId(series))?,
            key: self.key(SeriesId(series))?,
        })
    }

    /// Every series there is.
    pub(crate) fn all(&self) -> RoaringBitmap {
        self.keys.series().collect()
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

    /// The values of one label of these series, ascending.
    pub(crate) fn label_values(&self, label: &str, series: &RoaringBitmap) -> Vec<String> {
        self.symbols.values_of(label, series)
    }

    pub(crate) fn cardinality(&self, limit: usize) -> Cardinality {
        let labels: Vec<(String, u64)> = self
            .symbols
            .labels()
            .map(|(label, values)| (label.to_owned(), values as u64))
            .collect();
        let metrics = self.symbols.values(NAME_LABEL);
        let metrics = metrics.map(|(name, series)| (name.to_owned(), series.len()));
        let pairs = labels.iter().flat_map(|(label, _)| {
            let values = self.symbols.values(label);
            values.map(move |(value, series)| (format!("{label}={value}"), series.len()))
        });
        Cardinality {
            series: self.len() as u64,
            by_metric: most(metrics.collect(), limit),
            by_pair: most(pairs.collect(), limit),
            by_label: most(labels, limit),
        }
    }
}

fn most(mut counted: Vec<(String, u64)>, limit: usize) -> Vec<(String, u64)> {
    counted.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    counted.truncate(limit);
    counted
}
