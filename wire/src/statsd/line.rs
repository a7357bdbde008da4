//! One line: a name, then groups of `value[:value…]|type[|@rate]` with a colon between them, and fields. Where tags
//! and a next group could be confused, tags win: they end only at a bar.

use std::borrow::Cow;

use super::parse::{Dialect, MAX_LINE_BYTES, Metric, Value};
use super::{Tags, name};
use crate::Reject;

/// What is left of a line.
#[derive(Debug, Clone)]
pub(super) struct Line<'a> {
    name: Cow<'a, str>,
    tags: Tags<'a>,
    timestamp_ms: Option<i64>,
    /// Groups not yet begun; `None` after the last.
    rest: Option<&'a str>,
    group: Option<Group<'a>>,
}

/// Values of one type and rate.
#[derive(Debug, Clone, Copy)]
struct Group<'a> {
    /// `None` after the last.
    values: Option<&'a str>,
    kind: Kind,
    rate: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Counter,
    Gauge,
    Timer,
    Set,
    /// Of another type, where such are counted.
    Other,
}

/// Datadog's agent takes no time before 1970; graphite's lines end at 2100 too.
const LAST_SECOND: i64 = 4_102_444_800;

impl<'a> Line<'a> {
    /// `None` for an empty line.
    pub(super) fn begin(bytes: &'a [u8], dialect: Dialect) -> Result<Option<Self>, Reject> {
        if bytes.len() > MAX_LINE_BYTES {
            return Err(Reject::TooLong);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| Reject::BadText)?;
        let text = text.trim_matches([' ', '\r']);
        if text.is_empty() {
            return Ok(None);
        }
        if has_controls(text) {
            return Err(Reject::BadText);
        }
        if text.starts_with('_') {
            if text.starts_with("_e{") {
                return Err(Reject::Unsupported);
            }
            if let Some(check) = text.strip_prefix("_sc|") {
                return Self::check(check, dialect).map(Some);
            }
        }
        let (head, rest) = text.split_once(':').ok_or(Reject::Malformed)?;
        // Graphite's tags stand in the name, behind its first semicolon.
        let (name, in_name) = head.split_once(';').unwrap_or((head, ""));
        let name = name::clean(name);
        if name.is_empty() {
            return Err(Reject::BadName);
        }
        let (mut tags, mut timestamp) = (None, None);
        // The first bar ends the values, the second a type: tags and a time stand behind them.
        for field in rest.split('|').skip(2) {
            match field.as_bytes().first() {
                Some(b'#') if tags.is_none() => tags = Some(&field[1..]),
                Some(b'T') if dialect.timestamps => timestamp = Some(&field[1..]),
                _ => {}
            }
        }
        Ok(Some(Self {
            name,
            tags: Tags::new(in_name, tags.unwrap_or_default()),
            timestamp_ms: timestamp.map(read_second).transpose()?,
            rest: Some(rest),
            group: None,
        }))
    }

    /// `name|status`, then fields; a message ends the line, whatever is in it.
    fn check(text: &'a str, dialect: Dialect) -> Result<Self, Reject> {
        if !dialect.service_checks {
            return Err(Reject::Unsupported);
        }
        let (name, rest) = text.split_once('|').ok_or(Reject::Malformed)?;
        let name = name::clean(name);
        if name.is_empty() {
            return Err(Reject::BadName);
        }
        let mut fields = rest.split('|');
        let status = fields
            .next()
            .filter(|text| matches!(*text, "0" | "1" | "2" | "3"));
        let status = status.ok_or(Reject::BadValue)?;
        let (mut tags, mut host, mut timestamp) = ("", "", None);
        for field in fields.take_while(|field| !field.starts_with("m:")) {
            if let Some(found) = field.strip_prefix('#') {
                tags = found;
            } else if let Some(found) = field.strip_prefix("d:") {
                timestamp = Some(found);
            } else if let Some(found) = field.strip_prefix("h:") {
                host = found;
            }
        }
        Ok(Self {
            name,
            tags: Tags::new("", tags).of_host(host),
            timestamp_ms: timestamp.map(read_second).transpose()?,
            rest: None,
            group: Some(Group {
                values: Some(status),
                kind: Kind::Gauge,
                rate: 1.0,
            }),
        })
    }

