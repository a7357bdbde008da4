//! Delimited `io.prometheus.client.MetricFamily` messages (github.com/prometheus/client_model) to the same families that
//! text gives: classic buckets become `_bucket{le}` with the missing `+Inf` put in; native ones stay whole.

use std::borrow::Cow;

use super::collect::{Collector, Mistake};
use super::families::{Family, Measured, Sample};
use super::labels::Labels;
use super::lines::joined;
use super::number::go_float;
use super::parse::ParseError;
use crate::buckets::{Buckets, Layout, Sparse};
use crate::protobuf::{Damaged, Field, Fields, delimited};
use crate::{Invalid, Kind, NAME_LABEL, Reject, limits};

pub(super) fn parse(mut input: &[u8]) -> Result<Vec<Family<'_>>, ParseError> {
    let mut collector = Collector::default();
    let mut number = 0;
    while let Some(message) = delimited(&mut input) {
        number += 1;
        let told = message
            .map_err(Invalid::from)
            .and_then(|message| family(message, &mut collector));
        told.map_err(|invalid| ParseError::at(number, (invalid.reject, invalid.text)))?;
    }
    Ok(collector.finish())
}

fn family<'a>(message: &'a [u8], to: &mut Collector<'a>) -> Result<(), Invalid> {
    let (mut name, mut help, mut unit, mut kind) = ("", "", "", Kind::Counter);
    for field in Fields::of(message) {
        let field = field?;
        match field.number {
            1 => name = field.text()?,
            2 => help = field.text()?,
            3 => kind = kind_of(field.unsigned()?)?,
            5 => unit = field.text()?,
            _ => {}
        }
    }
    if name.is_empty() {
        return Err(Invalid::new(
            Reject::BadName,
            "a metric family without a name",
        ));
    }
    let told = to
        .kind(name.into(), kind)
        .and_then(|()| to.help(name.into(), help.into()));
    told.map_err(invalid)?;
    if !unit.is_empty() {
        to.unit(name.into(), unit).map_err(invalid)?;
    }
    for field in Fields::of(message) {
        let field = field?;
        if field.number == 4 {
            metric(name, &field, to)?;
        }
    }
    Ok(())
}

fn kind_of(number: u64) -> Result<Kind, Invalid> {
    const KINDS: [Kind; 6] = [
        Kind::Counter,
        Kind::Gauge,
        Kind::Summary,
        Kind::Unknown,
        Kind::Histogram,
        Kind::GaugeHistogram,
    ];
    let kind = usize::try_from(number)
        .ok()
        .and_then(|at| KINDS.get(at).copied());
    kind.ok_or_else(|| Invalid::new(Reject::UnknownType, format!("unknown metric type {number}")))
}

fn metric<'a>(name: &'a str, field: &Field<'a>, to: &mut Collector<'a>) -> Result<(), Invalid> {
    let mut out = Metric {
        name,
        labels: Labels::new(),
        timestamp_ms: None,
        to,
    };
    for part in field.message()? {
        let part = part?;
        match part.number {
            1 => out.label(&part)?,
            6 => out.timestamp_ms = Some(part.int()?).filter(|&time| time != 0),
            _ => {}
        }
    }
    for part in field.message()? {
        let part = part?;
        match part.number {
            2 | 3 | 5 => {
                let value = first_double(part.message()?)?;
                out.float("", None, value)?;
            }
            4 => out.summary(part.message()?)?,
            7 => out.histogram(part.message()?)?,
            _ => {}
        }
    }
    Ok(())
}

struct Metric<'a, 'c> {
    name: &'a str,
    labels: Labels<'a>,
    timestamp_ms: Option<i64>,
    to: &'c mut Collector<'a>,
}

