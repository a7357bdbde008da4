//! A datagram to metrics: lines, then what each line holds. The iterator is the public face.

use std::borrow::Cow;

use super::line::Line;
use super::tags::Tags;
use crate::Reject;

/// A longer line is refused whole; Datadog's agent reads as many bytes at once.
pub const MAX_LINE_BYTES: usize = 8 * 1024;

/// Where the dialects contradict each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialect {
    /// `g:-5` and `g:+5` change the gauge by so much (etsy, Telegraf, statsite, brubeck, Vector); otherwise they set
    /// it (Datadog, gostatsd, veneur).
    pub signed_gauges: bool,
}

impl Default for Dialect {
    fn default() -> Self {
        Self {
            signed_gauges: true,
        }
    }
}

/// One measurement as the application meant it; numbers are finite.
#[derive(Debug, Clone, PartialEq)]
pub struct Metric<'a> {
    /// Cleaned as etsy cleans it: a run of white space is `_`, `/` is `-`, other than `[a-zA-Z0-9_.-]` is left out.
    pub name: Cow<'a, str>,
    pub value: Value<'a>,
    /// In (0, 1]: the measurement stands for 1/rate of its kind. Not yet applied; without meaning for gauges and sets.
    pub rate: f64,
    pub tags: Tags<'a>,
}

/// What was measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// `c`: so much more.
    Counter(f64),
    /// `g`: this from now on.
    GaugeSet(f64),
    /// `g` with a sign, where the dialect says so: the last value and so much.
    GaugeDelta(f64),
    /// `ms`, `h`, `d`: one value of a distribution.
    Timer(f64),
    /// `s`: one member of a set; the empty one is `0`, as etsy has it.
    Set(&'a str),
}

/// The metrics of a datagram, bad ones in their place among the good.
///
/// Outcomes: `_e{` and `_sc|` are [`Reject::Unsupported`]; a type that is none of `c g ms s h d` is
/// [`Reject::UnknownType`]; a rate outside (0, 1] is [`Reject::BadRate`]; NaN and infinities are [`Reject::NotFinite`];
/// what is not UTF-8 or holds a control character is [`Reject::BadText`]. Fields that start with neither `@` nor `#`
/// (container ids, `T` times, cardinality) are passed over: the measurement counts as of its arrival. Tags belong to
/// every group of their line; one without a colon has the value [`super::BARE_TAG_VALUE`]. Empty lines are nothing.
#[must_use]
pub fn parse(datagram: &[u8], dialect: Dialect) -> Metrics<'_> {
    Metrics {
        rest: Some(datagram),
        line: None,
        dialect,
    }
}

/// Made by [`parse`].
#[derive(Debug, Clone)]
pub struct Metrics<'a> {
    rest: Option<&'a [u8]>,
    line: Option<Line<'a>>,
    dialect: Dialect,
}

impl<'a> Iterator for Metrics<'a> {
    type Item = Result<Metric<'a>, Reject>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(line) = &mut self.line {
                if let Some(metric) = line.next(self.dialect) {
                    return Some(metric);
                }
                self.line = None;
            }
            match Line::begin(self.next_line()?) {
                Ok(line) => self.line = line,
                Err(reject) => return Some(Err(reject)),
            }
        }
    }
}

impl<'a> Metrics<'a> {
    fn next_line(&mut self) -> Option<&'a [u8]> {
        let rest = self.rest?;
        match memchr::memchr(b'\n', rest) {
            Some(end) => {
                self.rest = Some(&rest[end + 1..]);
                Some(&rest[..end])
            }
            None => {
                self.rest = None;
                Some(rest)
            }
        }
    }
}
