//! A native histogram of either version: the messages are the same but for version 2.0's start time.

use crate::buckets::{Buckets, Layout, Sparse};
use crate::protobuf::{Field, Fields};
use crate::{Invalid, Reject, is_stale};

/// The schema that stands for custom bounds.
const CUSTOM: i64 = -53;
/// Exponential schemas.
const SCHEMAS: std::ops::RangeInclusive<i64> = -4..=8;

/// A histogram that is not yet read: [`NativeHistogram::read`] does.
#[derive(Debug, Clone, Copy)]
pub struct NativeHistogram<'a>(pub(super) &'a [u8]);

/// A histogram at a time. It is cumulative, unless the hint says that it is a gauge.
#[derive(Debug, Clone, PartialEq)]
pub struct SentHistogram {
    pub timestamp_ms: i64,
    /// When it began to count, where the sender says so (version 2.0).
    pub start_timestamp_ms: Option<i64>,
    pub reset_hint: ResetHint,
    /// The series ended here; the buckets mean nothing.
    pub stale: bool,
    pub buckets: Buckets,
}

/// What the sender knows of resets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ResetHint {
    /// Compare with the one before: [`Buckets::since`].
    #[default]
    Unknown,
    /// The first after a reset: all of it is new.
    Yes,
    No,
    /// No counter at all: a state in itself.
    Gauge,
}

impl NativeHistogram<'_> {
    /// Reads it all.
    ///
    /// # Errors
    /// [`Reject::Malformed`], [`Reject::UnknownType`] for a schema that is not known, [`Reject::BadValue`] or
    /// [`Reject::OverLimit`] for buckets that make no distribution.
    pub fn read(&self) -> Result<SentHistogram, Invalid> {
        let mut reader = Reader::default();
        for field in Fields::of(self.0) {
            reader.field(&field?)?;
        }
        reader.finish()
    }
}

#[derive(Default)]
struct Reader {
    count: f64,
    /// It counts in whole numbers; in others a count is not exact.
    is_whole: bool,
    sum: f64,
    schema: i64,
    zero_threshold: f64,
    zero_count: f64,
    positive: Sparse,
    negative: Sparse,
    bounds: Vec<f64>,
    reset_hint: ResetHint,
    timestamp_ms: i64,
    start_timestamp_ms: Option<i64>,
}

impl Reader {
    fn field(&mut self, field: &Field<'_>) -> Result<(), Invalid> {
        match field.number {
            1 => {
                self.count = field.unsigned()? as f64;
                self.is_whole = true;
            }
            2 => self.count = field.double()?,
            3 => self.sum = field.double()?,
            4 => self.schema = field.zigzag()?,
            5 => self.zero_threshold = field.double()?,
            6 => self.zero_count = field.unsigned()? as f64,
            7 => self.zero_count = field.double()?,
            8 => self.negative.span(field)?,
            9 => self.negative.deltas(field.numbers()?)?,
            10 => self.negative.counts(field.doubles()?)?,
            11 => self.positive.span(field)?,
            12 => self.positive.deltas(field.numbers()?)?,
            13 => self.positive.counts(field.doubles()?)?,
            14 => self.reset_hint = hint(field.unsigned()?),
            15 => self.timestamp_ms = field.int()?,
            16 => self.bounds.extend(field.doubles()?.map(f64::from_bits)),
            17 => self.start_timestamp_ms = Some(field.int()?).filter(|&start| start != 0),
            _ => {}
        }
        Ok(())
    }

    fn finish(self) -> Result<SentHistogram, Invalid> {
        let stale = is_stale(self.sum);
        let buckets = if stale {
            Buckets::empty(Layout::Exponential { scale: 0 })
        } else {
            self.buckets()?
        };
        Ok(SentHistogram {
            timestamp_ms: self.timestamp_ms,
            start_timestamp_ms: self.start_timestamp_ms,
            reset_hint: self.reset_hint,
            stale,
            buckets,
        })
    }

    fn buckets(&self) -> Result<Buckets, Invalid> {
        let layout = match self.schema {
            CUSTOM => Layout::Explicit {
                bounds: self.bounds.clone(),
            },
            scale if SCHEMAS.contains(&scale) => Layout::Exponential {
                scale: scale as i32,
            },
            other => {
                let text = format!("histogram schema {other} is not known: -4 to 8 and -53 are");
                return Err(Invalid::new(Reject::UnknownType, text));
            }
        };
        let mut buckets = Buckets::empty(layout);
        buckets.count = self.count;
        buckets.sum = Some(self.sum);
        buckets.zero_threshold = self.zero_threshold;
        buckets.zero_count = self.zero_count;
        buckets.positive = self.positive.buckets()?;
        buckets.negative = self.negative.buckets()?;
        buckets.check()?;
        if self.is_whole {
            buckets.check_count()?;
        }
        Ok(buckets)
    }
}

fn hint(number: u64) -> ResetHint {
    match number {
        1 => ResetHint::Yes,
        2 => ResetHint::No,
        3 => ResetHint::Gauge,
        _ => ResetHint::Unknown,
    }
}
