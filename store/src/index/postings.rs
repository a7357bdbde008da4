//! For each label and value the series that carry it, as compressed bitmaps of series numbers.

use std::collections::BTreeMap;

use roaring::RoaringBitmap;
use weir_wire::{NAME_LABEL, SeriesKey};

#[derive(Default)]
pub(crate) struct Postings(BTreeMap<String, BTreeMap<String, RoaringBitmap>>);

impl Postings {
    pub(crate) fn add(&mut self, series: u32, key: &SeriesKey) {
        self.add_label(series, NAME_LABEL, key.name());
        for (label, value) in key.labels() {
            self.add_label(series, label, value);
        }
    }

    fn add_label(&mut self, series: u32, label: &str, value: &str) {
        // Looked up before an entry is made: most labels and values are known, and a look-up allocates nothing.
        if !self.0.contains_key(label) {
            self.0.insert(label.to_owned(), BTreeMap::new());
        }
        let Some(values) = self.0.get_mut(label) else {
            return;
        };
        match values.get_mut(value) {
            Some(bitmap) => {
                bitmap.insert(series);
            }
            None => {
                values.insert(value.to_owned(), RoaringBitmap::from_iter([series]));
            }
        }
    }

    pub(crate) fn with_value(&self, label: &str, value: &str) -> Option<&RoaringBitmap> {
        self.0.get(label)?.get(value)
    }

    /// Every value of a label and the series that carry it.
    pub(crate) fn values(&self, label: &str) -> impl Iterator<Item = (&str, &RoaringBitmap)> {
        let values = self.0.get(label).into_iter().flatten();
        values.map(|(value, series)| (value.as_str(), series))
    }

    pub(crate) fn names_of(&self, series: &RoaringBitmap) -> Vec<String> {
        let carried = |values: &BTreeMap<String, RoaringBitmap>| {
            values.values().any(|bitmap| !bitmap.is_disjoint(series))
        };
        let names = self.0.iter().filter(|(_, values)| carried(values));
        names.map(|(name, _)| name.clone()).collect()
    }

    pub(crate) fn values_of(&self, label: &str, series: &RoaringBitmap) -> Vec<String> {
        let carried = self
            .values(label)
            .filter(|(_, bitmap)| !bitmap.is_disjoint(series));
        carried.map(|(value, _)| value.to_owned()).collect()
    }
}
