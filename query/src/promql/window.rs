//! Range vectors: the samples of each series once, and the window `(t - range, t]` that slides over them step by step.

use std::sync::Arc;

use super::ast::Shift;
use super::eval::{Eval, Grid, unexpected};
use super::notes::Notes;
use super::selection::{distribution, is_end};
use super::{Distribution, Expr, Labels, Point, QueryError, Series, Subquery, Value};
use crate::{SeriesData, TimeRange};

/// Steps that a subquery may have over the whole query.
const MOST_STEPS: usize = 1_000_000;

/// One series' samples, ascending by time; numbers and histograms apart.
pub(super) struct Track {
    pub(super) labels: Labels,
    pub(super) floats: Vec<(i64, f64)>,
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
    pub(super) floats: &'a [(i64, f64)],
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
    pub(super) fn ranged(&self, expr: &Expr) -> Result<Ranged, QueryError> {
        match expr.bare() {
            Expr::Range { selector, range_ms } => {
                let found = self.fetch(&selector.matchers, &selector.shift, *range_ms)?;
                Ok(Ranged {
                    tracks: self.tracks(found)?,
                    range_ms: *range_ms,
                    shift: selector.shift,
                })
            }
            Expr::Subquery(subquery) => self.subquery(subquery),
            _ => Err(unexpected("no range vector", "where one is needed")),
        }
    }

    /// A range vector as a result of its own: the samples of the window at the grid's end.
    pub(super) fn raw(&self, expr: &Expr) -> Result<Vec<Series>, QueryError> {
        let ranged = self.ranged(expr)?;
        let to_ms = self.look(&ranged.shift, self.grid.range.to_ms);
        let within = |time_ms: i64| time_ms > to_ms - ranged.range_ms && time_ms <= to_ms;
        let mut out = Vec::new();
        for track in ranged.tracks {
            let floats = track.floats.into_iter().map(|(time_ms, value)| Point {
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

    fn tracks(&self, found: Vec<SeriesData>) -> Result<Vec<Track>, QueryError> {
        let mut before = Labels::default();
        let mut out = Vec::with_capacity(found.len());
        for data in found {
            let labels = Labels::of_key(&data.key, &before);
            before = labels.clone();
            let (mut floats, mut histograms) = (Vec::new(), Vec::new());
            for sample in data.samples.into_iter().filter(|sample| !is_end(sample)) {
                match sample.value {
                    weir_wire::Value::Float(value) => floats.push((sample.timestamp_ms, value)),
                    weir_wire::Value::Histogram(stored) => {
                        let value = distribution(&stored);
                        self.budget.take_samples(value.weight())?;
                        histograms.push((sample.timestamp_ms, value));
                    }
                }
            }
            out.push(Track {
                labels,
                floats,
                histograms,
            });
        }
        Ok(out)
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
        let inner = self.over(Grid { range, step_ms });
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
            let floats = floats.moved(&track.floats, from_ms, to_ms);
            let histograms = histograms.moved(&track.histograms, from_ms, to_ms);
            if floats.is_empty() && histograms.is_empty() {
                continue;
            }
            for (slot, values) in at_step.iter_mut().zip(params) {
                *slot = values.get(step).copied().unwrap_or(f64::NAN);
            }
            let window = Window {
                floats,
                histograms,
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

fn track_of(series: Series) -> Track {
    let (mut floats, mut histograms) = (Vec::new(), Vec::new());
    for point in series.points {
        match point.value {
            Value::Float(value) => floats.push((point.time_ms, value)),
            Value::Histogram(value) => histograms.push((point.time_ms, value)),
        }
    }
    Track {
        labels: series.labels,
        floats,
        histograms,
    }
}

/// The part of a track within the window; both ends only move forward.
#[derive(Default)]
struct Span {
    from: usize,
    to: usize,
}

impl Span {
    fn moved<'t, T>(&mut self, track: &'t [(i64, T)], from_ms: i64, to_ms: i64) -> &'t [(i64, T)] {
        while track
            .get(self.to)
            .is_some_and(|(time_ms, _)| *time_ms <= to_ms)
        {
            self.to += 1;
        }
        while self.from < self.to && track[self.from].0 <= from_ms {
            self.from += 1;
        }
        &track[self.from..self.to]
    }
}
