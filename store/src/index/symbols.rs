//! Every label and value that some series carries, each pair once under a number, with the series that carry it as a
//! compressed bitmap. A pair that no series carries any more is forgotten.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use roaring::RoaringBitmap;
use weir_wire::NAME_LABEL;

use super::MetricId;

type Map<K, V> = HashMap<K, V, rapidhash::fast::RandomState>;

/// The number of a (label, value).
pub(super) type PairId = u32;

/// The label of names, which every series has.
const NAMES: u32 = 0;

pub(crate) struct Symbols {
    labels: Vec<Label>,
    by_name: Map<Arc<str>, u32>,
    pairs: Vec<Pair>,
    free: Vec<PairId>,
}

struct Label {
    name: Arc<str>,
    values: Map<Arc<str>, PairId>,
    /// The pair that was asked for last: series come host by host.
    last: PairId,
}

struct Pair {
    label: u32,
    value: Arc<str>,
    /// Of a name; none before it is asked for.
    metric: Option<MetricId>,
    series: RoaringBitmap,
}

impl Default for Symbols {
    fn default() -> Self {
        let mut symbols = Self {
            labels: Vec::new(),
            by_name: Map::default(),
            pairs: Vec::new(),
            free: Vec::new(),
        };
        symbols.add_label(NAME_LABEL);
        symbols
    }
}

impl Symbols {
    /// The number of a series' name, given out now if it is new.
    pub(super) fn intern_name(&mut self, name: &str) -> PairId {
        match self.labels[NAMES as usize].values.get(name) {
            Some(pair) => *pair,
            None => self.add_pair(NAMES, name),
        }
    }

    /// The number of a pair, given out now if it is new.
    pub(super) fn intern(&mut self, label: &str, value: &str) -> PairId {
        let label_id = match self.by_name.get(label) {
            Some(label_id) => *label_id,
            None => self.add_label(label),
        };
        let label = &self.labels[label_id as usize];
        if let Some(last) = self.pairs.get(label.last as usize)
            && last.label == label_id
            && *last.value == *value
        {
            return label.last;
        }
        let pair = match label.values.get(value) {
            Some(pair) => *pair,
            None => self.add_pair(label_id, value),
        };
        self.labels[label_id as usize].last = pair;
        pair
    }

    fn add_label(&mut self, name: &str) -> u32 {
        let name: Arc<str> = name.into();
        let id = self.labels.len() as u32;
        self.by_name.insert(Arc::clone(&name), id);
        self.labels.push(Label {
            name,
            values: Map::default(),
            last: PairId::MAX,
        });
        id
    }

    fn add_pair(&mut self, label: u32, value: &str) -> PairId {
        let value: Arc<str> = value.into();
        let pair = Pair {
            label,
            value: Arc::clone(&value),
            metric: None,
            series: RoaringBitmap::new(),
        };
        let id = match self.free.pop() {
            Some(id) => {
                self.pairs[id as usize] = pair;
                id
            }
            None => {
                self.pairs.push(pair);
                self.pairs.len() as PairId - 1
            }
        };
        self.labels[label as usize].values.insert(value, id);
        id
    }

    /// Label and value of a pair.
    pub(super) fn pair(&self, id: PairId) -> (&str, &str) {
        let pair = &self.pairs[id as usize];
        (&self.labels[pair.label as usize].name, &pair.value)
    }

    /// The number of a pair's label.
    pub(super) fn label(&self, id: PairId) -> u32 {
        self.pairs[id as usize].label
    }

    pub(super) fn carry(&mut self, id: PairId, series: u32) {
        self.pairs[id as usize].series.insert(series);
    }

    /// The metric of a name's pair, where it is known.
    #[inline]
    pub(super) fn metric(&self, id: PairId) -> Option<MetricId> {
        self.pairs[id as usize].metric
    }

    pub(super) fn set_metric(&mut self, id: PairId, metric: MetricId) {
        self.pairs[id as usize].metric = Some(metric);
    }

