//! OTLP metrics over HTTP (opentelemetry.io, OTLP 1.x; opentelemetry-proto 1.x, `ExportMetricsServiceRequest`), in protobuf
//! and in JSON (proto3's mapping), to points that say all a store of totals and histograms has to know; and the answers.
//!
//! Names and labels follow the OpenTelemetry specification's "Prometheus and OpenMetrics Compatibility" as Prometheus'
//! own receiver does by default, or stay as they are ([`Names`]). In two steps as everywhere: a point gives bytes that
//! name its series, and its key is asked for once a series. Holds no state: delta sums come out as deltas.

mod answer;
mod attributes;
mod convert;
mod json;
mod names;
mod parse;
mod points;
mod schema;
#[cfg(test)]
mod tests;
mod units;

pub use answer::{ErrorCode, accepted, error_status};
pub use json::from_json;
pub use names::{Names, label_name, metric_name};
pub use parse::{MAX_ENTRIES, parse};
pub use points::{Measured, Metric, Point, Promote, Rules, Source, Temporality};
