//! Samples that no line takes: late ones, second values for a time, histograms. Ascending, one a time; each came
//! after whatever its series' line has at that time.

use std::collections::BTreeMap;
use std::sync::Arc;

use weir_wire::Histogram;

use crate::columns::Columns;
use crate::window::Window;

/// What an entry costs, about, besides its bytes.
const ENTRY_BYTES: usize = 48;

/// A value, comparable by bits.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Float(u64),
    Histogram(Box<[u8]>),
}

/// One series' samples beside its line, in one window.
#[derive(Debug, Default, Clone)]
pub(super) struct Run(Vec<(i64, Value)>);

/// All of them, by window and series.
#[derive(Debug, Default)]
pub(super) struct Beside {
    windows: BTreeMap<Window, BTreeMap<u32, Run>>,
    bytes: usize,
}

impl Run {
    pub(super) fn get(&self, timestamp_ms: i64) -> Option<&Value> {
        let at = self
            .0
            .binary_search_by_key(&timestamp_ms, |one| one.0)
            .ok()?;
        Some(&self.0[at].1)
    }

    fn bytes(&self) -> usize {
        self.0.iter().map(|(_, value)| weight(value)).sum()
    }

    /// The samples between two times, both inclusive.
    pub(super) fn columns(&self, from_ms: i64, to_ms: i64) -> Columns {
        let mut columns = Columns::default();
        for (time, value) in &self.0 {
            if !(from_ms..=to_ms).contains(time) {
                continue;
            }
            match value {
                Value::Float(bits) => {
                    columns.times_ms.push(*time);
                    columns.values.push(f64::from_bits(*bits));
                }
                Value::Histogram(bytes) => {
                    // Encoded by this process: what it cannot read was never there.
                    if let Ok(histogram) = Histogram::decode(bytes) {
                        columns.histograms.push((*time, Arc::new(histogram)));
                    }
                }
            }
        }
        columns
    }
}

impl Beside {
    pub(super) fn is_empty(&self) -> bool {
        self.windows.is_empty()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn run(&self, window: Window, local: u32) -> Option<&Run> {
        self.windows.get(&window)?.get(&local)
    }

    /// Whether the series had none in the window before.
    pub(super) fn insert(
        &mut self,
        window: Window,
        local: u32,
        time_ms: i64,
        value: Value,
    ) -> bool {
        self.bytes += weight(&value);
        let run = self
            .windows
            .entry(window)
            .or_default()
            .entry(local)
            .or_default();
        let first = run.0.is_empty();
        match run.0.binary_search_by_key(&time_ms, |one| one.0) {
            Ok(at) => self.bytes -= weight(&std::mem::replace(&mut run.0[at].1, value)),
            Err(at) => run.0.insert(at, (time_ms, value)),
        }
        first
    }

    /// Takes out a sample that a newer one in the line stands for.
    pub(super) fn remove(&mut self, window: Window, local: u32, time_ms: i64) -> bool {
        let Some(run) = self
            .windows
            .get_mut(&window)
            .and_then(|of| of.get_mut(&local))
        else {
            return false;
        };
        match run.0.binary_search_by_key(&time_ms, |one| one.0) {
            Ok(at) => {
                self.bytes -= weight(&run.0.remove(at).1);
                true
            }
            Err(_) => false,
        }
    }

    /// Every run of a series, by window.
    pub(super) fn runs(&self, local: u32) -> impl Iterator<Item = (Window, &Run)> {
        let windows = self.windows.iter();
        windows.filter_map(move |(window, of)| Some((*window, of.get(&local)?)))
    }

    /// Takes a series out of every window.
    pub(super) fn forget(&mut self, local: u32) {
        for of in self.windows.values_mut() {
            if let Some(run) = of.remove(&local) {
                self.bytes -= run.bytes();
            }
        }
        self.windows.retain(|_, of| !of.is_empty());
    }

    /// Takes a whole window out.
    pub(super) fn take(&mut self, window: Window) -> BTreeMap<u32, Run> {
        let taken = self.windows.remove(&window).unwrap_or_default();
        self.bytes -= taken.values().map(Run::bytes).sum::<usize>();
        taken
    }

    /// Puts back what was taken; what came since is newer.
    pub(super) fn put_back(&mut self, window: Window, taken: BTreeMap<u32, Run>) {
        for (local, run) in taken {
            for (time_ms, value) in run.0 {
                let newer = self
                    .run(window, local)
                    .is_some_and(|run| run.get(time_ms).is_some());
                if !newer {
                    self.insert(window, local, time_ms, value);
                }
            }
        }
    }
}

fn weight(value: &Value) -> usize {
    match value {
        Value::Float(_) => ENTRY_BYTES,
        Value::Histogram(bytes) => ENTRY_BYTES + bytes.len(),
    }
}
