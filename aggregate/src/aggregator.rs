//! The public face: takes metrics in between, gives samples at an interval's end. Owns the table of entries and the
//! bound on set members.

use weir_wire::Reject;
use weir_wire::statsd::{Metric, Value};

use crate::close::{Closed, Closing};
use crate::entry::Entry;
use crate::table::Table;

/// Bounds and what every series carries.
#[derive(Debug, Clone)]
pub struct AggregatorConfig {
    /// Series that may live at once; a timer is nine. New ones past this are refused.
    pub max_series: usize,
    /// Members that all sets of one interval may have together, at 32 bytes each.
    pub max_set_members: usize,
    /// Intervals without a hit after which a series ends; at least 1.
    pub idle_intervals: u32,
    /// Labels of every series that does not bring one of that name itself.
    pub labels: Vec<(String, String)>,
}

impl Default for AggregatorConfig {
    fn default() -> Self {
        Self {
            max_series: 100_000,
            max_set_members: 1_000_000,
            idle_intervals: 30,
            labels: Vec::new(),
        }
    }
}

/// The open interval and what outlives it.
#[derive(Debug)]
pub struct Aggregator {
    config: AggregatorConfig,
    table: Table,
    set_members: usize,
}

impl Aggregator {
    #[must_use]
    pub fn new(config: AggregatorConfig) -> Self {
        Self {
            config,
            table: Table::default(),
            set_members: 0,
        }
    }

    /// Adds one metric to the open interval.
    ///
    /// # Errors
    /// - [`Reject::OverLimit`]: a new series or set member past its bound;
    /// - [`Reject::BadName`]: too long, or in use by another kind;
    /// - [`Reject::BadLabels`]: tags that make no series;
    /// - [`Reject::BadValue`]: a counter that would fall (a total must not: readers take that for a restart), a timer
    ///   below 0 or above [`weir_wire::Histogram::MAX`];
    /// - [`Reject::BadRate`]: a timer's rate below one in a thousand million;
    /// - [`Reject::NotFinite`]: a sum that left the floats.
    ///
    /// Nothing is kept of a metric that is refused, a series that it would have made included.
    pub fn record(&mut self, metric: &Metric<'_>) -> Result<(), Reject> {
        check(metric)?;
        let slot = self.table.find_or_insert(metric, &self.config)?;
        let entry = self.table.entry(slot).ok_or(Reject::BadName)?;
        let was_empty = entry.is_new();
        let room = self.config.max_set_members - self.set_members.min(self.config.max_set_members);
        match entry.add(metric, room) {
            Ok(members) => {
                self.set_members += members;
                Ok(())
            }
            Err(reject) => {
                if was_empty {
                    self.table.forget(slot);
                }
                Err(reject)
            }
        }
    }

    /// Ends the interval from `from_ms` to `to_ms` (milliseconds since 1970) and begins the next.
    pub fn close(&mut self, from_ms: i64, to_ms: i64) -> Closed {
        self.set_members = 0;
        let mut closing = Closing::new(from_ms, to_ms, self.config.idle_intervals);
        self.table.retain(|entry| closing.entry(entry));
        closing.closed(self.table.series())
    }

    /// Series that live now.
    #[must_use]
    pub fn series(&self) -> usize {
        self.table.series()
    }
}

/// What can be told before a series is looked for.
fn check(metric: &Metric<'_>) -> Result<(), Reject> {
    match metric.value {
        Value::Counter(by) if by < 0.0 => Err(Reject::BadValue),
        Value::Timer(value) => Entry::check_timer(value, metric.rate),
        _ => Ok(()),
    }
}
