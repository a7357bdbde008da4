//! Series put together point by point, and the rule that no two of a result have the same labels at one time.

use hashbrown::{HashMap, HashSet};
use rapidhash::fast::RandomState;

use super::{Labels, Point, QueryError, Series, Value};

/// A table by labels or by numbers, hashed for speed but not predictably.
pub(super) type Table<K, V> = HashMap<K, V, RandomState>;

/// Series that grow in the order of time.
#[derive(Default)]
pub(super) struct Assembly {
    slots: Table<Labels, usize>,
    series: Vec<Series>,
}

impl Assembly {
    /// The place of these labels, made where there was none.
    pub(super) fn slot(&mut self, labels: Labels) -> usize {
        let next = self.series.len();
        let slot = *self.slots.entry(labels.clone()).or_insert(next);
        if slot == next {
            self.series.push(Series {
                labels,
                points: Vec::new(),
            });
        }
        slot
    }

    pub(super) fn has_point_at(&self, slot: usize, time_ms: i64) -> bool {
        let last = self
            .series
            .get(slot)
            .and_then(|series| series.points.last());
        last.is_some_and(|point| point.time_ms == time_ms)
    }

    pub(super) fn push(
        &mut self,
        slot: usize,
        time_ms: i64,
        value: Value,
    ) -> Result<(), QueryError> {
        if self.has_point_at(slot, time_ms) {
            return Err(same_labels());
        }
        if let Some(series) = self.series.get_mut(slot) {
            series.points.push(Point { time_ms, value });
        }
        Ok(())
    }

    /// The series that got any point.
    pub(super) fn done(mut self) -> Vec<Series> {
        self.series.retain(|series| !series.points.is_empty());
        self.series
    }
}

/// Joins series that have come to have the same labels, where they do not overlap.
pub(super) fn joined(series: Vec<Series>) -> Result<Vec<Series>, QueryError> {
    if distinct(&series) {
        return Ok(series);
    }
    let mut slots: Table<Labels, usize> = Table::default();
    let mut out: Vec<Series> = Vec::new();
    for one in series {
        let next = out.len();
        let slot = *slots.entry(one.labels.clone()).or_insert(next);
        match out.get_mut(slot) {
            Some(same) => same.points.extend(one.points),
            None => out.push(one),
        }
    }
    for one in &mut out {
        one.points.sort_by_key(|point| point.time_ms);
        if one
            .points
            .windows(2)
            .any(|pair| pair[0].time_ms == pair[1].time_ms)
        {
            return Err(same_labels());
        }
    }
    Ok(out)
}

fn distinct(series: &[Series]) -> bool {
    let mut seen: HashSet<&Labels, RandomState> = HashSet::with_hasher(RandomState::default());
    series.iter().all(|one| seen.insert(&one.labels))
}

pub(super) fn same_labels() -> QueryError {
    QueryError::Execution("vector cannot contain metrics with the same labelset".to_owned())
}

/// Reads series side by side, time by time, each point once.
pub(super) struct Cursor<'a> {
    series: &'a [Series],
    next: Vec<usize>,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(series: &'a [Series]) -> Self {
        let next = vec![0; series.len()];
        Self { series, next }
    }

    /// The series that have a point at this time, by their place; times must ascend from call to call.
    pub(super) fn at(&mut self, time_ms: i64) -> impl Iterator<Item = (usize, &'a Value)> {
        let pairs = self.series.iter().zip(&mut self.next).enumerate();
        pairs.filter_map(move |(place, (series, next))| {
            let point = series.points.get(*next)?;
            if point.time_ms != time_ms {
                return None;
            }
            *next += 1;
            Some((place, &point.value))
        })
    }
}
