//! The vocabulary of Weir (series, samples, histograms, matchers) and everything that crosses a socket.
//!
//! Pure by contract: nothing here knows of sockets, clocks, logs or globals. A parser takes bytes and
//! returns values or a [`Reject`]; who called it counts and answers.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod base64;
pub mod buckets;
mod class;
pub mod collectd;
pub mod epoch;
pub mod exposition;
mod fit;
pub mod frame;
pub mod graphite;
mod histogram;
pub mod influx;
mod invalid;
mod kind;
mod lines;
pub mod mapping;
mod matcher;
pub mod opentsdb;
pub mod otlp;
pub mod pickle;
pub mod protobuf;
pub mod pushgateway;
mod regex;
mod reject;
pub mod remote_write;
mod sample;
mod series;
pub mod signed;
pub mod statsd;
pub mod varint;

pub use base64::decode as decode_base64;
pub use class::Class;
pub use fit::Fit;
pub use histogram::{Histogram, HistogramError};
pub use invalid::Invalid;
pub use kind::Kind;
pub use lines::Lines;
pub use matcher::{MatchOp, Matcher};
pub use regex::regex_text;
pub use reject::Reject;
pub use sample::{STALE_BITS, Sample, Value, is_stale, stale};
pub use series::{KeyError, KeyRef, KeyRun, NAME_LABEL, SeriesKey, limits, put_labels, put_name};
