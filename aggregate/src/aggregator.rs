//! The public face: takes metrics in between, gives samples at an interval's end. Owns the table of entries and the
//! bound on set members.

use weir_wire::Reject;
use weir_wire::statsd::{Metric, Value};

use crate::close::{Closed, Closing, Ended};
use crate::entry::Entry;
use crate::names::Labels;
use crate::newcomers::{Everyone, Newcomers};
use crate::table::Table;

/// Metrics that are looked for before the first is added to.
const TOGETHER: usize = 16;

/// Behind a counter's name: the total of what was counted down.
pub const DECREMENTS: &str = "_decrements";

/// Bounds and what every series carries.
#[derive(Debug, Clone)]
pub struct AggregatorConfig {
    /// Series that may live at once; a timer is nine. New ones past this are refused.
    pub max_series: usize,
    /// Members that all sets of one interval may have together, at 32 bytes each.
    pub max_set_members: usize,
    /// Intervals without a hit after which a series ends; at least 1.
    pub idle_intervals: u32,
    pub labels: Labels,
}

impl Default for AggregatorConfig {
    fn default() -> Self {
        Self {
            max_series: 100_000,
            max_set_members: 1_000_000,
            idle_intervals: 30,
            labels: Labels::default(),
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

    /// Adds one metric to the open interval; where it was measured at another time does not matter here.
    ///
    /// # Errors
    /// - [`Reject::OverLimit`]: a new series or set member past its bound;
    /// - [`Reject::BadName`]: too long, or in use by another kind;
    /// - [`Reject::BadLabels`]: tags that make no series;
    /// - [`Reject::BadValue`]: a timer below 0 or above [`weir_wire::Histogram::MAX`];
    /// - [`Reject::BadRate`]: a timer's rate below one in a thousand million;
    /// - [`Reject::NotFinite`]: a sum that left the floats.
    ///
    /// Nothing is kept of a metric that is refused, a series that it would have made included.
    pub fn record(&mut self, metric: &Metric<'_>) -> Result<(), Reject> {
        self.record_from(metric, &mut Everyone)
    }

    /// The same, with somebody who decides about what is new.
    ///
    /// # Errors
    /// Theirs, too.
    pub fn record_from(
        &mut self,
        metric: &Metric<'_>,
        newcomers: &mut impl Newcomers,
    ) -> Result<(), Reject> {
        match metric.value {
            // A total must not fall: readers take that for a restart.
            Value::Counter(by) if by < 0.0 => {
                let up = Metric {
                    value: Value::Counter(-by),
                    ..metric.clone()
                };
                self.add(&up, DECREMENTS, newcomers)
            }
            Value::Timer(value) => {
                Entry::check_timer(value, metric.rate)?;
                self.add(metric, "", newcomers)
            }
            _ => self.add(metric, "", newcomers),
        }
    }

    /// The same for several, in their order; `each` is told what became of each. Where many series live, most of a metric's
    /// cost is waiting for memory: here all are looked for before the first is added to, so that the waits fall together.
    pub fn record_all(
        &mut self,
        metrics: &[Metric<'_>],
        newcomers: &mut impl Newcomers,
        mut each: impl FnMut(&Metric<'_>, Result<(), Reject>),
    ) {
        for metrics in metrics.chunks(TOGETHER) {
            let mut slots = [None; TOGETHER];
            for (slot, metric) in slots.iter_mut().zip(metrics) {
                *slot = self.table.known(metric);
            }
            let known = slots.iter().flatten();
            let touched = known.filter(|slot| self.table.touch(**slot)).count();
            std::hint::black_box(touched);
            for (slot, metric) in slots.iter().zip(metrics) {
                let added = match *slot {
                    Some(slot) => self.add_to(slot, metric),
                    None => self.record_from(metric, newcomers),
                };
                each(metric, added);
            }
        }
    }

    /// Adds to an entry that was found by the metric's own text.
    fn add_to(&mut self, slot: u32, metric: &Metric<'_>) -> Result<(), Reject> {
        if let Value::Timer(value) = metric.value {
            Entry::check_timer(value, metric.rate)?;
        }
        let room = self.config.max_set_members.saturating_sub(self.set_members);
        let entry = self
            .table
            .entry(slot)
            .filter(|entry| entry.is_of(&metric.value));
        let entry = entry.ok_or(Reject::BadName)?;
        self.set_members += entry.add(metric, room)?;
        Ok(())
    }

    fn add(
        &mut self,
        metric: &Metric<'_>,
        suffix: &str,
        newcomers: &mut impl Newcomers,
    ) -> Result<(), Reject> {
        let slot = self
            .table
            .find_or_insert(metric, suffix, &self.config, newcomers)?;
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
        self.end(from_ms, to_ms).close(to_ms)
    }

    /// The same, with the work that needs no aggregator left to be done.
    pub fn end(&mut self, from_ms: i64, to_ms: i64) -> Ended {
        self.set_members = 0;
        let mut closing = Closing::new(from_ms, to_ms, self.config.idle_intervals);
        self.table.retain(|entry| closing.entry(entry));
        closing.ended(self.table.series())
    }

    /// To be called when [`Newcomers::rename`] would say something else now: every metric is named again when it comes next,
    /// and what nobody is named any more ends for want of hits.
    pub fn forget_names(&mut self) {
        self.table.forget_names();
    }

    /// Series that live now.
    #[must_use]
    pub fn series(&self) -> usize {
        self.table.series()
    }
}
