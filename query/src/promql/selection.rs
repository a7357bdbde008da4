//! Selectors over the grid: which sample stands for each step. A sample counts for the lookback after it,
//! `(t - lookback, t]`, a rollup at least until the next one is due; a stale mark ends it at once.

use std::sync::Arc;

use weir_wire::{Histogram, is_stale};

use super::ast::Shift;
use super::columns::InstantRows;
use super::eval::Eval;
use super::{Distribution, Labels, Point, QueryError, Selector, Series, Value};
use crate::{Selection, SeriesData};

/// The sample that stands for a step.
#[derive(Clone, Copy)]
enum Newest<'a> {
    Float(i64, f64),
    Histogram(i64, &'a Arc<Histogram>),
}

impl Newest<'_> {
    fn time_ms(self) -> i64 {
        match self {
            Newest::Float(time_ms, _) | Newest::Histogram(time_ms, _) => time_ms,
        }
    }
}

impl Eval<'_> {
    /// The value of each series at each step.
    pub(super) fn instant(&self, selector: &Selector) -> Result<Vec<Series>, QueryError> {
        self.instant_in(&self.newest(selector)?, selector)
    }

    /// The same of what is already read.
    pub(super) fn instant_in(
        &self,
        found: &Selection,
        selector: &Selector,
    ) -> Result<Vec<Series>, QueryError> {
        let value = |newest: Newest<'_>| match newest {
            Newest::Float(_, value) => Value::Float(value),
            Newest::Histogram(_, stored) => Distribution::from(stored.as_ref()).into(),
        };
        let mut rows = InstantRows::new(self, found, &selector.shift);
        present(found, |data| {
            if !self.by_columns || !data.histograms.is_empty() {
                return self.points_of(found, data, &selector.shift, value);
            }
            self.budget.take_samples(self.grid.len() as u64)?;
            Ok(rows.row(&data.times_ms, &data.values).points(self.grid))
        })
    }

    /// The time, in seconds, of the sample that stands for each step.
    pub(super) fn instant_times(&self, selector: &Selector) -> Result<Vec<Series>, QueryError> {
        let found = self.newest(selector)?;
        let value = |newest: Newest<'_>| Value::Float(newest.time_ms() as f64 / 1_000.0);
        present(&found, |data| {
            self.points_of(&found, data, &selector.shift, value)
        })
    }

    fn points_of(
        &self,
        found: &Selection,
        data: &SeriesData,
        shift: &Shift,
        value: impl Fn(Newest<'_>) -> Value,
    ) -> Result<Vec<Point>, QueryError> {
        self.budget.take_samples(self.grid.len() as u64)?;
        let mut points = Vec::new();
        let mut cursor = Cursor::default();
        // The last histogram's value, once it is made.
        let mut made: Option<(i64, Value)> = None;
        for time_ms in self.grid.times() {
            let look_ms = self.look(shift, time_ms);
            let Some(newest) = cursor.newest(data, look_ms) else {
                continue;
            };
            let since_ms = newest.time_ms();
            if since_ms <= look_ms - self.lookback(found, since_ms) {
                continue;
            }
            let value = match newest {
                Newest::Float(_, mark) if is_stale(mark) => continue,
                Newest::Float(..) => value(newest),
                Newest::Histogram(..) => match &made {
                    Some((at_ms, value)) if *at_ms == since_ms => value.clone(),
                    _ => {
                        let value = value(newest);
                        if let Value::Histogram(made) = &value {
                            self.budget.take_samples(made.weight())?;
                        }
                        made.insert((since_ms, value)).1.clone()
                    }
                },
            };
            points.push(Point { time_ms, value });
        }
        Ok(points)
    }
}

/// The series that have any points.
fn present<'f>(
    found: &'f Selection,
    mut points_of: impl FnMut(&'f SeriesData) -> Result<Vec<Point>, QueryError>,
) -> Result<Vec<Series>, QueryError> {
    let mut before = Labels::default();
    let mut out = Vec::new();
    for data in &found.series {
        let points = points_of(data)?;
        if !points.is_empty() {
            let labels = Labels::of_key(&data.key, &before);
            before = labels.clone();
            out.push(Series { labels, points });
        }
    }
    Ok(out)
}

/// How many samples of a series are not after the present step.
#[derive(Default)]
struct Cursor {
    floats: usize,
    histograms: usize,
}

impl Cursor {
    /// The last sample that is not after `look_ms`, which must ascend from call to call.
    fn newest<'d>(&mut self, data: &'d SeriesData, look_ms: i64) -> Option<Newest<'d>> {
        let (times_ms, histograms) = (&data.times_ms, &data.histograms);
        while times_ms.get(self.floats).is_some_and(|at| *at <= look_ms) {
            self.floats += 1;
        }
        while histograms
            .get(self.histograms)
            .is_some_and(|h| h.0 <= look_ms)
        {
            self.histograms += 1;
        }
        let float = self.floats.checked_sub(1);
        let float =
            float.and_then(|at| Some(Newest::Float(*times_ms.get(at)?, *data.values.get(at)?)));
        let histogram = self.histograms.checked_sub(1);
        let histogram = histogram.and_then(|at| histograms.get(at));
        let histogram = histogram.map(|(time_ms, stored)| Newest::Histogram(*time_ms, stored));
        [float, histogram]
            .into_iter()
            .flatten()
            .max_by_key(|newest| newest.time_ms())
    }
}
