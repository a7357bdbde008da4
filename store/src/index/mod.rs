//! The series table and the label index: who exists, under which number, and which series carry which label.
//! Owns ids; knows nothing of samples but in which windows a series has some.

mod matching;
mod postings;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};

use roaring::RoaringBitmap;
use weir_wire::{Matcher, SeriesKey};

use crate::StoreError;
use crate::window::Window;
use postings::Postings;

/// A series' number within this store; never given to another series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeriesId(pub(crate) u32);

/// The number of a metric's name: chunks of one metric lie together.
pub(crate) type MetricId = u32;

/// A series as it is written down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Definition {
    pub(crate) series: u32,
    pub(crate) metric: MetricId,
    pub(crate) key: SeriesKey,
}

/// Every series, by number, by identity and by label.
#[derive(Default)]
pub(crate) struct Index {
    by_id: Vec<Option<(MetricId, SeriesKey)>>,
    by_identity: HashMap<u128, u32, rapidhash::fast::RandomState>,
    metrics: HashMap<String, MetricId>,
    postings: Postings,
    present: BTreeMap<Window, RoaringBitmap>,
}

impl Index {
    pub(crate) fn len(&self) -> usize {
        self.by_identity.len()
    }

    pub(crate) fn find(&self, key: &SeriesKey) -> Option<SeriesId> {
        self.by_identity.get(&key.identity()).copied().map(SeriesId)
    }

    /// Numbers a new series. The caller has asked [`Index::find`] under the same lock.
    pub(crate) fn add(
        &mut self,
        key: &SeriesKey,
        max_series: usize,
    ) -> Result<Definition, StoreError> {
        if self.len() >= max_series {
            return Err(StoreError::TooManySeries { limit: max_series });
        }
        let next_metric = self.metrics.len() as MetricId;
        let definition = Definition {
            series: self.by_id.len() as u32,
            metric: self.metrics.get(key.name()).copied().unwrap_or(next_metric),
            key: key.clone(),
        };
        self.restore(&definition);
        Ok(definition)
    }

    /// Puts a series that was written down back in its place; harmless when it is there.
    pub(crate) fn restore(&mut self, definition: &Definition) {
        let at = definition.series as usize;
        if self.by_id.len() <= at {
            self.by_id.resize(at + 1, None);
        }
        if self.by_id[at].is_some() {
            return;
        }
        self.by_id[at] = Some((definition.metric, definition.key.clone()));
        self.by_identity
            .insert(definition.key.identity(), definition.series);
        self.metrics
            .insert(definition.key.name().to_owned(), definition.metric);
        self.postings.add(definition.series, &definition.key);
    }

    pub(crate) fn key(&self, id: SeriesId) -> Option<&SeriesKey> {
        self.by_id.get(id.0 as usize)?.as_ref().map(|(_, key)| key)
    }

    pub(crate) fn metric(&self, id: SeriesId) -> Option<MetricId> {
        self.by_id
            .get(id.0 as usize)?
            .as_ref()
            .map(|(metric, _)| *metric)
    }

    /// Notes that a series has samples in a window.
    pub(crate) fn mark(&mut self, window: Window, series: u32) {
        self.present.entry(window).or_default().insert(series);
    }

    pub(crate) fn mark_all(&mut self, window: Window, series: &RoaringBitmap) {
        *self.present.entry(window).or_default() |= series;
    }

    /// The series with samples in a window.
    pub(crate) fn present(&self, window: Window) -> Option<&RoaringBitmap> {
        self.present.get(&window)
    }

    pub(crate) fn windows(&self) -> impl Iterator<Item = Window> + '_ {
        self.present.keys().copied()
    }

    pub(crate) fn forget_before(&mut self, window: Window) {
        self.present = self.present.split_off(&window);
    }

    /// The series that match every matcher and have samples in one of the windows.
    pub(crate) fn matching(
        &self,
        matchers: &[Matcher],
        windows: std::ops::RangeInclusive<Window>,
    ) -> Result<RoaringBitmap, StoreError> {
        let mut seen = RoaringBitmap::new();
        if !windows.is_empty() {
            for (_, present) in self.present.range(windows) {
                seen |= present;
            }
        }
        matching::narrow(&self.postings, seen, matchers)
    }

    /// The labels of these series, `__name__` among them, ascending.
    pub(crate) fn label_names(&self, series: &RoaringBitmap) -> Vec<String> {
        self.postings.names_of(series)
    }

    /// The values of one label of these series, ascending.
    pub(crate) fn label_values(&self, label: &str, series: &RoaringBitmap) -> Vec<String> {
        self.postings.values_of(label, series)
    }
}
