//! The newest samples, in memory: for each open window and series a run of samples ascending by time. Owns the rule
//! for samples that come twice; a window that is being sealed stays readable beside the open one until it is a table.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use weir_wire::{Sample, Value};

use crate::window::Window;

/// The samples of one window, by series number.
pub(crate) type WindowData = HashMap<u32, OpenChunk, rapidhash::fast::RandomState>;

/// A series' samples in one window; ascending, one a timestamp.
#[derive(Debug, Default, Clone)]
pub(crate) struct OpenChunk(Vec<Sample>);

/// What became of a sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// It is the only one at its time.
    New,
    /// The same value was there already.
    Duplicate,
    /// Another value was there: the one that came last stays.
    Replaced,
}

impl OpenChunk {
    pub(crate) fn samples(&self) -> &[Sample] {
        &self.0
    }

    fn insert(&mut self, sample: Sample) -> Kept {
        let newest = self.0.last().map(|last| last.timestamp_ms);
        if newest.is_none_or(|newest| newest < sample.timestamp_ms) {
            self.0.push(sample);
            return Kept::New;
        }
        match self
            .0
            .binary_search_by_key(&sample.timestamp_ms, |s| s.timestamp_ms)
        {
            Ok(at) if same(&self.0[at].value, &sample.value) => Kept::Duplicate,
            Ok(at) => {
                self.0[at] = sample;
                Kept::Replaced
            }
            Err(at) => {
                self.0.insert(at, sample);
                Kept::New
            }
        }
    }

    fn between(&self, from_ms: i64, to_ms: i64) -> &[Sample] {
        let first = self.0.partition_point(|s| s.timestamp_ms < from_ms);
        let end = self.0.partition_point(|s| s.timestamp_ms <= to_ms);
        &self.0[first..end.max(first)]
    }
}

/// By bits, so that a stale mark equals itself.
fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Float(a), Value::Float(b)) => a.to_bits() == b.to_bits(),
        (a, b) => a == b,
    }
}

/// Open windows and those on their way to disk.
#[derive(Default)]
pub(crate) struct Head {
    open: BTreeMap<Window, WindowData>,
    sealing: BTreeMap<Window, Arc<WindowData>>,
    begun: Vec<(Window, u32)>,
}

impl Head {
    pub(crate) fn insert(&mut self, window: Window, series: u32, sample: Sample) -> Kept {
        let data = self.open.entry(window).or_default();
        let begun = &mut self.begun;
        let chunk = data.entry(series).or_insert_with(|| {
            begun.push((window, series));
            OpenChunk::default()
        });
        chunk.insert(sample)
    }

    /// The (window, series) pairs that got their first sample since the last call: for the index.
    pub(crate) fn take_begun(&mut self) -> Vec<(Window, u32)> {
        std::mem::take(&mut self.begun)
    }

    /// Forgets open windows before this one.
    pub(crate) fn drop_before(&mut self, window: Window) {
        self.open = self.open.split_off(&window);
    }

    pub(crate) fn open_windows(&self) -> Vec<Window> {
        self.open.keys().copied().collect()
    }

    /// Takes a window out to be sealed; what still comes for it starts a new run. `None` when it is empty or still
    /// being sealed.
    pub(crate) fn freeze(&mut self, window: Window) -> Option<Arc<WindowData>> {
        if self.sealing.contains_key(&window) {
            return None;
        }
        let data = Arc::new(self.open.remove(&window)?);
        self.sealing.insert(window, Arc::clone(&data));
        Some(data)
    }

    /// The window's table is durable: it is read from there from now on.
    pub(crate) fn release(&mut self, window: Window) {
        self.sealing.remove(&window);
    }

    /// Sealing failed: the samples go back, under those that came since.
    pub(crate) fn thaw(&mut self, window: Window) {
        let Some(frozen) = self.sealing.remove(&window) else {
            return;
        };
        let newer = self.open.insert(window, Arc::unwrap_or_clone(frozen));
        for (series, chunk) in newer.into_iter().flatten() {
            for sample in chunk.0 {
                self.insert(window, series, sample);
            }
        }
    }

    /// A series' samples in a window and range: those being sealed, then those that came later.
    pub(crate) fn samples(
        &self,
        window: Window,
        series: u32,
        from_ms: i64,
        to_ms: i64,
    ) -> [&[Sample]; 2] {
        let sealing = self.sealing.get(&window).and_then(|data| data.get(&series));
        let open = self.open.get(&window).and_then(|data| data.get(&series));
        [sealing, open].map(|chunk| chunk.map_or(&[][..], |chunk| chunk.between(from_ms, to_ms)))
    }

    /// Samples held.
    pub(crate) fn len(&self) -> usize {
        let windows = self
            .open
            .values()
            .chain(self.sealing.values().map(Arc::as_ref));
        windows
            .flat_map(HashMap::values)
            .map(|chunk| chunk.0.len())
            .sum()
    }
}

/// Lays `newer` over `older`, both ascending: one sample a timestamp, the newer where both have one.
pub(crate) fn merge(older: Vec<Sample>, newer: &[Sample]) -> Vec<Sample> {
    let starts_after = |a: &[Sample], b: &[Sample]| match (a.last(), b.first()) {
        (Some(last), Some(first)) => last.timestamp_ms < first.timestamp_ms,
        _ => true,
    };
    let mut merged = older;
    if starts_after(&merged, newer) {
        merged.extend_from_slice(newer);
        return merged;
    }
    let older = std::mem::take(&mut merged);
    let mut older = older.into_iter().peekable();
    for sample in newer {
        while let Some(before) = older.next_if(|s| s.timestamp_ms < sample.timestamp_ms) {
            merged.push(before);
        }
        older.next_if(|s| s.timestamp_ms == sample.timestamp_ms);
        merged.push(sample.clone());
    }
    merged.extend(older);
    merged
}
