//! One group's samples of one interval. Owns that of two samples of one series and time the later one holds, and what is
//! done when there are too many to keep: they become a summary, exact but for the percentiles.

use weir_wire::Value;

use super::amount::{Amount, Wants};

/// Samples that a histogram and a summary are counted as, by their memory.
const HISTOGRAM_WEIGHT: usize = 32;
const SUMMARY_WEIGHT: usize = 1_024;

/// A sample as it came.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub(super) series: u32,
    /// It is nowhere else.
    pub(super) is_withheld: bool,
    pub(super) timestamp_ms: i64,
    pub(super) value: Value,
}

impl Held {
    fn weight(&self) -> usize {
        match self.value {
            Value::Float(_) => 1,
            Value::Histogram(_) => HISTOGRAM_WEIGHT,
        }
    }
}

/// The samples, sorted whenever somebody looks.
#[derive(Debug, Default)]
pub(super) struct Cell {
    held: Vec<Held>,
    weight: usize,
    is_sorted: bool,
    folded: Option<Box<Amount>>,
    /// Something came since it was told.
    pub(super) is_dirty: bool,
    pub(super) is_told: bool,
}

impl Cell {
    pub(super) fn len(&self) -> usize {
        self.held.len()
    }

    /// By its memory: as many floats as it is worth.
    pub(super) fn weight(&self) -> usize {
        let summary = self
            .folded
            .as_ref()
            .map_or(0, |folded| SUMMARY_WEIGHT + folded.series());
        self.weight + summary
    }

    pub(super) fn add(&mut self, held: Held) {
        self.weight += held.weight();
        self.held.push(held);
        self.is_sorted = false;
        self.is_dirty = true;
    }

    /// By series and time, one each.
    pub(super) fn sort(&mut self) {
        if std::mem::replace(&mut self.is_sorted, true) {
            return;
        }
        // Stable: of equals the one that came last is the last.
        self.held
            .sort_by_key(|held| (held.series, held.timestamp_ms));
        self.held.dedup_by(|later, earlier| {
            let same = later.series == earlier.series && later.timestamp_ms == earlier.timestamp_ms;
            if same {
                std::mem::swap(later, earlier);
            }
            same
        });
        self.weight = self.held.iter().map(Held::weight).sum();
    }

    /// Sorted, if [`Cell::sort`] was called.
    pub(super) fn held(&self) -> &[Held] {
        &self.held
    }

    /// All of it as a summary.
    pub(super) fn amount(&self, wants: Wants) -> Amount {
        let mut amount = self.folded.as_deref().cloned().unwrap_or_default();
        amount.add_all(&self.held, wants);
        amount
    }

    /// Turns samples into a summary; their duplicates are not told from here on.
    pub(super) fn fold(&mut self, wants: Wants) {
        self.sort();
        let mut amount = self.amount(wants);
        amount.spill();
        self.folded = Some(Box::new(amount));
        self.held = Vec::new();
        self.weight = 0;
    }
}
