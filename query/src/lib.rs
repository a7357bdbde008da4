//! PromQL and Graphite over one [`Source`]. Knows no storage, no socket, no clock: whoever asks brings the time,
//! the limits and what to read through.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod budget;
pub mod graphite;
pub mod json;
pub mod promql;
mod source;
mod tiers;

pub use budget::{Budget, BudgetError};
pub use source::{
    Aspect, GroupLabels, Grouping, Selection, SeriesData, Source, SourceError, Taker, TimeRange,
    Wish,
};
