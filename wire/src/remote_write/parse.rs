//! Version 1.0's message, and what a series of either version holds.

use super::histogram::NativeHistogram;
use super::metadata::Metadata;
use crate::protobuf::{Damaged, Field, Fields};
use crate::{Invalid, Reject};

/// A request with more series is refused.
pub const MAX_SERIES: usize = 500_000;

/// Field 1, counted bytes.
const LABEL_TAG: u8 = 1 << 3 | 2;

/// Why a whole message is refused; answer 400.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("the message is damaged: {0}")]
    Damaged(#[from] Damaged),
    #[error("more than {MAX_SERIES} series in one request: send fewer at once")]
    TooManySeries,
    #[error(
        "more than {} symbols in one request: send fewer series at once",
        super::MAX_SYMBOLS
    )]
    TooManySymbols,
    #[error(
        "this is a message of remote write {is}, and its content type says {said}: send application/x-protobuf;proto={}",
        .is.message()
    )]
    OtherVersion { is: Version, said: Version },
}

impl Refused {
    #[cold]
    pub(super) fn other_version(is: Version, said: Version) -> Self {
        Self::OtherVersion { is, said }
    }
}

/// The two messages that senders send: no field of one has the number of a field of the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    One,
    Two,
}

impl Version {
    /// The message's name, as a content type gives it.
    #[must_use]
    pub fn message(self) -> &'static str {
        match self {
            Self::One => "prometheus.WriteRequest",
            Self::Two => "io.prometheus.write.v2.Request",
        }
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::One => "1.0",
            Self::Two => "2.0",
        })
    }
}

impl From<Refused> for Invalid {
    fn from(refused: Refused) -> Self {
        let reject = match refused {
            Refused::Damaged(_) | Refused::OtherVersion { .. } => Reject::Malformed,
            Refused::TooManySeries | Refused::TooManySymbols => Reject::OverLimit,
        };
        Invalid::new(reject, refused.to_string())
    }
}

/// The entries of an unpacked `prometheus.WriteRequest`, in their order; ends after the first error.
#[must_use]
pub fn parse(message: &[u8]) -> Entries<'_> {
    Entries {
        fields: Fields::of(message),
        series: 0,
        metadata: false,
    }
}

/// Made by [`parse`].
#[derive(Debug, Clone)]
pub struct Entries<'a> {
    fields: Fields<'a>,
    series: usize,
    metadata: bool,
}

/// What stands in a request.
#[derive(Debug, Clone, Copy)]
pub enum Entry<'a> {
    Series(Series<'a>),
    Metadata(Metadata<'a>),
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<Entry<'a>, Refused>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let entry = match self.fields.next()? {
                Ok(field) => self.entry(&field).transpose(),
                Err(damaged) => Some(Err(damaged.into())),
            };
            if let Some(entry) = entry {
                if entry.is_err() {
                    self.fields = Fields::of(&[]);
                }
                return Some(entry);
            }
        }
    }
}

impl<'a> Entries<'a> {
    #[inline]
    fn entry(&mut self, field: &Field<'a>) -> Result<Option<Entry<'a>>, Refused> {
        match field.number {
            1 => {
                self.series += 1;
                if self.series > MAX_SERIES {
                    return Err(Refused::TooManySeries);
                }
                Ok(Some(Entry::Series(Series::read(field.bytes()?)?)))
            }
            3 => {
                self.metadata = true;
                Ok(Some(Entry::Metadata(Metadata::read(field.message()?)?)))
            }
            // Version 2.0's series. Behind something of this version it is but a field that is not known.
            5 if self.series == 0 && !self.metadata => {
                Err(Refused::other_version(Version::Two, Version::One))
            }
            _ => Ok(None),
        }
    }
}

/// A series as it stands in a message of version 1.0.
#[derive(Debug, Clone, Copy)]
pub struct Series<'a> {
    /// The labels as they stood; [`super::series_key`] reads them. Encoders write labels first, so these bytes are the
    /// same in every request; from one that mixes them with samples they are a longer run that holds all labels.
    pub identity: &'a [u8],
    points: Fields<'a>,
}

impl<'a> Series<'a> {
    #[inline]
    fn read(message: &'a [u8]) -> Result<Self, Damaged> {
        let mut labels_end = leading_labels(message);
        let mut fields = Fields::of(&message[labels_end..]);
        let mut points = None;
        loop {
            let before = fields.rest();
            let Some(field) = fields.next() else { break };
            if field?.number == 1 {
                labels_end = message.len() - fields.rest().len();
            } else if points.is_none() {
                points = Some(Fields::of(before));
            }
        }
        Ok(Self {
            identity: &message[..labels_end],
            points: points.unwrap_or(fields),
        })
    }

    /// What was measured, in the order of the message.
    #[must_use]
    pub fn points(&self) -> Points<'a> {
        Points {
            fields: self.points,
            histogram_field: 4,
            exemplar_field: 3,
        }
    }
}

/// How far the short labels in front reach: what nearly all of a message is, at two bytes looked at a label.
#[inline]
fn leading_labels(message: &[u8]) -> usize {
    let mut end = 0;
    while let Some(&[LABEL_TAG, length @ ..0x80]) = message.get(end..end + 2) {
        let next = end + 2 + usize::from(length);
        if next > message.len() {
            break;
        }
        end = next;
    }
    end
}

/// The points of a series.
#[derive(Debug, Clone)]
pub struct Points<'a> {
    pub(super) fields: Fields<'a>,
    pub(super) histogram_field: u32,
    pub(super) exemplar_field: u32,
}

/// One thing that a series holds.
#[derive(Debug, Clone, Copy)]
pub enum Point<'a> {
    Sample(SentSample),
    Histogram(NativeHistogram<'a>),
    /// Not kept; said so that it can be counted.
    Exemplar,
}

/// A float at a time; NaN and infinities as sent, the stale mark with its bits: see [`crate::is_stale`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SentSample {
    pub timestamp_ms: i64,
    pub value: f64,
    /// When its counter began, where the sender says so (version 2.0).
    pub start_timestamp_ms: Option<i64>,
}

impl<'a> Iterator for Points<'a> {
    type Item = Result<Point<'a>, Damaged>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let field = match self.fields.next()? {
                Ok(field) => field,
                Err(damaged) => return Some(Err(damaged)),
            };
            if field.number == 2 {
                return Some(sample(&field).map(Point::Sample));
            } else if field.number == self.histogram_field {
                return Some(
                    field
                        .bytes()
                        .map(|raw| Point::Histogram(NativeHistogram(raw))),
                );
            } else if field.number == self.exemplar_field {
                return Some(field.bytes().map(|_| Point::Exemplar));
            }
        }
    }
}

#[inline]
fn sample(field: &Field<'_>) -> Result<SentSample, Damaged> {
    let mut sample = SentSample {
        timestamp_ms: 0,
        value: 0.0,
        start_timestamp_ms: None,
    };
    for part in field.message()? {
        let part = part?;
        match part.number {
            1 => sample.value = part.double()?,
            2 => sample.timestamp_ms = part.int()?,
            3 => sample.start_timestamp_ms = Some(part.int()?).filter(|&start| start != 0),
            _ => {}
        }
    }
    Ok(sample)
}
