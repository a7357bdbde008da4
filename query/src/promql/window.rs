//! Range vectors: the samples of each series once, and the window `(t - range, t]` that slides over them step by step.

use std::ops::Range;
use std::sync::Arc;

use weir_wire::is_stale;

use super::ast::Shift;
use super::eval::{Eval, Grid, unexpected};
use super::notes::Notes;
use super::reading::{Need, Seen};
use super::{Distribution, Expr, Labels, Point, QueryError, Selector, Series, Subquery, Value};
use crate::{SeriesData, TimeRange};

/// Steps that a subquery may have over the whole query.
const MOST_STEPS: usize = 1_000_000;

/// One series' samples, ascending by time; numbers and histograms apart.
pub(super) struct Track {
    pub(super) labels: Labels,
    /// The numbers: when, and what.
    pub(super) times_ms: Vec<i64>,
    pub(super) values: Vec<f64>,
    /// How many samples stand behind each number, where that is asked and is not always one.
    pub(super) weights: Option<Vec<f64>>,
    pub(super) histograms: Vec<(i64, Arc<Distribution>)>,
}

/// A range vector: tracks, how long its windows are, and when they look.
pub(super) struct Ranged {
    pub(super) tracks: Vec<Track>,
    pub(super) range_ms: i64,
    pub(super) shift: Shift,
}

/// What a function over a range sees at one step. Never empty.
pub(super) struct Window<'a> {
    pub(super) times_ms: &'a [i64],
    pub(super) values: &'a [f64],
    pub(super) weights: Option<&'a [f64]>,
    pub(super) histograms: &'a [(i64, Arc<Distribution>)],
    /// The window is `(from_ms, to_ms]`.
    pub(super) from_ms: i64,
    pub(super) to_ms: i64,
    /// The step itself: not `to_ms` where there is an offset.
    pub(super) time_ms: i64,
    /// The function's scalar arguments at this step.
    pub(super) params: &'a [f64],
    pub(super) labels: &'a Labels,
    pub(super) notes: &'a Notes,
}

impl Window<'_> {
    pub(super) fn range_seconds(&self) -> f64 {
        (self.to_ms - self.from_ms) as f64 / 1_000.0
    }

    pub(super) fn param(&self, place: usize) -> f64 {
        self.params.get(place).copied().unwrap_or(f64::NAN)
    }
}

