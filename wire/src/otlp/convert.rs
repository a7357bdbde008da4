//! The messages of single points, each to the same parts.

use super::points::Measured;
use crate::buckets::{Bucket, Buckets, Layout, MAX_BUCKETS};
use crate::protobuf::{Doubles, Field, Fields, Numbers};
use crate::{Invalid, Reject};

/// The flag of a point that says there is no value.
const NO_RECORDED_VALUE: u64 = 1;
const NANOS_PER_MILLI: u64 = 1_000_000;
/// Quantiles of a summary; a point with more is refused.
const MAX_QUANTILES: usize = 1_024;

/// Which message a point is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Number,
    Explicit,
    Exponential,
    Summary,
}

impl Shape {
    /// By the number that a metric has its data under.
    pub(super) fn of_field(number: u32) -> Self {
        match number {
            9 => Self::Explicit,
            10 => Self::Exponential,
            11 => Self::Summary,
            _ => Self::Number,
        }
    }

    pub(super) fn attributes_field(self) -> u32 {
        match self {
            Self::Number | Self::Summary => 7,
            Self::Explicit => 9,
            Self::Exponential => 1,
        }
    }

    fn flags_field(self) -> u32 {
        match self {
            Self::Number | Self::Summary => 8,
            Self::Explicit | Self::Exponential => 10,
        }
    }
}

/// What a point's message says.
pub(super) struct Read<'a> {
    pub(super) timestamp_ms: i64,
    pub(super) start_timestamp_ms: Option<i64>,
    pub(super) value: Measured,
    pub(super) attributes: &'a [u8],
}

pub(super) fn point(message: &[u8], shape: Shape) -> Result<Read<'_>, Invalid> {
    let mut fields = Fields::of(message);
    let (mut time, mut start, mut flags) = (0, 0, 0);
    let mut attributes: Option<(usize, usize)> = None;
    loop {
        let before = message.len() - fields.rest().len();
        let Some(field) = fields.next() else { break };
        let field = field?;
        match field.number {
            2 => start = field.fixed64()?,
            3 => time = field.fixed64()?,
            number if number == shape.attributes_field() => {
                let first = attributes.map_or(before, |(first, _)| first);
                attributes = Some((first, message.len() - fields.rest().len()));
            }
            number if number == shape.flags_field() => flags = field.unsigned()?,
            _ => {}
        }
    }
    let (first, end) = attributes.unwrap_or_default();
    Ok(Read {
        timestamp_ms: millis(time),
        start_timestamp_ms: Some(millis(start)).filter(|&start| start != 0),
        value: if flags & NO_RECORDED_VALUE != 0 {
            Measured::Stale
        } else {
            measured(Fields::of(message), shape)?
        },
        attributes: &message[first..end],
    })
}

fn millis(nanos: u64) -> i64 {
    (nanos / NANOS_PER_MILLI) as i64
}

fn measured(fields: Fields<'_>, shape: Shape) -> Result<Measured, Invalid> {
    match shape {
        Shape::Number => number(fields),
        Shape::Explicit => explicit(fields),
        Shape::Exponential => exponential(fields),
        Shape::Summary => summary(fields),
    }
}

fn number(fields: Fields<'_>) -> Result<Measured, Invalid> {
    let mut value = None;
    for field in fields {
        let field = field?;
        match field.number {
            4 => value = Some(field.double()?),
            6 => value = Some(field.fixed64()? as i64 as f64),
            _ => {}
        }
    }
    let value = value.ok_or_else(|| Invalid::new(Reject::BadValue, "a point without a value"))?;
    Ok(Measured::Float(value))
}

fn explicit(fields: Fields<'_>) -> Result<Measured, Invalid> {
    let mut buckets = Buckets::empty(Layout::Explicit { bounds: Vec::new() });
    let (mut counts, mut bounds) = (Vec::new(), Vec::new());
    for field in fields {
        let field = field?;
        match field.number {
            4 => buckets.count = field.fixed64()? as f64,
            5 => buckets.sum = Some(field.double()?),
            6 => extend(&mut counts, fixed(field.doubles()?))?,
            7 => extend(&mut bounds, field.doubles()?.map(f64::from_bits))?,
            11 => buckets.min = Some(field.double()?),
            12 => buckets.max = Some(field.double()?),
            _ => {}
        }
    }
    if counts.is_empty() && bounds.is_empty() {
        // Only count and sum are kept of such a one: all in one bucket.
        counts.push(buckets.count);
    }
    if counts.len() != bounds.len() + 1 {
        let text = format!(
            "a histogram with {} bounds has {} buckets",
            bounds.len(),
            counts.len()
        );
        return Err(Invalid::new(Reject::BadValue, text));
    }
    buckets.positive = filled(0, &counts)?;
    buckets.layout = Layout::Explicit { bounds };
    checked(buckets)
}