    pub(super) fn next(&mut self, dialect: Dialect) -> Option<Result<Metric<'a>, Reject>> {
        loop {
            if let Some(group) = &mut self.group {
                if let Some(value) = group.next(dialect) {
                    let rate = group.rate;
                    return Some(value.and_then(|value| self.metric(value, rate)));
                }
                self.group = None;
            }
            match self.next_group(dialect)? {
                Ok(group) => self.group = Some(group),
                Err(reject) => return Some(Err(reject)),
            }
        }
    }

    fn metric(&self, value: Value<'a>, rate: f64) -> Result<Metric<'a>, Reject> {
        let is_timed = matches!(value, Value::Counter(_) | Value::GaugeSet(_));
        if self.timestamp_ms.is_some() && !is_timed {
            return Err(Reject::Unsupported);
        }
        Ok(Metric {
            name: self.name.clone(),
            value,
            rate,
            tags: self.tags,
            timestamp_ms: self.timestamp_ms,
        })
    }

    fn next_group(&mut self, dialect: Dialect) -> Option<Result<Group<'a>, Reject>> {
        let Some((values, rest)) = self.rest.take()?.split_once('|') else {
            return Some(Err(Reject::Malformed));
        };
        let (kind, mut mark, mut rest) = cut(rest);
        let mut rate = None;
        while mark == Some(b'|') && rate.is_none() {
            let field;
            if let Some(number) = rest.strip_prefix('@') {
                (field, mark, rest) = cut(number);
                rate = Some(field);
            } else {
                // Colons in other fields are their own; only the next bar ends them.
                (mark, rest) = match rest.split_once('|') {
                    Some((_, rest)) => (Some(b'|'), rest),
                    None => (None, ""),
                };
            }
        }
        if mark == Some(b':') {
            self.rest = Some(rest);
        }
        Some(Group::new(values, kind, rate, dialect))
    }
}

/// Up to a bar or a colon: what stands before it, which of them it was, and what follows.
fn cut(text: &str) -> (&str, Option<u8>, &str) {
    match text.split_once(['|', ':']) {
        Some((before, after)) => (before, Some(text.as_bytes()[before.len()]), after),
        None => (text, None, ""),
    }
}

impl<'a> Group<'a> {
    fn new(
        values: &'a str,
        kind: &str,
        rate: Option<&str>,
        dialect: Dialect,
    ) -> Result<Self, Reject> {
        let kind = match kind {
            "c" => Kind::Counter,
            "g" => Kind::Gauge,
            "ms" | "h" | "d" => Kind::Timer,
            "s" => Kind::Set,
            _ if dialect.other_types_count => Kind::Other,
            _ => return Err(Reject::UnknownType),
        };
        Ok(Self {
            values: Some(values),
            kind,
            rate: rate.map_or(Ok(1.0), read_rate)?,
        })
    }

    fn next(&mut self, dialect: Dialect) -> Option<Result<Value<'a>, Reject>> {
        let values = self.values.take()?;
        if self.kind == Kind::Set {
            let member = if values.is_empty() { "0" } else { values };
            return Some(Ok(Value::Set(member)));
        }
        let value = match values.split_once(':') {
            Some((value, rest)) => {
                self.values = Some(rest);
                value
            }
            None => values,
        };
        Some(read_number(value).map(|number| self.value(value, number, dialect)))
    }

    fn value(&self, text: &str, number: f64, dialect: Dialect) -> Value<'a> {
        match self.kind {
            Kind::Counter | Kind::Other => Value::Counter(number),
            Kind::Gauge if dialect.signed_gauges && text.starts_with(['+', '-']) => {
                Value::GaugeDelta(number)
            }
            Kind::Gauge => Value::GaugeSet(number),
            // A set never gets here: its text is no number.
            Kind::Timer | Kind::Set => Value::Timer(number),
        }
    }
}

/// C0 and DEL by their bytes, which the compiler does many at once; C1 only where there is more than ASCII.
fn has_controls(text: &str) -> bool {
    let controls = text
        .bytes()
        .fold(false, |found, byte| found | (byte < b' ') | (byte == 0x7f));
    controls || (!text.is_ascii() && text.chars().any(char::is_control))
}

fn read_second(text: &str) -> Result<i64, Reject> {
    let second: i64 = text.parse().map_err(|_| Reject::BadTimestamp)?;
    if (1..=LAST_SECOND).contains(&second) {
        Ok(second * 1_000)
    } else {
        Err(Reject::BadTimestamp)
    }
}

fn read_number(text: &str) -> Result<f64, Reject> {
    let number: f64 = fast_float2::parse(text).map_err(|_| Reject::BadValue)?;
    if number.is_finite() {
        Ok(number)
    } else {
        Err(Reject::NotFinite)
    }
}

fn read_rate(text: &str) -> Result<f64, Reject> {
    let rate: f64 = fast_float2::parse(text).map_err(|_| Reject::BadRate)?;
    if rate > 0.0 && rate <= 1.0 {
        Ok(rate)
    } else {
        Err(Reject::BadRate)
    }
}
