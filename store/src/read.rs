//! Reading: which series, then their samples from tables and head, merged. A damaged chunk is named, counted and
//! skipped; the rest of the answer stands.

use std::collections::BTreeSet;
use std::error::Error;

use roaring::RoaringBitmap;
use weir_wire::{Matcher, SeriesKey, is_stale};

use crate::backend::Tier;
use crate::columns::Columns;
use crate::index::{Day, Index, MetricId, Values};
use crate::keep::Kept;
use crate::rollup::{self, Aspect};
use crate::store::Store;
use crate::tiers::{Choice, Stretch};
use crate::window::{self, DAY_MS, Window};
use crate::{SeriesId, StoreError, chunk};

/// Why a reader wants no more.
pub type Limit = Box<dyn Error + Send + Sync>;

/// What a reader allows; asked before memory is spent, so that an error stops the read.
pub trait Limits: Sync {
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

/// What is read of the samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish {
    /// What a rollup gives for its samples. A raw sample stands for itself, and for 1 where counts are asked for.
    pub aspect: Aspect,
    /// How far apart points may lie; 0 asks for raw samples for as long as there are any.
    pub spacing_ms: i64,
}

impl Wish {
    /// Raw samples, and the last of each rollup where there are no others.
    pub const RAW: Self = Self {
        aspect: Aspect::Last,
        spacing_ms: 0,
    };
}

/// One series and its samples in a range.
#[derive(Debug, Clone, PartialEq)]
pub struct Selected {
    pub key: SeriesKey,
    pub columns: Columns,
}

/// The answer: series by key, and from when on points lie how far apart (0: raw samples).
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Selection {
    pub series: Vec<Selected>,
    pub resolutions: Vec<(i64, i64)>,
}

/// Series read between two looks at the limits.
pub(crate) const SERIES_AT_ONCE: usize = 512;
/// From so many series on, two threads read.
pub(crate) const SERIES_FOR_TWO: usize = 8_192;

/// What is being read, for every part of a range and every run of series.
pub(crate) struct Read<'a> {
    store: &'a Store,
    from_ms: i64,
    to_ms: i64,
    aspect: Aspect,
    pub(crate) stretches: Vec<Stretch>,
    limits: &'a dyn Limits,
}

/// Samples of a run of series, and room that is used again for the next.
#[derive(Default)]
pub(crate) struct Run {
    pub(crate) found: Vec<Columns>,
    newest: Vec<Columns>,
    bytes: Vec<u8>,
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
        wish: Wish,
        limits: &dyn Limits,
    ) -> Result<Selection, StoreError> {
        let mut selection = Selection::default();
        for (series, read) in self.reads(matchers, from_ms, to_ms, wish, limits)? {
            let wanted = self.by_metric(&series.iter().collect::<Vec<_>>());
            selection.series.extend(read.all(&wanted)?);
            if selection.resolutions.is_empty() {
                let window_ms = self.shared.options.window_ms;
                let each = read.stretches.iter();
                selection.resolutions = each
                    .map(|one| (one.start_ms(window_ms), one.tier.resolution_ms()))
                    .collect();
            }
        }
        selection.series = by_key(selection.series);
        Ok(selection)
    }

    /// What is to be read for the series that match, which are shared out by how long their samples are kept.
    pub(crate) fn reads<'a>(
        &'a self,
        matchers: &[Matcher],
        from_ms: i64,
        to_ms: i64,
        wish: Wish,
        limits: &'a dyn Limits,
    ) -> Result<Vec<(RoaringBitmap, Read<'a>)>, StoreError> {
        let mut ids = self.any_of(&[matchers], from_ms, to_ms)?;
        limits.series(ids.len()).map_err(StoreError::Stopped)?;
        let reads = self.by_policy(&mut ids)?.into_iter().map(|(series, kept)| {
            let open = self.shared.head.unsealed_windows();
            let first_ms = kept
                .first_raw_ms
                .min(kept.first_minute_ms)
                .min(kept.first_hour_ms);
            let read = Read {
                store: self,
                from_ms: from_ms.max(first_ms),
                to_ms,
                aspect: wish.aspect,
                stretches: self.stretches(&kept, &open, from_ms, to_ms, wish.spacing_ms),
                limits,
            };
            (series, read)
        });
        Ok(reads.collect())
    }

    fn stretches(
        &self,
        kept: &Kept,
        open: &BTreeSet<Window>,
        from_ms: i64,
        to_ms: i64,
        spacing_ms: i64,
    ) -> Vec<Stretch> {
        let window_ms = self.shared.options.window_ms;
        let first = |ms: i64, unit_ms: i64| window::of(ms.max(0), unit_ms).unwrap_or(Window::MAX);
        let choice = Choice {
            window_ms,
            past: &self.shared.past.read(),
            open,
            first_raw: first(kept.first_raw_ms, window_ms),
            first_minute: first(kept.first_minute_ms, DAY_MS),
            first_hour: first(kept.first_hour_ms, DAY_MS),
            spacing_ms,
        };
        choice.stretches(from_ms, to_ms)
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
        let ids = self.any_of_lists(selectors, from_ms, to_ms)?;
        limits.series(ids.len()).map_err(StoreError::Stopped)?;
        let index = self.shared.index.read();
        let mut keys: Vec<_> = ids
            .iter()
            .filter_map(|id| index.key(SeriesId(id)))
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
        let ids = self.any_of_lists(selectors, from_ms, to_ms)?;
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
        let ids = self.any_of_lists(selectors, from_ms, to_ms)?;
        let mut values = Values::new(label, &ids);
        loop {
            let index = self.shared.index.read();
            if let Some(values) = values.go_on(&index) {
                return Ok(values);
            }
        }
    }

    fn any_of_lists(
        &self,
        selectors: &[Vec<Matcher>],
        from_ms: i64,
        to_ms: i64,
    ) -> Result<RoaringBitmap, StoreError> {
        if selectors.is_empty() {
            return self.any_of(&[&[]], from_ms, to_ms);
        }
        let selectors: Vec<&[Matcher]> = selectors.iter().map(Vec::as_slice).collect();
        self.any_of(&selectors, from_ms, to_ms)
    }

    fn any_of(
        &self,
        selectors: &[&[Matcher]],
        from_ms: i64,
        to_ms: i64,
    ) -> Result<RoaringBitmap, StoreError> {
        self.shared.starting.check()?;
        let whole_from = self.shared.past.read().dropped.before;
        let index = self.shared.index.read();
        let window_ms = self.shared.options.window_ms;
        let seen = index
            .presence
            .between(from_ms, to_ms, window_ms, whole_from);
        let mut ids = RoaringBitmap::new();
        for matchers in selectors {
            ids |= index.matching(matchers, seen.clone())?;
        }
        Ok(ids)
    }
}