impl<'a> Metric<'a, '_> {
    fn label(&mut self, field: &Field<'a>) -> Result<(), Invalid> {
        let (mut name, mut value) = ("", "");
        for part in field.message()? {
            let part = part?;
            match part.number {
                1 => name = part.text()?,
                2 => value = part.text()?,
                _ => {}
            }
        }
        let repeated = self.labels.iter().any(|(other, _)| *other == name);
        if name.is_empty() || name == NAME_LABEL || repeated || self.labels.len() == limits::LABELS
        {
            let text = format!(
                "metric {:?} has an empty, reserved or repeated label {name:?}, or too many",
                self.name
            );
            return Err(Invalid::new(Reject::BadLabels, text));
        }
        self.labels.push((name.into(), value.into()));
        Ok(())
    }

    fn float(
        &mut self,
        suffix: &str,
        label: Option<(&'static str, f64)>,
        value: f64,
    ) -> Result<(), Invalid> {
        let mut labels = self.labels.clone();
        if let Some((name, number)) = label {
            labels.push((name.into(), go_float(number).into()));
        }
        self.put(suffix, labels, Measured::Float(value))
    }

    fn put(&mut self, suffix: &str, labels: Labels<'a>, value: Measured) -> Result<(), Invalid> {
        let name = if suffix.is_empty() {
            Cow::Borrowed(self.name)
        } else {
            joined(self.name, suffix)
        };
        let sample = Sample {
            name,
            labels,
            value,
            timestamp_ms: self.timestamp_ms,
        };
        self.to.sample(sample).map_err(invalid)
    }

    fn summary(&mut self, fields: Fields<'a>) -> Result<(), Invalid> {
        let (mut count, mut sum) = (0.0, 0.0);
        for field in fields {
            let field = field?;
            match field.number {
                1 => count = field.unsigned()? as f64,
                2 => sum = field.double()?,
                3 => {
                    let (quantile, value) = two_doubles(field.message()?, 1, 2)?;
                    self.float("", Some(("quantile", quantile)), value)?;
                }
                _ => {}
            }
        }
        self.float("_sum", None, sum)?;
        self.float("_count", None, count)
    }

    fn histogram(&mut self, fields: Fields<'a>) -> Result<(), Invalid> {
        let mut native = Native::default();
        let mut endless = false;
        let mut classic = false;
        for field in fields {
            let field = field?;
            if field.number == 3 {
                let (bound, count) = bucket(field.message()?)?;
                classic = true;
                endless |= bound == f64::INFINITY;
                self.float("_bucket", Some(("le", bound)), count)?;
            } else {
                native.field(&field)?;
            }
        }
        if native.is_native() {
            let labels = self.labels.clone();
            let buckets = native.buckets()?;
            self.put("", labels, Measured::Native(Box::new(buckets)))?;
        }
        if classic || !native.is_native() {
            if !endless {
                self.float("_bucket", Some(("le", f64::INFINITY)), native.count)?;
            }
            self.float("_sum", None, native.sum)?;
            self.float("_count", None, native.count)?;
        }
        Ok(())
    }
}

/// A `Histogram` message but for its classic buckets.
#[derive(Default)]
struct Native {
    count: f64,
    sum: f64,
    schema: i32,
    zero_threshold: f64,
    zero_count: f64,
    spans: bool,
    positive: Sparse,
    negative: Sparse,
}

impl Native {
    fn field(&mut self, field: &Field<'_>) -> Result<(), Invalid> {
        match field.number {
            1 => self.count = self.count.max(field.unsigned()? as f64),
            4 => self.count = field.double()?,
            2 => self.sum = field.double()?,
            5 => self.schema = field.zigzag()? as i32,
            6 => self.zero_threshold = field.double()?,
            7 => self.zero_count = self.zero_count.max(field.unsigned()? as f64),
            8 => self.zero_count = field.double()?,
            9 => self.negative.span(field)?,
            10 => self.negative.deltas(field.numbers()?)?,
            11 => self.negative.counts(field.doubles()?)?,
            12 => self.positive.span(field)?,
            13 => self.positive.deltas(field.numbers()?)?,
            14 => self.positive.counts(field.doubles()?)?,
            _ => {}
        }
        self.spans |= matches!(field.number, 9 | 12);
        Ok(())
    }

    /// As client_model tells them apart: a span, if only one of no length, or a zero bucket.
    fn is_native(&self) -> bool {
        self.spans || self.zero_threshold > 0.0 || self.zero_count > 0.0
    }

    fn buckets(&self) -> Result<Buckets, Invalid> {
        let mut buckets = Buckets::empty(Layout::Exponential { scale: self.schema });
        buckets.count = self.count;
        buckets.sum = Some(self.sum);
        buckets.zero_threshold = self.zero_threshold;
        buckets.zero_count = self.zero_count;
        buckets.positive = self.positive.buckets()?;
        buckets.negative = self.negative.buckets()?;
        buckets.check()?;
        Ok(buckets)
    }
}

fn bucket(fields: Fields<'_>) -> Result<(f64, f64), Damaged> {
    let (mut bound, mut count) = (0.0, 0.0);
    for field in fields {
        let field = field?;
        match field.number {
            1 => count = field.unsigned()? as f64,
            4 => count = field.double()?,
            2 => bound = field.double()?,
            _ => {}
        }
    }
    Ok((bound, count))
}

fn first_double(fields: Fields<'_>) -> Result<f64, Damaged> {
    two_doubles(fields, 1, 0).map(|(first, _)| first)
}

fn two_doubles(fields: Fields<'_>, one: u32, two: u32) -> Result<(f64, f64), Damaged> {
    let mut found = (0.0, 0.0);
    for field in fields {
        let field = field?;
        if field.number == one {
            found.0 = field.double()?;
        } else if field.number == two {
            found.1 = field.double()?;
        }
    }
    Ok(found)
}

fn invalid((reject, text): Mistake) -> Invalid {
    Invalid::new(reject, text)
}
