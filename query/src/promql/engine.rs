//! The front door: an expression, a source and times in; an answer out. Owns the limits on times and steps and the
//! final shape and order of results.

use super::eval::{Eval, Evaluated, Grid};
use super::notes::Notes;
use super::{Answer, Element, Expr, ExprType, QueryError, QueryValue, Scalar, Series, Text, Value};
use super::{Labels, Point, duration};
use crate::{Budget, Source, TimeRange};

/// Points that one series of a range query may have, as in Prometheus.
pub const MOST_POINTS: i64 = 11_000;

/// Evaluates expressions; nothing but settings, so any number of threads may share one.
#[derive(Debug, Clone, Copy)]
pub struct Engine {
    /// How long a sample is taken for the present value.
    pub lookback_ms: i64,
    /// The step of subqueries that name none.
    pub subquery_step_ms: i64,
}

impl Default for Engine {
    fn default() -> Self {
        Self {
            lookback_ms: 300_000,
            subquery_step_ms: 60_000,
        }
    }
}

impl Engine {
    /// The value at one time.
    ///
    /// # Errors
    /// A time out of bounds, data that do not fit the expression, a spent budget, a failing source.
    pub fn instant(
        &self,
        source: &dyn Source,
        expr: &Expr,
        time_ms: i64,
        budget: &Budget,
    ) -> Result<Answer, QueryError> {
        let grid = Grid {
            spacing_ms: 0,
            ..self.grid(time_ms, time_ms, 1)?
        };
        let notes = Notes::default();
        let eval = Eval::new(self, source, budget, grid, &notes);
        let value = if expr.kind() == ExprType::Matrix {
            QueryValue::Matrix(eval.raw(expr)?)
        } else {
            at_once(eval.eval(expr)?, time_ms)
        };
        Ok(notes.answer(value))
    }

    /// The values from `start_ms` to `end_ms`, both included where the step meets them; always a matrix, by labels.
    ///
    /// # Errors
    /// Besides those of [`Engine::instant`]: a step that is not positive, an end before the start, more than
    /// [`MOST_POINTS`] steps, an expression that is neither a scalar nor an instant vector.
    pub fn range(
        &self,
        source: &dyn Source,
        expr: &Expr,
        start_ms: i64,
        end_ms: i64,
        step_ms: i64,
        budget: &Budget,
    ) -> Result<Answer, QueryError> {
        let grid = self.grid(start_ms, end_ms, step_ms)?;
        if let kind @ (ExprType::Matrix | ExprType::Text) = expr.kind() {
            let found = kind.label();
            let message = format!(
                "invalid expression type {found:?} for range query, must be Scalar or instant Vector"
            );
            return Err(QueryError::Invalid(message));
        }
        let notes = Notes::default();
        let eval = Eval::new(self, source, budget, grid, &notes);
        let mut matrix = over_time(eval.eval(expr)?, grid);
        matrix.sort_by(|a, b| a.labels.cmp(&b.labels));
        Ok(notes.answer(QueryValue::Matrix(matrix)))
    }

    fn grid(&self, start_ms: i64, end_ms: i64, step_ms: i64) -> Result<Grid, QueryError> {
        let invalid = |message: &str| Err(QueryError::Invalid(message.to_owned()));
        if step_ms <= 0 {
            return invalid(
                "zero or negative query resolution step widths are not accepted. Try a positive integer",
            );
        }
        let far = |ms: i64| ms.unsigned_abs() > duration::LONGEST_MS.unsigned_abs();
        if [
            start_ms,
            end_ms,
            step_ms,
            self.lookback_ms,
            self.subquery_step_ms,
        ]
        .into_iter()
        .any(far)
        {
            return invalid("a time or duration is out of bounds: more than 292 years from 1970");
        }
        if self.lookback_ms <= 0 || self.subquery_step_ms <= 0 {
            return invalid("the engine's lookback and subquery step must be positive");
        }
        if end_ms < start_ms {
            return invalid("end timestamp must not be before start time");
        }
        if (end_ms - start_ms) / step_ms > MOST_POINTS {
            return invalid(
                "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)",
            );
        }
        Ok(Grid {
            range: TimeRange {
                from_ms: start_ms,
                to_ms: end_ms,
            },
            step_ms,
            spacing_ms: step_ms,
        })
    }
}

fn at_once(value: Evaluated, time_ms: i64) -> QueryValue {
    match value {
        Evaluated::Scalar(values) => {
            let value = values.first().copied().unwrap_or(f64::NAN);
            QueryValue::Scalar(Scalar { time_ms, value })
        }
        Evaluated::Text(value) => QueryValue::Text(Text { time_ms, value }),
        Evaluated::Vector(series) => {
            let elements = series.into_iter().filter_map(|one| {
                let point = one.points.into_iter().next()?;
                Some(Element {
                    labels: one.labels,
                    point,
                })
            });
            QueryValue::Vector(elements.collect())
        }
    }
}

fn over_time(value: Evaluated, grid: Grid) -> Vec<Series> {
    match value {
        Evaluated::Vector(series) => series,
        Evaluated::Text(_) => Vec::new(),
        Evaluated::Scalar(values) => {
            let points = grid.times().zip(values).map(|(time_ms, value)| Point {
                time_ms,
                value: Value::Float(value),
            });
            vec![Series {
                labels: Labels::default(),
                points: points.collect(),
            }]
        }
    }
}
