//! One metric's state. Knows its kind and its series; the table decides whether it lives.

use std::sync::Arc;

use hashbrown::HashSet;
use weir_wire::statsd::{Metric, Value};
use weir_wire::{Reject, SeriesKey};
use xxhash_rust::xxh3::xxh3_128;

use super::names::Kind;

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) names: Arc<Names>,
    pub(super) state: State,
    /// Hit in the open interval.
    pub(super) hit: bool,
    /// Has been sent.
    pub(super) begun: bool,
    /// Intervals that a gauge lives on.
    pub(super) ttl: u32,
}

/// What of an entry does not change.
#[derive(Debug)]
pub(super) struct Names {
    pub(super) kind: Kind,
    /// As the metric calls itself.
    pub(super) own: SeriesKey,
    /// In the order in which figures are given; `None` for a figure that is never sent.
    pub(super) keys: Vec<Option<SeriesKey>>,
    /// Of a timer.
    pub(super) bins: Vec<f64>,
}

#[derive(Debug)]
pub(super) enum State {
    Counter(f64),
    Gauge(f64),
    /// The values, and what they stand for.
    Timer(Vec<f64>, f64),
    Set(Box<HashSet<u128>>),
}

/// What may still be taken, of all entries together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Room {
    pub(super) values: usize,
    pub(super) members: usize,
}

impl Entry {
    pub(super) fn new(names: Names) -> Self {
        let state = match names.kind {
            Kind::Counter => State::Counter(0.0),
            Kind::Gauge => State::Gauge(0.0),
            Kind::Timer => State::Timer(Vec::new(), 0.0),
            Kind::Set => State::Set(Box::default()),
        };
        Self {
            names: Arc::new(names),
            state,
            hit: false,
            begun: false,
            ttl: 0,
        }
    }

    /// Takes a metric of its own kind, and from the room what it needs. Refused, it leaves everything as it was.
    pub(super) fn add(&mut self, metric: &Metric<'_>, room: &mut Room) -> Result<(), Reject> {
        match (&mut self.state, metric.value) {
            (State::Counter(sum), Value::Counter(by)) => *sum = finite(*sum + by / metric.rate)?,
            (State::Gauge(value), Value::GaugeSet(to)) => *value = to,
            (State::Gauge(value), Value::GaugeDelta(by)) => *value = finite(*value + by)?,
            (State::Timer(values, count), Value::Timer(value)) => {
                // Its square is summed up.
                finite(value * value)?;
                room.values = room.values.checked_sub(1).ok_or(Reject::OverLimit)?;
                values.push(value);
                *count += 1.0 / metric.rate;
            }
            (State::Set(members), Value::Set(member)) => {
                let hash = xxh3_128(member.as_bytes());
                if !members.contains(&hash) {
                    room.members = room.members.checked_sub(1).ok_or(Reject::OverLimit)?;
                    members.insert(hash);
                }
            }
            _ => return Err(Reject::BadName),
        }
        self.hit = true;
        Ok(())
    }
}

fn finite(number: f64) -> Result<f64, Reject> {
    match number.is_finite() {
        true => Ok(number),
        false => Err(Reject::NotFinite),
    }
}
