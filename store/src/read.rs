//! Reading: which series, then their samples from tables and head, merged. A damaged chunk is named, counted and
//! skipped; the rest of the answer stands.

use std::error::Error;
use std::ops::RangeInclusive;

use metrics::counter;
use roaring::RoaringBitmap;
use weir_wire::{Matcher, Sample, SeriesKey};

use crate::chunk;
use crate::head::merge;
use crate::index::MetricId;
use crate::store::Store;
use crate::window::{self, Window};
use crate::{SeriesId, StoreError};

/// Why a reader wants no more.
pub type Limit = Box<dyn Error + Send + Sync>;

/// What a reader allows; asked before memory is spent, so that an error stops the read.
pub trait Limits {
    /// So many more series are about to be read.
    ///
    /// # Errors
    /// When that is too many, or nobody waits for the answer any more.
    fn series(&self, count: u64) -> Result<(), Limit>;

    /// So many more samples are about to be held.
    ///
    /// # Errors
    /// As for series.
    fn samples(&self, count: u64) -> Result<(), Limit>;
}

/// One series and its samples in a range, ascending, one a timestamp.
#[derive(Debug, Clone, PartialEq)]
pub struct Selected {
    pub key: SeriesKey,
    pub samples: Vec<Sample>,
}

/// A series on its way to being [`Selected`].
struct Wanted {
    metric: MetricId,
    series: u32,
    selected: Selected,
}

impl Store {
    /// The series that match every matcher, with their samples between two times, both ends inclusive; by key.
    /// Series without samples there are left out.
    ///
    /// # Errors
    /// A bad matcher, a limit, or a failure of RocksDB.
    pub fn select(
        &self,
        matchers: &[Matcher],
        from_ms: i64,
        to_ms: i64,
        limits: &dyn Limits,
    ) -> Result<Vec<Selected>, StoreError> {
        let windows = self.windows(from_ms, to_ms);
        let ids = self
            .shared
            .index
            .read()
            .matching(matchers, windows.clone())?;
        limits.series(ids.len()).map_err(StoreError::Stopped)?;
        let mut wanted = self.wanted(&ids);
        for window in self.windows_with_samples(windows) {
            self.read_window(window, from_ms, to_ms, &mut wanted, limits)?;
        }
        let found = wanted.into_iter().map(|one| one.selected);
        let mut found: Vec<_> = found.filter(|one| !one.samples.is_empty()).collect();
        found.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        Ok(found)
    }

    /// The series that match any of the selectors (all series where there is none) and have samples in a window the
    /// range touches; by key.
    ///
    /// # Errors
    /// A bad matcher, or a limit.
    pub fn series(
        &self,
        selectors: &[Vec<Matcher>],
        from_ms: i64,
        to_ms: i64,
        limits: &dyn Limits,
    ) -> Result<Vec<SeriesKey>, StoreError> {
        let ids = self.any_of(selectors, from_ms, to_ms)?;
        limits.series(ids.len()).map_err(StoreError::Stopped)?;
        let index = self.shared.index.read();
        let mut keys: Vec<_> = ids
            .iter()
            .filter_map(|id| index.key(SeriesId(id)).cloned())
            .collect();
        keys.sort_unstable();
        Ok(keys)
    }

    /// The label names of such series, `__name__` included; ascending.
    ///
    /// # Errors
    /// A bad matcher.
    pub fn label_names(
        &self,
        selectors: &[Vec<Matcher>],
        from_ms: i64,
        to_ms: i64,
    ) -> Result<Vec<String>, StoreError> {
        let ids = self.any_of(selectors, from_ms, to_ms)?;
        Ok(self.shared.index.read().label_names(&ids))
    }

    /// The values of one label of such series; ascending.
    ///
    /// # Errors
    /// A bad matcher.
    pub fn label_values(
        &self,
        label: &str,
        selectors: &[Vec<Matcher>],
        from_ms: i64,
        to_ms: i64,
    ) -> Result<Vec<String>, StoreError> {
        let ids = self.any_of(selectors, from_ms, to_ms)?;
        Ok(self.shared.index.read().label_values(label, &ids))
    }

