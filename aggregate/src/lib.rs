//! What StatsD's metrics mean over an interval: record them one by one, close the interval, send what it gave.
//!
//! | kind | at each close |
//! |---|---|
//! | counter | `name`: the total since the series began here; before its first total a 0 at the interval's start, so that `increase()` counts the first hits |
//! | counter counted down | `name_decrements`: the same of what was taken away, since a total must not fall |
//! | gauge | `name`: the last value; a change applies to it, and to 0 where there is none |
//! | timer | `name_count`, `name_sum`: totals as a counter's; and only when there were values: `name`, their distribution, and `name_min`, `name_max`, `name_p50`, `name_p90`, `name_p95`, `name_p99` of this interval |
//! | set | `name`: how many different members this interval had, 0 included |
//!
//! A series without hits is sent on for [`AggregatorConfig::idle_intervals`], so that a rate stays drawn; then it
//! ends with a stale mark and is forgotten: when it comes back, counters begin at 0 and gauge changes apply to 0.
//! A name (with its labels) belongs to the first kind that used it until it is forgotten; another kind is refused.
//!
//! [`etsy`] has the names and figures that etsy's StatsD gives Graphite instead. [`rules`] is the other half: one series
//! made of many.
//!
//! Pure: no clock, no log; the caller brings the interval's ends.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod aggregator;
mod close;
mod entry;
pub mod etsy;
mod members;
mod names;
mod newcomers;
pub mod rules;
mod table;
#[cfg(test)]
mod tests;
mod texts;
mod timer;

pub use aggregator::{Aggregator, AggregatorConfig, DECREMENTS};
pub use close::{Closed, Ended};
pub use names::{Labels, series_of};
pub use newcomers::{Admitted, Everyone, Newcomers};

/// The end of the interval that a time lies in, intervals being aligned to 1970; a time that is an end begins the next.
#[must_use]
pub fn end_after(time_ms: i64, interval_ms: i64) -> i64 {
    let interval_ms = interval_ms.max(1);
    (time_ms.div_euclid(interval_ms) + 1).saturating_mul(interval_ms)
}
