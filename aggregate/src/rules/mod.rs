//! Rules that make one series of many: sums, averages, extremes, percentiles, totals over the samples of an interval.
//!
//! [`Rules`] says once for each series into which groups it goes ([`Plan`]); [`Engine`] takes the samples and gives what
//! the intervals amount to. An interval is told at its end, and told again when samples came late but within the grace;
//! later ones are refused. A sample belongs to the interval that its own time lies in; of two samples of one series and
//! time the one that came last holds.
//!
//! Pure: no clock, no file, no log; the caller brings the time, and counts.

mod amount;
mod carbon;
mod cell;
mod engine;
mod group;
mod plan;
mod rule;
#[cfg(test)]
mod tests;

pub use carbon::{CarbonError, parse_carbon};
pub use engine::{Caps, Emitted, Engine, Point, Taken};
pub use plan::{Plan, Rules, Target};
pub use rule::{Grouping, Matching, Output, Rule, RuleError};
