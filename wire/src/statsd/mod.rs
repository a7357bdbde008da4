//! StatsD and DogStatsD: one datagram, or one line of a stream, to the metrics in it. Speaks etsy's dialect
//! (`a:1|c:2|ms`, signed gauges) and Datadog's datagram shell up to 1.6 (`a:1:2|h|@0.1|#k:v|c:id`); owns no sums.
//!
//! A bad line, group or value is one [`crate::Reject`] and its good neighbours stand. Nothing is allocated but for
//! names that have to be cleaned.

mod line;
mod name;
mod packets;
mod parse;
mod plain;
mod tags;
#[cfg(test)]
mod tests;

pub use packets::{MAX_PACKET_BYTES, Packets};
pub use parse::{Dialect, MAX_LINE_BYTES, Metric, Metrics, Value, parse};
pub use tags::{BARE_TAG_VALUE, Tags};
