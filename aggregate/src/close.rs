//! An interval's end: what each entry sends and which have been idle for too long.

use std::sync::Arc;

use weir_wire::{Histogram, Sample, SeriesKey, Value, stale};

use crate::entry::{Entry, State};
use crate::names::{Keys, QUANTILES, TimerKeys};
use crate::timer::{Timer, Values};

/// What an interval gave.
#[derive(Debug, Default)]
pub struct Closed {
    pub samples: Vec<(SeriesKey, Sample)>,
    /// Series that live on.
    pub series: usize,
    /// Metrics that ended for want of hits.
    pub expired: usize,
}

/// An interval that ended and is not worked out yet: nothing of it is the aggregator's any more, so that this can be done
/// while the next is open.
#[derive(Debug)]
pub struct Ended {
    pieces: Vec<Piece>,
    series: usize,
    expired: usize,
}

#[derive(Debug)]
enum Piece {
    Sample(SeriesKey, Sample),
    Timer(Arc<TimerKeys>, Values),
}

impl Ended {
    /// Works it out.
    #[must_use]
    pub fn close(self, to_ms: i64) -> Closed {
        let mut samples = Vec::with_capacity(self.pieces.len());
        for piece in self.pieces {
            match piece {
                Piece::Sample(key, sample) => samples.push((key, sample)),
                Piece::Timer(keys, values) => {
                    if let Some(values) = values.distribution() {
                        distribution(&keys, values, to_ms, &mut samples);
                    }
                }
            }
        }
        Closed {
            samples,
            series: self.series,
            expired: self.expired,
        }
    }
}

fn distribution(
    keys: &TimerKeys,
    values: Histogram,
    to_ms: i64,
    samples: &mut Vec<(SeriesKey, Sample)>,
) {
    let mut push = |key: &Option<SeriesKey>, value| {
        let sample = Sample {
            timestamp_ms: to_ms,
            value,
        };
        samples.extend(key.iter().map(|key| (key.clone(), sample.clone())));
    };
    push(&keys.min, Value::Float(values.min()));
    push(&keys.max, Value::Float(values.max()));
    for (key, (_, quantile)) in keys.quantiles.iter().zip(QUANTILES) {
        push(key, Value::Float(values.quantile(quantile)));
    }
    push(&keys.values, Value::Histogram(Arc::new(values)));
}

/// An interval being ended.
pub(crate) struct Closing {
    from_ms: i64,
    to_ms: i64,
    idle_intervals: u32,
    pieces: Vec<Piece>,
    expired: usize,
}

impl Closing {
    pub(crate) fn new(from_ms: i64, to_ms: i64, idle_intervals: u32) -> Self {
        Self {
            from_ms,
            to_ms,
            idle_intervals: idle_intervals.max(1),
            pieces: Vec::new(),
            expired: 0,
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

    pub(crate) fn ended(self, series: usize) -> Ended {
        Ended {
            pieces: self.pieces,
            series,
            expired: self.expired,
        }
    }

    /// The mark is a millisecond before the end: a series that comes back in the next interval begins with its 0 at
    /// this end, and both must stand.
    fn end(&mut self, keys: &Keys) {
        self.expired += 1;
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

    fn timer(&mut self, keys: &Arc<TimerKeys>, timer: &mut Timer, first: bool) {
        if let Some(count) = &keys.count {
            self.total(count, timer.count_total, first);
        }
        if let Some(sum) = &keys.sum {
            self.total(sum, timer.sum_total, first);
        }
        if let Some(values) = timer.take() {
            self.pieces.push(Piece::Timer(Arc::clone(keys), values));
        }
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
        self.pieces.push(Piece::Sample(key.clone(), sample));
    }
}
