//! Evaluation over a grid of times: each node of the tree yields all its values at once, its leaves read once.
//! Owns the grid and the dispatch; each construct's meaning is in the files beside.

use super::assembly::joined;
use super::notes::Notes;
use super::{Engine, Expr, Labels, Point, QueryError, Series, Value};
use super::{aggregate, binary, functions};
use crate::{Budget, Source, TimeRange};

/// The times to evaluate at: from the range's start, by steps, up to its end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grid {
    pub(super) range: TimeRange,
    pub(super) step_ms: i64,
    /// How far apart points may be that its values are made of; 0 for a single time, which is about each sample.
    pub(super) spacing_ms: i64,
}

impl Grid {
    pub(super) fn len(&self) -> usize {
        let span_ms = self.range.to_ms - self.range.from_ms;
        usize::try_from(span_ms / self.step_ms + 1).unwrap_or_default()
    }

    pub(super) fn times(self) -> impl Iterator<Item = i64> {
        (0..self.len() as i64).map(move |step| self.range.from_ms + step * self.step_ms)
    }

    /// Which step a time of this grid is.
    pub(super) fn step(&self, time_ms: i64) -> usize {
        usize::try_from((time_ms - self.range.from_ms) / self.step_ms).unwrap_or_default()
    }
}

/// A node's values over the grid.
pub(super) enum Evaluated {
    /// One for each step.
    Scalar(Vec<f64>),
    /// Points on the grid.
    Vector(Vec<Series>),
    Text(String),
}

/// One evaluation: what is the same for all nodes of a tree over one grid.
pub(super) struct Eval<'a> {
    pub(super) engine: &'a Engine,
    pub(super) source: &'a dyn Source,
    pub(super) budget: &'a Budget,
    pub(super) grid: Grid,
    /// Of the whole query, also within subqueries: what `start()` and `end()` mean.
    pub(super) whole: TimeRange,
    pub(super) notes: &'a Notes,
    /// Off only where a test wants to see the general engine alone.
    pub(super) by_columns: bool,
}

impl<'a> Eval<'a> {
    pub(super) fn new(
        engine: &'a Engine,
        source: &'a dyn Source,
        budget: &'a Budget,
        grid: Grid,
        notes: &'a Notes,
    ) -> Self {
        let whole = grid.range;
        Self {
            engine,
            source,
            budget,
            grid,
            whole,
            notes,
            by_columns: true,
        }
    }

    /// The same evaluation over other times, for a subquery.
    pub(super) fn over(&self, grid: Grid) -> Eval<'a> {
        Eval { grid, ..*self }
    }

    pub(super) fn eval(&self, expr: &Expr) -> Result<Evaluated, QueryError> {
        self.budget.check()?;
        match expr {
            Expr::Number(value) => Ok(Evaluated::Scalar(self.constant(*value)?)),
            Expr::Text(text) => Ok(Evaluated::Text(text.clone())),
            Expr::Selector(selector) => self.instant(selector).map(Evaluated::Vector),
            Expr::Paren(inner) => self.eval(inner),
            Expr::Negate(inner) => negated(self.eval(inner)?),
            Expr::Binary(node) => binary::eval(self, node),
            Expr::Aggregate(node) => aggregate::eval(self, node).map(Evaluated::Vector),
            Expr::Call(call) => functions::eval(self, call),
            Expr::Range { .. } | Expr::Subquery(_) => Err(unexpected("a range vector", "alone")),
        }
    }

    pub(super) fn constant(&self, value: f64) -> Result<Vec<f64>, QueryError> {
        self.budget.take_samples(self.grid.len() as u64)?;
        Ok(vec![value; self.grid.len()])
    }

    /// Of an expression that the parser knows to be a vector.
    pub(super) fn vector(&self, expr: &Expr) -> Result<Vec<Series>, QueryError> {
        match self.eval(expr)? {
            Evaluated::Vector(series) => Ok(series),
            _ => Err(unexpected("no instant vector", "where one is needed")),
        }
    }

    /// Of an expression that the parser knows to be a scalar: one value for each step.
    pub(super) fn scalar(&self, expr: &Expr) -> Result<Vec<f64>, QueryError> {
        match self.eval(expr)? {
            Evaluated::Scalar(values) => Ok(values),
            _ => Err(unexpected("no scalar", "where one is needed")),
        }
    }

    /// Of an expression that the parser knows to be a string.
    pub(super) fn text(&self, expr: &Expr) -> Result<String, QueryError> {
        match self.eval(expr)? {
            Evaluated::Text(text) => Ok(text),
            _ => Err(unexpected("no string", "where one is needed")),
        }
    }
}

/// Only for trees that no parser made.
pub(super) fn unexpected(what: &str, place: &str) -> QueryError {
    QueryError::Invalid(format!("{what} {place}; build expressions with parse()"))
}

fn negated(value: Evaluated) -> Result<Evaluated, QueryError> {
    match value {
        Evaluated::Scalar(values) => Ok(Evaluated::Scalar(values.iter().map(|v| -v).collect())),
        Evaluated::Text(_) => Err(unexpected("a string", "with a sign")),
        Evaluated::Vector(series) => mapped(series, Labels::without_name, |_, value| {
            Some(match value {
                Value::Float(value) => Value::Float(-value),
                Value::Histogram(value) => value.scaled(-1.0).into(),
            })
        })
        .map(Evaluated::Vector),
    }
}

/// Each point on its own: new labels for each series, a new value or none for each point.
pub(super) fn mapped(
    series: Vec<Series>,
    relabel: impl Fn(&Labels) -> Labels,
    mut change: impl FnMut(i64, Value) -> Option<Value>,
) -> Result<Vec<Series>, QueryError> {
    let mut out = Vec::with_capacity(series.len());
    for one in series {
        let changed = one.points.into_iter().filter_map(|point| {
            let value = change(point.time_ms, point.value)?;
            Some(Point { value, ..point })
        });
        let points: Vec<Point> = changed.collect();
        if !points.is_empty() {
            out.push(Series {
                labels: relabel(&one.labels),
                points,
            });
        }
    }
    joined(out)
}
