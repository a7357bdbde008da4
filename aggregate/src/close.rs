//! An interval's end: what each entry sends and which have been idle for too long.

use std::sync::Arc;

use weir_wire::{Histogram, Sample, SeriesKey, Value, stale};

use crate::entry::{Entry, State};
use crate::names::{Keys, QUANTILES, TimerKeys};
use crate::timer::Timer;

/// What an interval gave.
#[derive(Debug, Default)]
pub struct Closed {
    pub samples: Vec<(SeriesKey, Sample)>,
    /// Series that live on.
    pub series: usize,
    /// Metrics that ended for want of hits.
    pub expired: usize,
}

/// An interval being closed.
pub(crate) struct Closing {
    from_ms: i64,
    to_ms: i64,
    idle_intervals: u32,
    closed: Closed,
}

impl Closing {
    pub(crate) fn new(from_ms: i64, to_ms: i64, idle_intervals: u32) -> Self {
        Self {
            from_ms,
            to_ms,
            idle_intervals: idle_intervals.max(1),
            closed: Closed::default(),
        }
    }

    /// Sends what the entry has; whether it lives on.
    pub(crate) fn entry(&mut self, entry: &mut Entry) -> bool {
        entry.idle = if entry.hit { 0 } else { entry.idle + 1 };
        entry.hit = false;
        if entry.idle >= self.idle_intervals {
            self.end(&entry.keys);
            return false;
        }
        let first = !std::mem::replace(&mut entry.begun, true);
        match (&entry.keys, &mut entry.state) {
            (Keys::One(key), State::Counter { total }) => self.total(key, *total, first),
            (Keys::One(key), State::Gauge { value }) => self.float(key, *value),
            (Keys::One(key), State::Set(members)) => {
                let members = members.take();
                self.float(key, members as f64);
            }
            (Keys::Timer(keys), State::Timer(timer)) => self.timer(keys, timer, first),
            // An entry's keys and state are made from one metric.
            _ => {}
        }
        true
    }

    pub(crate) fn closed(self, series: usize) -> Closed {
        Closed {
            series,
            ..self.closed
        }
    }

    /// The mark is a millisecond before the end: a series that comes back in the next interval begins with its 0 at
    /// this end, and both must stand.
    fn end(&mut self, keys: &Keys) {
        self.closed.expired += 1;
        let at_ms = self.to_ms.saturating_sub(1);
        match keys {
            Keys::One(key) => self.push(key, at_ms, Value::Float(stale())),
            // Distributions are of their interval only: none means no values.
            Keys::Timer(keys) => {
                for key in keys.derived() {
                    self.push(key, at_ms, Value::Float(stale()));
                }
            }
        }
    }

    fn timer(&mut self, keys: &TimerKeys, timer: &mut Timer, first: bool) {
        self.total(&keys.count, timer.count_total, first);
        self.total(&keys.sum, timer.sum_total, first);
        if let Some(values) = timer.take() {
            self.distribution(keys, values);
        }
    }

    fn distribution(&mut self, keys: &TimerKeys, values: Histogram) {
        self.float(&keys.min, values.min());
        self.float(&keys.max, values.max());
        for (key, (_, quantile)) in keys.quantiles.iter().zip(QUANTILES) {
            self.float(key, values.quantile(quantile));
        }
        let values = Value::Histogram(Arc::new(values));
        self.push(&keys.values, self.to_ms, values);
    }

    fn total(&mut self, key: &SeriesKey, total: f64, first: bool) {
        if first {
            self.push(key, self.from_ms, Value::Float(0.0));
        }
        self.float(key, total);
    }

    fn float(&mut self, key: &SeriesKey, value: f64) {
        self.push(key, self.to_ms, Value::Float(value));
    }

    fn push(&mut self, key: &SeriesKey, timestamp_ms: i64, value: Value) {
        let sample = Sample {
            timestamp_ms,
            value,
        };
        self.closed.samples.push((key.clone(), sample));
    }
}
