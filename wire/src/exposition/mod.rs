//! What Prometheus' clients show and push: the text format 0.0.4 (and 1.0.0, which adds quoted UTF-8 names;
//! prometheus.io/docs/instrumenting/exposition_formats), OpenMetrics 0.0.1 and 1.0.0 (github.com/prometheus/OpenMetrics),
//! and delimited protobuf (`io.prometheus.client.MetricFamily`). All three give the same: families with their samples.
//!
//! Histograms and summaries come as their classic series (`_bucket{le}`, `_sum`, `_count`, `quantile`); exemplars are
//! passed over. NaN and infinities are values in these formats: the caller decides what it stores. An input with a
//! mistake anywhere is refused whole, as Prometheus and the Pushgateway do.

mod collect;
mod families;
mod labels;
mod lines;
mod number;
mod parse;
mod protobuf;
#[cfg(test)]
mod tests;

pub use collect::MAX_SAMPLES;
pub use families::{Family, Measured, Sample, inconsistent, series_key};
pub use number::go_float;
pub use parse::{Format, ParseError, parse};
