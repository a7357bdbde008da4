//! How many series carry what, and what values a label has, looked at a slice at a time, so that whoever counts holds
//! nobody up for long. Two slices are of two moments: what comes or goes meanwhile may be in it or not. Changes nothing.

use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, HashSet};

use roaring::RoaringBitmap;
use weir_wire::NAME_LABEL;

use super::{Cardinality, Index};

/// Labels and pairs counted under one lock.
const COUNTED_A_LOCK: usize = 4_096;

/// The values of a label that some series carry, looked through a slice at a time.
pub(crate) struct Values<'a> {
    label: &'a str,
    series: &'a RoaringBitmap,
    pairs: usize,
    found: Vec<String>,
}

impl<'a> Values<'a> {
    pub(crate) fn new(label: &'a str, series: &'a RoaringBitmap) -> Self {
        Self {
            label,
            series,
            pairs: 0,
            found: Vec::new(),
        }
    }

    /// Looks at a slice; the values, ascending, once there is no more. Those of a label with few are one slice.
    pub(crate) fn go_on(&mut self, index: &Index) -> Option<Vec<String>> {
        let symbols = &index.symbols;
        if self.pairs == 0 && symbols.count_of(self.label) <= COUNTED_A_LOCK {
            return Some(symbols.values_of(self.label, self.series));
        }
        let pairs = self.pairs..self.pairs + COUNTED_A_LOCK;
        self.pairs = pairs.end;
        let some = symbols.some_pairs(pairs.clone());
        let carried = some.filter(|(label, _, carriers)| {
            *label == self.label && !carriers.is_disjoint(self.series)
        });
        self.found
            .extend(carried.map(|(_, value, _)| value.to_owned()));
        if !symbols.is_behind(usize::MAX, pairs.end) {
            return None;
        }
        self.found.sort_unstable();
        // One that got another number meanwhile was found twice.
        self.found.dedup();
        Some(std::mem::take(&mut self.found))
    }
}

/// A count that is not over.
pub(crate) struct Counting {
    labels: usize,
    pairs: usize,
    by_metric: Most,
    by_label: Most,
    by_pair: Most,
}

impl Counting {
    /// With lists of so many.
    pub(crate) fn new(limit: usize) -> Self {
        let most = || Most {
            limit,
            least_first: BinaryHeap::new(),
        };
        Self {
            labels: 0,
            pairs: 0,
            by_metric: most(),
            by_label: most(),
            by_pair: most(),
        }
    }

    /// Counts a slice; what was found once there is no more.
    pub(crate) fn go_on(&mut self, index: &Index) -> Option<Cardinality> {
        let labels = self.labels..self.labels + COUNTED_A_LOCK;
        let pairs = self.pairs..self.pairs + COUNTED_A_LOCK;
        let is_over = index.symbols.is_behind(labels.end, pairs.end);
        (self.labels, self.pairs) = (labels.end, pairs.end);
        for (label, values) in index.symbols.some_labels(labels) {
            self.by_label.offer(&[label], values as u64);
        }
        for (label, value, series) in index.symbols.some_pairs(pairs) {
            self.by_pair.offer(&[label, "=", value], series.len());
            if label == NAME_LABEL {
                self.by_metric.offer(&[value], series.len());
            }
        }
        is_over.then(|| Cardinality {
            series: index.len() as u64,
            by_metric: self.by_metric.take(),
            by_label: self.by_label.take(),
            by_pair: self.by_pair.take(),
        })
    }
}

/// Those with the highest counts, so many of them; of equal ones those that come first by text.
struct Most {
    limit: usize,
    least_first: BinaryHeap<(Reverse<u64>, String)>,
}

impl Most {
    /// Text is made of its parts only if it is kept: there may be millions.
    fn offer(&mut self, parts: &[&str], count: u64) {
        if self.least_first.len() >= self.limit {
            let Some((Reverse(least), text)) = self.least_first.peek() else {
                return;
            };
            let bytes = parts.iter().flat_map(|part| part.bytes());
            match count.cmp(least) {
                Ordering::Less => return,
                Ordering::Equal if bytes.cmp(text.bytes()) != Ordering::Less => return,
                _ => {}
            }
            self.least_first.pop();
        }
        self.least_first.push((Reverse(count), parts.concat()));
    }

    fn take(&mut self) -> Vec<(String, u64)> {
        let mut most: Vec<_> = std::mem::take(&mut self.least_first).into_sorted_vec();
        // One that got another number meanwhile was counted twice.
        let mut seen = HashSet::with_capacity(most.len());
        most.retain(|(_, text)| seen.insert(text.clone()));
        most.into_iter()
            .map(|(Reverse(count), text)| (text, count))
            .collect()
    }
}
