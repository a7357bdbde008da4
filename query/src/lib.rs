//! PromQL and Graphite over one [`Source`]. Knows no storage, no socket, no clock: whoever asks brings the time,
//! the limits and what to read through.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod graphite;
pub mod json;
pub mod promql;
mod source;

pub use source::{Budget, BudgetError, SeriesData, Source, SourceError, TimeRange};