    fn any_of(
        &self,
        selectors: &[Vec<Matcher>],
        from_ms: i64,
        to_ms: i64,
    ) -> Result<RoaringBitmap, StoreError> {
        let windows = self.windows(from_ms, to_ms);
        let index = self.shared.index.read();
        if selectors.is_empty() {
            return index.matching(&[], windows);
        }
        let mut ids = RoaringBitmap::new();
        for matchers in selectors {
            ids |= index.matching(matchers, windows.clone())?;
        }
        Ok(ids)
    }

    fn windows(&self, from_ms: i64, to_ms: i64) -> RangeInclusive<Window> {
        window::touching(from_ms, to_ms, self.shared.options.window_ms)
    }

    fn windows_with_samples(&self, within: RangeInclusive<Window>) -> Vec<Window> {
        let index = self.shared.index.read();
        index
            .windows()
            .filter(|window| within.contains(window))
            .collect()
    }

    /// In the order of the chunks' keys.
    fn wanted(&self, ids: &RoaringBitmap) -> Vec<Wanted> {
        let index = self.shared.index.read();
        let each = ids.iter().filter_map(|series| {
            let id = SeriesId(series);
            let selected = Selected {
                key: index.key(id)?.clone(),
                samples: Vec::new(),
            };
            let metric = index.metric(id)?;
            Some(Wanted {
                metric,
                series,
                selected,
            })
        });
        let mut wanted: Vec<_> = each.collect();
        wanted.sort_unstable_by_key(|one| (one.metric, one.series));
        wanted
    }

    fn read_window(
        &self,
        window: Window,
        from_ms: i64,
        to_ms: i64,
        wanted: &mut [Wanted],
        limits: &dyn Limits,
    ) -> Result<(), StoreError> {
        let present = self
            .shared
            .index
            .read()
            .present(window)
            .cloned()
            .unwrap_or_default();
        let mut here: Vec<&mut Wanted> = wanted
            .iter_mut()
            .filter(|one| present.contains(one.series))
            .collect();
        // IMPORTANT: the head first. A window that is sealed meanwhile is then seen twice and merged, never missed.
        let in_head = self.head_samples(window, from_ms, to_ms, &here);
        let keys: Vec<_> = here.iter().map(|one| (one.metric, one.series)).collect();
        let mut in_tables: Vec<Vec<Sample>> = vec![Vec::new(); here.len()];
        let mut at = 0;
        self.shared
            .backend
            .chunks_in(window, &keys, |series, bytes| {
                while here[at].series != series {
                    at += 1;
                }
                let mut part = Vec::new();
                if let Err(error) = chunk::decode(bytes, from_ms, to_ms, &mut part) {
                    counter!("weir_store_damaged_chunks_total").increment(1);
                    tracing::error!(
                        "chunk of {} in window {window} is skipped: {error}",
                        here[at].selected.key
                    );
                    return Ok(());
                }
                limits
                    .samples(part.len() as u64)
                    .map_err(StoreError::Stopped)?;
                in_tables[at] = merge(std::mem::take(&mut in_tables[at]), &part);
                Ok(())
            })?;
        for ((one, tables), head) in here.iter_mut().zip(in_tables).zip(in_head) {
            limits
                .samples(head.len() as u64)
                .map_err(StoreError::Stopped)?;
            let samples = merge(tables, &head);
            one.selected.samples.extend(samples);
        }
        Ok(())
    }

    fn head_samples(
        &self,
        window: Window,
        from_ms: i64,
        to_ms: i64,
        here: &[&mut Wanted],
    ) -> Vec<Vec<Sample>> {
        let head = self.shared.head.read();
        let of = |one: &&mut Wanted| {
            let [older, newer] = head.samples(window, one.series, from_ms, to_ms);
            merge(older.to_vec(), newer)
        };
        here.iter().map(of).collect()
    }
}
