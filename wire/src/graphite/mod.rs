//! Graphite's plaintext protocol, one line a sample: `path value timestamp`, the tagged form
//! `path;k=v;k2=v2 value timestamp` (graphite.readthedocs.io, "Graphite Tag Support"), and the form with labels
//! apart: `CPU.load host=webserver01,region=us-west 1613707265 50` (timestamp, then value, as OpenTSDB orders them).
//!
//! Parsing is in two steps, since a connection names the same series again and again: [`parse`] splits a line and
//! reads its numbers, [`series_key`] makes the identity and is asked once a series; [`Keys`] does so for many. A refused line has no answer in this
//! protocol: [`explain`] words it for a log.

mod error;
mod keys;
mod parse;
#[cfg(test)]
mod tests;

pub use error::explain;
pub use keys::Keys;
pub use parse::{Line, MAX_LINE_BYTES, parse, series_key};
pub(crate) use parse::{read_value, seconds_to_ms};
