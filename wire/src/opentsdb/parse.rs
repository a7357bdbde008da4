//! One line of the telnet-style protocol to a command; of a `put` the numbers and the raw words that name the series.

use memchr::memchr;
use xxhash_rust::xxh3::{xxh3_64, xxh3_128_with_seed};

use super::error::shown;
use super::{Command, Fault, number};
use crate::Reject;

/// A longer line is refused, and skipped to its end. (OpenTSDB has 1,024 unless configured.)
pub const MAX_LINE_BYTES: usize = 64 * 1024;

/// Where users want what OpenTSDB does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// A datapoint without tags is refused, as in OpenTSDB.
    pub require_tags: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self { require_tags: true }
    }
}

/// One datapoint.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Put<'a> {
    pub identity: Identity<'a>,
    pub timestamp_ms: i64,
    /// Finite.
    pub value: f64,
}

/// The words that name a series, as they stood; [`super::series_key`] and [`super::json_series_key`] read them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Identity<'a> {
    pub metric: &'a [u8],
    pub tags: &'a [u8],
}

impl Identity<'_> {
    /// By which a cache knows the same words again; other bytes for the same tags have another.
    #[must_use]
    pub fn hash(&self) -> u128 {
        xxh3_128_with_seed(self.tags, xxh3_64(self.metric))
    }
}

/// Reads a line without its newline; a carriage return at its end is left out. `None` for an empty line. Words are
/// apart by exactly one space, but for tags, between and behind which more are let pass, as in OpenTSDB.
///
/// # Errors
/// A [`Fault`] for a `put`; no other command can be wrong.
pub fn parse(line: &[u8], rules: Rules) -> Result<Option<Command<'_>>, Fault> {
    if line.len() > MAX_LINE_BYTES {
        let message = format!("a line longer than {MAX_LINE_BYTES} bytes");
        return Err(Fault::argument(Reject::TooLong, message));
    }
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let (word, rest) = word(line);
    match (word, rest) {
        (b"", None) => Ok(None),
        (b"put", rest) => read_put(rest, rules).map(|put| Some(Command::Put(put))),
        (word, _) => Ok(Some(Command::of(word))),
    }
}

fn read_put(words: Option<&[u8]>, rules: Rules) -> Result<Put<'_>, Fault> {
    let few = || not_enough(words, rules);
    let (metric, rest) = word(words.ok_or_else(few)?);
    let (timestamp, rest) = word(rest.ok_or_else(few)?);
    let (value, tags) = word(rest.ok_or_else(few)?);
    if tags.is_none() && rules.require_tags {
        return Err(few());
    }
    if metric.is_empty() {
        return Err(Fault::argument(Reject::BadName, "empty metric name"));
    }
    let timestamp_ms = number::read_timestamp(timestamp)?;
    let value = number::read_value(value)?;
    let tags = tags.unwrap_or_default().trim_ascii();
    if tags.is_empty() && rules.require_tags {
        let message = format!(
            "Need at least one tag (metric={}, tags={{}})",
            shown(metric)
        );
        return Err(Fault::argument(Reject::BadLabels, message));
    }
    Ok(Put {
        identity: Identity { metric, tags },
        timestamp_ms,
        value,
    })
}

fn not_enough(words: Option<&[u8]>, rules: Rules) -> Fault {
    let need = if rules.require_tags { 4 } else { 3 };
    let got = words.map_or(0, |words| 1 + memchr::memchr_iter(b' ', words).count());
    let message = format!("not enough arguments (need least {need}, got {got})");
    Fault::argument(Reject::Malformed, message)
}

/// Up to the first space, and what follows it if there is one.
fn word(text: &[u8]) -> (&[u8], Option<&[u8]>) {
    match memchr(b' ', text) {
        Some(space) => (&text[..space], Some(&text[space + 1..])),
        None => (text, None),
    }
}
