//! The vocabulary of Weir (series, samples, histograms, matchers) and everything that crosses a socket.
//!
//! Pure by contract: nothing here knows of sockets, clocks, logs or globals. A parser takes bytes and
//! returns values or a [`Reject`]; who called it counts and answers.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod frame;
pub mod graphite;
mod histogram;
pub mod mapping;
mod matcher;
mod regex;
mod reject;
mod sample;
mod series;
pub mod statsd;
pub mod varint;

pub use histogram::{Histogram, HistogramError};
pub use matcher::{MatchOp, Matcher};
pub use regex::regex_text;
pub use reject::Reject;
pub use sample::{STALE_BITS, Sample, Value, is_stale, stale};
pub use series::{KeyError, NAME_LABEL, SeriesKey, limits};