impl Eval<'_> {
    /// The samples behind an expression that the parser knows to be a range vector.
    pub(super) fn ranged(&self, expr: &Expr, need: Need) -> Result<Ranged, QueryError> {
        match expr.bare() {
            Expr::Range { selector, range_ms } => {
                let seen = self.windowed(selector, *range_ms, need)?;
                self.ranged_in(seen, selector, *range_ms)
            }
            Expr::Subquery(subquery) => self.subquery(subquery),
            _ => Err(unexpected("no range vector", "where one is needed")),
        }
    }

    /// A range vector of what is already read.
    pub(super) fn ranged_in(
        &self,
        seen: Seen,
        selector: &Selector,
        range_ms: i64,
    ) -> Result<Ranged, QueryError> {
        Ok(Ranged {
            tracks: self.tracks(seen)?,
            range_ms,
            shift: selector.shift,
        })
    }

    /// A range vector as a result of its own: the samples of the window at the grid's end.
    pub(super) fn raw(&self, expr: &Expr) -> Result<Vec<Series>, QueryError> {
        let ranged = self.ranged(expr, Need::Samples)?;
        let to_ms = self.look(&ranged.shift, self.grid.range.to_ms);
        let within = |time_ms: i64| time_ms > to_ms - ranged.range_ms && time_ms <= to_ms;
        let mut out = Vec::new();
        for track in ranged.tracks {
            let floats = track.times_ms.into_iter().zip(track.values);
            let floats = floats.map(|(time_ms, value)| Point {
                time_ms,
                value: Value::Float(value),
            });
            let histograms = track.histograms.into_iter().map(|(time_ms, value)| Point {
                time_ms,
                value: Value::Histogram(value),
            });
            let mut points: Vec<Point> = floats
                .chain(histograms)
                .filter(|point| within(point.time_ms))
                .collect();
            points.sort_by_key(|point| point.time_ms);
            if !points.is_empty() {
                out.push(Series {
                    labels: track.labels,
                    points,
                });
            }
        }
        out.sort_by(|a, b| a.labels.cmp(&b.labels));
        Ok(out)
    }

    fn tracks(&self, seen: Seen) -> Result<Vec<Track>, QueryError> {
        let mut before = Labels::default();
        let mut out = Vec::with_capacity(seen.found.series.len());
        let mut weights = seen.weights.map(Vec::into_iter);
        for data in seen.found.series {
            let labels = Labels::of_key(&data.key, &before);
            before = labels.clone();
            let weights = weights.as_mut().and_then(Iterator::next);
            out.push(self.track(labels, data, weights)?);
        }
        Ok(out)
    }

    fn track(
        &self,
        labels: Labels,
        data: SeriesData,
        weights: Option<Vec<f64>>,
    ) -> Result<Track, QueryError> {
        let mut histograms = Vec::with_capacity(data.histograms.len());
        for (time_ms, stored) in &data.histograms {
            let value = Distribution::from(stored.as_ref());
            self.budget.take_samples(value.weight())?;
            histograms.push((*time_ms, Arc::new(value)));
        }
        let mut track = Track {
            labels,
            times_ms: data.times_ms,
            values: data.values,
            weights,
            histograms,
        };
        track.drop_stale();
        Ok(track)
    }

    /// Evaluates the inner expression at all times that windows of the outer grid can see: multiples of the step.
    fn subquery(&self, subquery: &Subquery) -> Result<Ranged, QueryError> {
        let step_ms = subquery.step_ms.unwrap_or(self.engine.subquery_step_ms);
        let look = |time_ms| self.look(&subquery.shift, time_ms);
        let before_ms = look(self.grid.range.from_ms) - subquery.range_ms;
        let first_ms = before_ms.div_euclid(step_ms) * step_ms + step_ms;
        let range = TimeRange {
            from_ms: first_ms,
            to_ms: look(self.grid.range.to_ms),
        };
        let mut ranged = Ranged {
            tracks: Vec::new(),
            range_ms: subquery.range_ms,
            shift: subquery.shift,
        };
        if range.to_ms < range.from_ms {
            return Ok(ranged);
        }
        let inner = self.over(Grid {
            range,
            step_ms,
            spacing_ms: step_ms,
        });
        // Bounded and paid even if nothing is found: every node in there walks, or holds, the whole grid.
        if inner.grid.len() > MOST_STEPS {
            let message =
                format!("a subquery has more than {MOST_STEPS} steps; make its step longer");
            return Err(QueryError::Invalid(message));
        }
        self.budget.take_samples(inner.grid.len() as u64)?;
        let series = inner.vector(&subquery.expr)?;
        ranged.tracks = series.into_iter().map(track_of).collect();
        Ok(ranged)
    }

    /// Runs a function over the windows of one series.
    pub(super) fn slide(
        &self,
        ranged: &Ranged,
        track: &Track,
        params: &[Vec<f64>],
        mut run: impl FnMut(&Window<'_>) -> Option<Value>,
    ) -> Result<Vec<Point>, QueryError> {
        self.budget.take_samples(self.grid.len() as u64)?;
        let (mut floats, mut histograms) = (Span::default(), Span::default());
        let mut points = Vec::new();
        let mut at_step = vec![0.0; params.len()];
        for (step, time_ms) in self.grid.times().enumerate() {
            self.budget.check()?;
            let to_ms = self.look(&ranged.shift, time_ms);
            let from_ms = to_ms - ranged.range_ms;
            let floats = floats.moved(&track.times_ms, |at| *at, from_ms, to_ms);
            let histograms = histograms.moved(&track.histograms, |h| h.0, from_ms, to_ms);
            if floats.is_empty() && histograms.is_empty() {
                continue;
            }
            for (slot, values) in at_step.iter_mut().zip(params) {
                *slot = values.get(step).copied().unwrap_or(f64::NAN);
            }
            let window = Window {
                times_ms: &track.times_ms[floats.clone()],
                values: &track.values[floats.clone()],
                weights: track.weights.as_ref().map(|weights| &weights[floats]),
                histograms: &track.histograms[histograms],
                from_ms,
                to_ms,
                time_ms,
                params: &at_step,
                labels: &track.labels,
                notes: self.notes,
            };
            points.extend(run(&window).map(|value| Point { time_ms, value }));
        }
        Ok(points)
    }
}

impl Track {
    /// Whether it is of numbers alone, each of them one sample.
    pub(super) fn is_plain(&self) -> bool {
        self.histograms.is_empty() && self.weights.is_none()
    }

    /// Stale marks are no numbers.
    fn drop_stale(&mut self) {
        if !self.values.iter().any(|value| is_stale(*value)) {
            return;
        }
        let mut kept = self.values.iter().map(|value| !is_stale(*value));
        self.times_ms.retain(|_| kept.next().unwrap_or_default());
        if let Some(weights) = &mut self.weights {
            let mut kept = self.values.iter().map(|value| !is_stale(*value));
            weights.retain(|_| kept.next().unwrap_or_default());
        }
        self.values.retain(|value| !is_stale(*value));
    }
}

fn track_of(series: Series) -> Track {
    let mut track = Track {
        labels: series.labels,
        times_ms: Vec::new(),
        values: Vec::new(),
        weights: None,
        histograms: Vec::new(),
    };
    for point in series.points {
        match point.value {
            Value::Float(value) => {
                track.times_ms.push(point.time_ms);
                track.values.push(value);
            }
            Value::Histogram(value) => track.histograms.push((point.time_ms, value)),
        }
    }
    track
}

/// The part of a track within the window; both ends only move forward.
#[derive(Default)]
struct Span {
    from: usize,
    to: usize,
}

impl Span {
    fn moved<T>(
        &mut self,
        track: &[T],
        time_ms: impl Fn(&T) -> i64,
        from_ms: i64,
        to_ms: i64,
    ) -> Range<usize> {
        while track.get(self.to).is_some_and(|at| time_ms(at) <= to_ms) {
            self.to += 1;
        }
        while self.from < self.to && time_ms(&track[self.from]) <= from_ms {
            self.from += 1;
        }
        self.from..self.to
    }
}
