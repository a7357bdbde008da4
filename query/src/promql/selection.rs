//! Selectors over the grid: what is read from the source, and which sample stands for each step. A sample counts for
//! the lookback after it, `(t - lookback, t]`; a stale mark ends it at once.

use std::sync::Arc;

use weir_wire::{Matcher, Sample, is_stale};

use super::ast::{At, Shift};
use super::eval::Eval;
use super::{Distribution, Labels, Point, QueryError, Selector, Series, Value};
use crate::{SeriesData, TimeRange};

impl Eval<'_> {
    /// The value of each series at each step.
    pub(super) fn instant(&self, selector: &Selector) -> Result<Vec<Series>, QueryError> {
        self.newest(selector, |sample| match &sample.value {
            weir_wire::Value::Float(value) => Value::Float(*value),
            weir_wire::Value::Histogram(stored) => Distribution::from(stored.as_ref()).into(),
        })
    }

    /// The time, in seconds, of the sample that stands for each step.
    pub(super) fn instant_times(&self, selector: &Selector) -> Result<Vec<Series>, QueryError> {
        self.newest(selector, |sample| {
            Value::Float(sample.timestamp_ms as f64 / 1_000.0)
        })
    }

    fn newest(
        &self,
        selector: &Selector,
        value: impl Fn(&Sample) -> Value,
    ) -> Result<Vec<Series>, QueryError> {
        let mut before = Labels::default();
        let mut out = Vec::new();
        for data in self.fetch(&selector.matchers, &selector.shift, self.engine.lookback_ms)? {
            let points = self.newest_of(&data.samples, &selector.shift, &value)?;
            if !points.is_empty() {
                let labels = Labels::of_key(&data.key, &before);
                before = labels.clone();
                out.push(Series { labels, points });
            }
        }
        Ok(out)
    }

    fn newest_of(
        &self,
        samples: &[Sample],
        shift: &Shift,
        value: impl Fn(&Sample) -> Value,
    ) -> Result<Vec<Point>, QueryError> {
        self.budget.take_samples(self.grid.len() as u64)?;
        let mut points = Vec::new();
        // How many samples are not after the step; and the value of the last of them, once it is made.
        let mut seen = 0;
        let mut made: Option<(usize, Value)> = None;
        for time_ms in self.grid.times() {
            let look_ms = self.look(shift, time_ms);
            while samples.get(seen).is_some_and(|s| s.timestamp_ms <= look_ms) {
                seen += 1;
            }
            let Some(sample) = seen.checked_sub(1).and_then(|at| samples.get(at)) else {
                continue;
            };
            let old = sample.timestamp_ms <= look_ms - self.engine.lookback_ms;
            if old || is_end(sample) {
                continue;
            }
            let value = match &made {
                Some((at, value)) if *at == seen => value.clone(),
                _ => {
                    let value = value(sample);
                    if let Value::Histogram(made) = &value {
                        self.budget.take_samples(made.weight())?;
                    }
                    made.insert((seen, value)).1.clone()
                }
            };
            points.push(Point { time_ms, value });
        }
        Ok(points)
    }

    /// The time that a selector looks at when it is evaluated at `time_ms`.
    pub(super) fn look(&self, shift: &Shift, time_ms: i64) -> i64 {
        let time_ms = match shift.at {
            None => time_ms,
            Some(At::Time { time_ms }) => time_ms,
            Some(At::Start) => self.whole.from_ms,
            Some(At::End) => self.whole.to_ms,
        };
        time_ms - shift.offset_ms
    }

    /// All samples that windows of this length can see, read once for the whole grid.
    pub(super) fn fetch(
        &self,
        matchers: &[Matcher],
        shift: &Shift,
        window_ms: i64,
    ) -> Result<Vec<SeriesData>, QueryError> {
        let range = TimeRange {
            // Windows are open to the left.
            from_ms: self.look(shift, self.grid.range.from_ms) - window_ms + 1,
            to_ms: self.look(shift, self.grid.range.to_ms),
        };
        Ok(self.source.select(matchers, range, self.budget)?)
    }
}

pub(super) fn is_end(sample: &Sample) -> bool {
    matches!(sample.value, weir_wire::Value::Float(value) if is_stale(value))
}

/// A stored histogram, ready to reckon with.
pub(super) fn distribution(stored: &weir_wire::Histogram) -> Arc<Distribution> {
    Arc::new(Distribution::from(stored))
}