    /// The same for ascending numbers, which are cheap if they are higher than all before.
    pub(super) fn carry_ascending(
        &mut self,
        id: PairId,
        series: impl Iterator<Item = u32> + Clone,
    ) {
        let bitmap = &mut self.pairs[id as usize].series;
        if bitmap.append(series.clone()).is_err() {
            bitmap.extend(series);
        }
    }

    /// The same for numbers that follow each other.
    pub(super) fn carry_all(&mut self, id: PairId, series: std::ops::Range<u32>) {
        self.pairs[id as usize].series.insert_range(series);
    }

    /// The series carries the pair no longer.
    pub(super) fn drop_carrier(&mut self, id: PairId, series: u32) {
        let pair = &mut self.pairs[id as usize];
        pair.series.remove(series);
        if pair.series.is_empty() {
            let label = &mut self.labels[pair.label as usize];
            label.values.remove(&pair.value);
            label.last = PairId::MAX;
            // No value equals it: it cannot be found as the last pair of its label either.
            pair.value = "".into();
            self.free.push(id);
        }
    }

    pub(crate) fn with_value(&self, label: &str, value: &str) -> Option<&RoaringBitmap> {
        let label = &self.labels[*self.by_name.get(label)? as usize];
        let pair = label.values.get(value)?;
        Some(&self.pairs[*pair as usize].series)
    }

    /// Every value of a label and the series that carry it, in no order.
    pub(crate) fn values(&self, label: &str) -> impl Iterator<Item = (&str, &RoaringBitmap)> {
        let label = self.by_name.get(label).map(|id| &self.labels[*id as usize]);
        let pairs = label.into_iter().flat_map(|label| label.values.values());
        pairs.map(|id| {
            let pair = &self.pairs[*id as usize];
            (&*pair.value, &pair.series)
        })
    }

    /// Every label and how many values it has, in no order.
    pub(crate) fn labels(&self) -> impl Iterator<Item = (&str, usize)> {
        let used = self.labels.iter().filter(|label| !label.values.is_empty());
        used.map(|label| (&*label.name, label.values.len()))
    }

    /// How many values a label has.
    pub(super) fn count_of(&self, label: &str) -> usize {
        let label = self.by_name.get(label).map(|id| &self.labels[*id as usize]);
        label.map_or(0, |label| label.values.len())
    }

    /// Of some of the labels, by number, how many values each has.
    pub(super) fn some_labels(&self, numbers: Range<usize>) -> impl Iterator<Item = (&str, usize)> {
        let labels = self.labels.iter().skip(numbers.start).take(numbers.len());
        let used = labels.filter(|label| !label.values.is_empty());
        used.map(|label| (&*label.name, label.values.len()))
    }

    /// Some of the pairs, by number, and the series that carry each.
    pub(super) fn some_pairs(
        &self,
        numbers: Range<usize>,
    ) -> impl Iterator<Item = (&str, &str, &RoaringBitmap)> {
        let pairs = self.pairs.iter().skip(numbers.start).take(numbers.len());
        let carried = pairs.filter(|pair| !pair.series.is_empty());
        carried.map(|pair| {
            let label = &self.labels[pair.label as usize].name;
            (&**label, &*pair.value, &pair.series)
        })
    }

    /// Whether no label and no pair has these numbers, or higher ones.
    pub(super) fn is_behind(&self, label: usize, pair: usize) -> bool {
        label >= self.labels.len() && pair >= self.pairs.len()
    }

    pub(crate) fn names_of(&self, series: &RoaringBitmap) -> Vec<String> {
        let labels = self.labels();
        let carried = labels.filter(|(label, _)| {
            self.values(label)
                .any(|(_, bitmap)| !bitmap.is_disjoint(series))
        });
        let mut names: Vec<_> = carried.map(|(label, _)| label.to_owned()).collect();
        names.sort_unstable();
        names
    }

    pub(crate) fn values_of(&self, label: &str, series: &RoaringBitmap) -> Vec<String> {
        let carried = self
            .values(label)
            .filter(|(_, bitmap)| !bitmap.is_disjoint(series));
        let mut values: Vec<_> = carried.map(|(value, _)| value.to_owned()).collect();
        values.sort_unstable();
        values
    }
}