impl Read<'_> {
    fn all(&self, wanted: &[(MetricId, u32)]) -> Result<Vec<Selected>, StoreError> {
        if wanted.len() < SERIES_FOR_TWO {
            return self.some(wanted);
        }
        let (first, second) = wanted.split_at(wanted.len() / 2);
        std::thread::scope(|scope| {
            let other = scope.spawn(|| self.some(second));
            let mut found = self.some(first)?;
            let rest = other.join().map_err(|_| StoreError::Closed)?;
            found.extend(rest?);
            Ok(found)
        })
    }

    fn some(&self, wanted: &[(MetricId, u32)]) -> Result<Vec<Selected>, StoreError> {
        let mut found = Vec::with_capacity(wanted.len());
        let mut run = Run::default();
        for some in wanted.chunks(SERIES_AT_ONCE) {
            self.run(some, &mut run)?;
            let index = self.store.shared.index.read();
            for ((_, series), columns) in some.iter().zip(run.found.drain(..)) {
                if !columns.is_empty()
                    && let Some(key) = index.key(SeriesId(*series))
                {
                    found.push(Selected { key, columns });
                }
            }
        }
        Ok(found)
    }

    /// The samples of a run of series, in place of what the run holds.
    pub(crate) fn run(&self, wanted: &[(MetricId, u32)], run: &mut Run) -> Result<(), StoreError> {
        // IMPORTANT: the head first. A window that is sealed meanwhile is then seen twice and merged, never missed.
        self.in_head(wanted, &mut run.bytes, &mut run.newest)?;
        self.in_tables(wanted, &mut run.found)?;
        for (one, newest) in run.found.iter_mut().zip(&mut run.newest) {
            if one.is_empty() {
                std::mem::swap(one, newest);
            } else if !newest.is_empty() {
                one.lay_over(std::mem::take(newest));
            }
        }
        Ok(())
    }

    fn in_head(
        &self,
        wanted: &[(MetricId, u32)],
        bytes: &mut Vec<u8>,
        found: &mut Vec<Columns>,
    ) -> Result<(), StoreError> {
        let series = wanted.iter().map(|(_, series)| *series);
        let head = &self.store.shared.head;
        head.read(series, self.from_ms, self.to_ms, bytes, found);
        let mut samples = 0;
        for columns in found {
            samples += columns.len() as u64;
            self.as_asked(columns, 0);
        }
        self.limits.samples(samples).map_err(StoreError::Stopped)
    }

    /// Whether anything has to be looked for in tables.
    pub(crate) fn is_in_tables(&self) -> bool {
        let past = self.store.shared.past.read();
        let mut stretches = self.stretches.iter();
        stretches.any(|one| {
            let mut windows = one.windows.clone();
            one.tier != Tier::Raw || windows.any(|window| past.windows.contains_key(&window))
        })
    }

    fn in_tables(
        &self,
        wanted: &[(MetricId, u32)],
        found: &mut Vec<Columns>,
    ) -> Result<(), StoreError> {
        found.resize_with(wanted.len(), Columns::default);
        found.iter_mut().for_each(Columns::clear);
        for stretch in &self.stretches {
            for window in stretch.windows.clone() {
                if stretch.tier == Tier::Raw {
                    // The head was read before: what is in no table now was there.
                    if self.store.shared.past.read().windows.contains_key(&window) {
                        self.raw_window(window, wanted, found)?;
                    }
                } else {
                    let to_ms = stretch
                        .until_ms
                        .map_or(self.to_ms, |end| self.to_ms.min(end - 1));
                    self.rolled_day(stretch.tier, (window, to_ms), wanted, found)?;
                }
            }
        }
        Ok(())
    }

    fn raw_window(
        &self,
        window: Window,
        wanted: &[(MetricId, u32)],
        found: &mut [Columns],
    ) -> Result<(), StoreError> {
        let here = self.present(wanted, |index| index.presence.window(window));
        let (places, keys): (Vec<usize>, Vec<_>) = here.into_iter().unzip();
        let backend = &self.store.shared.backend;
        backend.chunks_in(Tier::Raw, window, &keys, |at, bytes| {
            let columns = &mut found[places[at]];
            let before = columns.ends();
            if let Err(error) = chunk::decode_columns(bytes, columns) {
                self.store
                    .name_damage(Tier::Raw, window, keys[at].1, &error);
                return Ok(());
            }
            columns.cut(before, self.from_ms, self.to_ms);
            let (floats, histograms) = columns.ends();
            let more = floats - before.0 + histograms - before.1;
            self.limits
                .samples(more as u64)
                .map_err(StoreError::Stopped)?;
            self.as_asked(columns, before.0);
            columns.fold_in(before);
            Ok(())
        })
    }

    /// Of the chunks of a series only the newest counts: it was made of all that was there. Samples of the day that were
    /// read before stay where it has no points.
    fn rolled_day(
        &self,
        tier: Tier,
        (day, to_ms): (Day, i64),
        wanted: &[(MetricId, u32)],
        found: &mut [Columns],
    ) -> Result<(), StoreError> {
        let here = self.present(wanted, |index| index.presence.day(day));
        let (places, keys): (Vec<usize>, Vec<_>) = here.into_iter().unzip();
        let mut newest = vec![Columns::default(); keys.len()];
        let backend = &self.store.shared.backend;
        backend.chunks_in(tier, day, &keys, |at, bytes| {
            let mut part = Columns::default();
            let read = rollup::decode_aspect(
                bytes,
                self.aspect,
                self.from_ms,
                to_ms,
                &mut part.times_ms,
                &mut part.values,
                &mut part.histograms,
            );
            if let Err(error) = read {
                self.store.name_damage(tier, day, keys[at].1, &error);
                return Ok(());
            }
            self.limits
                .samples(part.len() as u64)
                .map_err(StoreError::Stopped)?;
            newest[at] = part;
            Ok(())
        })?;
        let day_ms = window::start_ms(day, DAY_MS);
        for (place, part) in places.into_iter().zip(newest) {
            let columns = &mut found[place];
            if columns.last_ms().is_some_and(|last_ms| last_ms >= day_ms) {
                columns.give_way_to(&part, tier.resolution_ms());
            }
            columns.lay_over(part);
        }
        Ok(())
    }

    /// Those of the wanted that have samples somewhere, and their places; in the order of chunks' keys.
    fn present(
        &self,
        wanted: &[(MetricId, u32)],
        of: impl Fn(&Index) -> Option<&RoaringBitmap>,
    ) -> Vec<(usize, (MetricId, u32))> {
        let index = self.store.shared.index.read();
        let Some(present) = of(&index) else {
            return Vec::new();
        };
        let each = wanted.iter().copied().enumerate();
        let here = each.filter(|(_, (_, series))| present.contains(*series));
        let mut here: Vec<_> = here.collect();
        if !here.is_sorted_by_key(|(_, key)| *key) {
            here.sort_unstable_by_key(|(_, key)| *key);
        }
        here
    }

    /// A raw sample counts for one; a stale mark stays what it is.
    fn as_asked(&self, columns: &mut Columns, from: usize) {
        if self.aspect == Aspect::Count {
            let values = columns.values[from..].iter_mut();
            values
                .filter(|value| !is_stale(**value))
                .for_each(|value| *value = 1.0);
        }
    }
}

/// Sorts numbers and then moves each series once: they are large.
fn by_key(series: Vec<Selected>) -> Vec<Selected> {
    if series.is_sorted_by(|a, b| a.key <= b.key) {
        return series;
    }
    let mut order: Vec<u32> = (0..series.len() as u32).collect();
    order.sort_unstable_by(|a, b| series[*a as usize].key.cmp(&series[*b as usize].key));
    let mut series: Vec<Option<Selected>> = series.into_iter().map(Some).collect();
    let sorted = order
        .into_iter()
        .filter_map(|at| series[at as usize].take());
    sorted.collect()
}