fn exponential(fields: Fields<'_>) -> Result<Measured, Invalid> {
    let mut buckets = Buckets::empty(Layout::Exponential { scale: 0 });
    for field in fields {
        let field = field?;
        match field.number {
            4 => buckets.count = field.fixed64()? as f64,
            5 => buckets.sum = Some(field.double()?),
            6 => {
                buckets.layout = Layout::Exponential {
                    scale: field
                        .zigzag()?
                        .clamp(i64::from(i32::MIN), i64::from(i32::MAX))
                        as i32,
                }
            }
            7 => buckets.zero_count = field.fixed64()? as f64,
            8 => buckets.positive = side(&field)?,
            9 => buckets.negative = side(&field)?,
            12 => buckets.min = Some(field.double()?),
            13 => buckets.max = Some(field.double()?),
            14 => buckets.zero_threshold = field.double()?,
            _ => {}
        }
    }
    checked(buckets)
}

fn side(field: &Field<'_>) -> Result<Vec<Bucket>, Invalid> {
    let (mut offset, mut counts) = (0, Vec::new());
    for part in field.message()? {
        let part = part?;
        match part.number {
            1 => offset = i64::from(part.zigzag()? as i32),
            2 => add_counts(&mut counts, part.numbers()?)?,
            _ => {}
        }
    }
    // OTLP's bucket 0 is (1, base], which is number 1 with us.
    filled(offset + 1, &counts)
}

fn add_counts(counts: &mut Vec<f64>, numbers: Numbers<'_>) -> Result<(), Invalid> {
    for number in numbers {
        extend(counts, std::iter::once(number? as f64))?;
    }
    Ok(())
}

fn summary(fields: Fields<'_>) -> Result<Measured, Invalid> {
    let (mut count, mut sum, mut quantiles) = (0, 0.0, Vec::new());
    for field in fields {
        let field = field?;
        match field.number {
            4 => count = field.fixed64()?,
            5 => sum = field.double()?,
            6 if quantiles.len() == MAX_QUANTILES => {
                let text = format!("a summary has more than {MAX_QUANTILES} quantiles");
                return Err(Invalid::new(Reject::OverLimit, text));
            }
            6 => quantiles.push(quantile(&field)?),
            _ => {}
        }
    }
    Ok(Measured::Summary {
        count,
        sum,
        quantiles,
    })
}

fn quantile(field: &Field<'_>) -> Result<(f64, f64), Invalid> {
    let mut found = (0.0, 0.0);
    for part in field.message()? {
        let part = part?;
        match part.number {
            1 => found.0 = part.double()?,
            2 => found.1 = part.double()?,
            _ => {}
        }
    }
    Ok(found)
}

fn fixed(numbers: Doubles<'_>) -> impl Iterator<Item = f64> {
    numbers.map(|bits| bits as f64)
}

fn extend(into: &mut Vec<f64>, numbers: impl Iterator<Item = f64>) -> Result<(), Invalid> {
    for number in numbers {
        if into.len() > MAX_BUCKETS {
            let text = format!("a histogram has more than {MAX_BUCKETS} buckets");
            return Err(Invalid::new(Reject::OverLimit, text));
        }
        into.push(number);
    }
    Ok(())
}

fn filled(first: i64, counts: &[f64]) -> Result<Vec<Bucket>, Invalid> {
    let numbered = (first..).zip(counts).filter(|(_, count)| **count != 0.0);
    let buckets = numbered.map(|(index, &count)| {
        Some(Bucket {
            index: i32::try_from(index).ok()?,
            count,
        })
    });
    let buckets: Option<Vec<Bucket>> = buckets.collect();
    buckets.ok_or_else(|| Invalid::new(Reject::BadValue, "a bucket's number is past 2^31"))
}

fn checked(buckets: Buckets) -> Result<Measured, Invalid> {
    buckets.check()?;
    buckets.check_count()?;
    Ok(Measured::Buckets(Box::new(buckets)))
}
