//! What etsy's StatsD makes of an interval, to the name and the figure: for those whose dashboards and alerts are built
//! on Graphite's `stats.…` paths. Differs from the parent module in all that etsy differs in: counters begin at 0 in each
//! interval, timers are kept value by value, a sample rate scales a timer's count only, kinds may share a name.
//!
//! Source of names and formulas: statsd 0.9.0, lib/process_metrics.js, backends/graphite.js, stats.js.

mod aggregator;
mod config;
mod entry;
mod names;
mod table;
#[cfg(test)]
mod tests;
mod timer;

pub use aggregator::{Ended, Etsy};
pub use config::{Bins, Deleted, EtsyConfig, Namespaces};
