//! A datagram to metrics: lines, then what each line holds. The iterator is the public face.

use std::borrow::Cow;

use super::line::Line;
use super::plain;
use super::tags::Tags;
use crate::Reject;

/// A longer line is refused whole; Datadog's agent reads as many bytes at once.
pub const MAX_LINE_BYTES: usize = 8 * 1024;

/// What the dialects do not agree on. A listener has one; [`Dialect::ETSY`] and [`Dialect::DATADOG`] are the field's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dialect {
    /// `g:-5` and `g:+5` change the gauge by so much (etsy, Telegraf, statsite, brubeck, Vector); otherwise they set
    /// it (Datadog, gostatsd, veneur).
    pub signed_gauges: bool,
    /// A number of any other type is a counter's (etsy); otherwise it is [`Reject::UnknownType`].
    pub other_types_count: bool,
    /// `|T` says when a counter or gauge was measured; otherwise the field is passed over.
    pub timestamps: bool,
    /// `_sc|name|status` is a gauge of its status; otherwise it is [`Reject::Unsupported`].
    pub service_checks: bool,
}

impl Dialect {
    /// As etsy's server reads lines.
    pub const ETSY: Self = Self {
        signed_gauges: true,
        other_types_count: true,
        timestamps: false,
        service_checks: false,
    };
    /// As Datadog's agent reads datagrams.
    pub const DATADOG: Self = Self {
        signed_gauges: false,
        other_types_count: false,
        timestamps: true,
        service_checks: true,
    };
}

impl Default for Dialect {
    /// Signs change gauges, and nothing is taken for what it does not say it is.
    fn default() -> Self {
        Self {
            signed_gauges: true,
            other_types_count: false,
            timestamps: false,
            service_checks: false,
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
    /// Milliseconds since 1970, where the line says when a counter or gauge was measured.
    pub timestamp_ms: Option<i64>,
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
/// Outcomes: `_e{` and, unless the dialect takes checks, `_sc|` are [`Reject::Unsupported`]; a type that is none of
/// `c g ms s h d` is [`Reject::UnknownType`], unless the dialect counts it; a rate outside (0, 1] is [`Reject::BadRate`];
/// NaN and infinities are [`Reject::NotFinite`]; what is not UTF-8 or holds a control character is [`Reject::BadText`].
/// Of a dialect with timestamps, `T` that is no second from 1 to 2100 is [`Reject::BadTimestamp`], and on other kinds
/// than counters and gauges [`Reject::Unsupported`], as Datadog's agent has it. Other fields (container ids, external
/// data, cardinality) are passed over. Tags belong to every group of their line; one without a colon has the value
/// [`super::BARE_TAG_VALUE`]. Empty lines are nothing.
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
            let line = self.next_line()?;
            if let Some(metric) = plain::metric(line, self.dialect) {
                return Some(Ok(metric));
            }
            match Line::begin(line, self.dialect) {
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
