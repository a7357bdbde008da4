//! Prometheus remote write: version 1.0 (`prometheus.WriteRequest`, prometheus.io/docs/specs/prw/remote_write_spec) and
//! version 2.0 (`io.prometheus.write.v2.Request`, .../remote_write_spec_2_0), read in place from the unpacked body.
//!
//! In two steps, since a sender names the same series in every request: reading gives each series the bytes of its
//! labels ([`Series::identity`]; the same layout for both versions, so one cache serves both), and [`series_key`] makes the
//! key and is asked once a series. Labels may come in any order, as Prometheus takes them. A message that turns out
//! damaged is to be refused whole (400): hold what was read back until the end is reached.

mod histogram;
mod labels;
mod metadata;
mod parse;
mod snappy;
#[cfg(test)]
mod tests;
mod v2;

pub use histogram::{NativeHistogram, ResetHint, SentHistogram};
pub use labels::{MAX_IDENTITY_BYTES, series_key};
pub use metadata::{Metadata, family_of};
pub use parse::{
    Entries, Entry, MAX_SERIES, Point, Points, Refused, SentSample, Series, Version, parse,
};
pub use snappy::{MAX_DECODED_BYTES, Packed, unpack};
pub use v2::{MAX_SYMBOLS, Request, SeriesV2};
