//! One line of a chart: a name, tags and values on a fixed grid. Owns Graphite's naming of series.

use std::collections::BTreeMap;

use weir_wire::SeriesKey;

use super::consolidate::Consolidation;

/// A series as graphite-web renders it. Point `i` stands at `start_s + i × step_s`; `None` is a gap.
#[derive(Debug, Clone, PartialEq)]
pub struct RenderedSeries {
    pub target: String,
    pub tags: BTreeMap<String, String>,
    pub start_s: i64,
    pub step_s: i64,
    pub values: Vec<Option<f64>>,
    /// What the series was asked for as; the names of sums are made of it.
    pub(super) expression: String,
    pub(super) consolidation: Consolidation,
}

impl RenderedSeries {
    pub(super) fn new(target: String, start_s: i64, step_s: i64, values: Vec<Option<f64>>) -> Self {
        Self {
            tags: BTreeMap::from([("name".to_owned(), target.clone())]),
            expression: target.clone(),
            target,
            start_s,
            step_s: step_s.max(1),
            values,
            consolidation: Consolidation::Average,
        }
    }

    /// A new name, which is also what later functions call it.
    pub(super) fn rename(&mut self, target: String) {
        self.expression.clone_from(&target);
        self.target = target;
    }

    pub(super) fn tag(&mut self, key: &str, value: impl ToString) {
        self.tags.insert(key.to_owned(), value.to_string());
    }

    pub(super) fn end_s(&self) -> i64 {
        let length = i64::try_from(self.values.len()).unwrap_or(i64::MAX);
        self.start_s
            .saturating_add(self.step_s.saturating_mul(length))
    }
}

/// `name` or `name;k=v;…`, tags ascending.
pub(super) fn path_of(key: &SeriesKey) -> String {
    let mut path = key.name().to_owned();
    for (label, value) in key.labels() {
        path.push(';');
        path.push_str(label);
        path.push('=');
        path.push_str(value);
    }
    path
}

pub(super) fn tags_of(key: &SeriesKey) -> BTreeMap<String, String> {
    let mut tags: BTreeMap<String, String> = key
        .labels()
        .map(|(label, value)| (label.to_owned(), value.to_owned()))
        .collect();
    tags.insert("name".to_owned(), key.name().to_owned());
    tags
}
