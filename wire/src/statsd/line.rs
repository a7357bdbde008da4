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
}

impl<'a> Line<'a> {
    /// `None` for an empty line.
    pub(super) fn begin(bytes: &'a [u8]) -> Result<Option<Self>, Reject> {
        if bytes.len() > MAX_LINE_BYTES {
            return Err(Reject::TooLong);
        }
        let text = std::str::from_utf8(bytes).map_err(|_| Reject::BadText)?;
        let text = text.trim_matches([' ', '\r']);
        if text.is_empty() {
            return Ok(None);
        }
        if text.chars().any(char::is_control) {
            return Err(Reject::BadText);
        }
        if text.starts_with("_e{") || text.starts_with("_sc|") {
            return Err(Reject::Unsupported);
        }
        let (head, rest) = text.split_once(':').ok_or(Reject::Malformed)?;
        // Graphite's tags stand in the name, behind its first semicolon.
        let (name, in_name) = head.split_once(';').unwrap_or((head, ""));
        let name = name::clean(name);
        if name.is_empty() {
            return Err(Reject::BadName);
        }
        let tags = rest
            .split('|')
            .skip(1)
            .find_map(|field| field.strip_prefix('#'));
        Ok(Some(Self {
            name,
            tags: Tags::new(in_name, tags.unwrap_or_default()),
            rest: Some(rest),
            group: None,
        }))
    }

    pub(super) fn next(&mut self, dialect: Dialect) -> Option<Result<Metric<'a>, Reject>> {
        loop {
            if let Some(group) = &mut self.group {
                if let Some(value) = group.next(dialect) {
                    let rate = group.rate;
                    return Some(value.map(|value| self.metric(value, rate)));
                }
                self.group = None;
            }
            match self.next_group()? {
                Ok(group) => self.group = Some(group),
                Err(reject) => return Some(Err(reject)),
            }
        }
    }

    fn metric(&self, value: Value<'a>, rate: f64) -> Metric<'a> {
        Metric {
            name: self.name.clone(),
            value,
            rate,
            tags: self.tags,
        }
    }

    fn next_group(&mut self) -> Option<Result<Group<'a>, Reject>> {
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
        Some(Group::new(values, kind, rate))
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
    fn new(values: &'a str, kind: &str, rate: Option<&str>) -> Result<Self, Reject> {
        let kind = match kind {
            "c" => Kind::Counter,
            "g" => Kind::Gauge,
            "ms" | "h" | "d" => Kind::Timer,
            "s" => Kind::Set,
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
            Kind::Counter => Value::Counter(number),
            Kind::Gauge if dialect.signed_gauges && text.starts_with(['+', '-']) => {
                Value::GaugeDelta(number)
            }
            Kind::Gauge => Value::GaugeSet(number),
            // A set never gets here: its text is no number.
            Kind::Timer | Kind::Set => Value::Timer(number),
        }
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
