//! One metric's state across intervals. Knows its kind and its series; the table decides whether it lives.

use weir_wire::Reject;
use weir_wire::statsd::{Metric, Value};

use crate::members::Members;
use crate::names::Keys;
use crate::timer::Timer;

/// A metric that lives.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) keys: Keys,
    pub(crate) state: State,
    /// Hit in the open interval.
    pub(crate) hit: bool,
    /// Closed intervals since the last hit.
    pub(crate) idle: u32,
    /// Its beginning has been sent.
    pub(crate) begun: bool,
}

#[derive(Debug)]
pub(crate) enum State {
    Counter { total: f64 },
    Gauge { value: f64 },
    Timer(Box<Timer>),
    Set(Box<Members>),
}

impl Entry {
    pub(crate) fn new(keys: Keys, value: &Value<'_>) -> Self {
        let state = match value {
            Value::Counter(_) => State::Counter { total: 0.0 },
            Value::GaugeSet(_) | Value::GaugeDelta(_) => State::Gauge { value: 0.0 },
            Value::Timer(_) => State::Timer(Box::default()),
            Value::Set(_) => State::Set(Box::default()),
        };
        Self {
            keys,
            state,
            hit: false,
            idle: 0,
            begun: false,
        }
    }

    /// Neither hit nor sent yet.
    pub(crate) fn is_new(&self) -> bool {
        !self.hit && !self.begun
    }

    pub(crate) fn is_of(&self, value: &Value<'_>) -> bool {
        matches!(
            (&self.state, value),
            (State::Counter { .. }, Value::Counter(_))
                | (
                    State::Gauge { .. },
                    Value::GaugeSet(_) | Value::GaugeDelta(_)
                )
                | (State::Timer(_), Value::Timer(_))
                | (State::Set(_), Value::Set(_))
        )
    }

    /// Reads what lies where the entry does, and where a timer's values do.
    #[inline]
    pub(crate) fn touch(&self) -> bool {
        match &self.state {
            State::Timer(timer) => timer.touch(),
            _ => self.hit,
        }
    }

    pub(crate) fn check_timer(value: f64, rate: f64) -> Result<(), Reject> {
        Timer::check(value, rate)
    }

    /// Takes a metric of its own kind; how many set members it made more. Refused, it leaves everything as it was.
    pub(crate) fn add(&mut self, metric: &Metric<'_>, room: usize) -> Result<usize, Reject> {
        let mut members = 0;
        match (&mut self.state, metric.value) {
            (State::Counter { total }, Value::Counter(by)) => {
                *total = finite(*total + by / metric.rate)?;
            }
            (State::Gauge { value }, Value::GaugeSet(to)) => *value = to,
            (State::Gauge { value }, Value::GaugeDelta(by)) => *value = finite(*value + by)?,
            (State::Timer(timer), Value::Timer(value)) => timer.add(value, metric.rate)?,
            (State::Set(set), Value::Set(member)) => {
                members = set.add(member, room).ok_or(Reject::OverLimit)?;
            }
            _ => return Err(Reject::BadName),
        }
        self.hit = true;
        Ok(members)
    }
}

fn finite(number: f64) -> Result<f64, Reject> {
    if number.is_finite() {
        Ok(number)
    } else {
        Err(Reject::NotFinite)
    }
}
