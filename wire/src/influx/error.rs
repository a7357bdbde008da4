//! What is wrong with a line, in the words that InfluxDB's own answers have, so that clients which look for them find
//! them. Clients match the front (`unable to parse '...'`); the line's number stands behind, which InfluxDB lacks.

use std::fmt;

use super::Precision;
use crate::Reject;

/// As much of a refused line is repeated in an error.
pub const MAX_ECHO_BYTES: usize = 256;

/// A refused line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LineError<'a> {
    /// From 1, in the body that was parsed; blank lines and comments count.
    pub number: usize,
    pub line: &'a [u8],
    pub fault: Fault<'a>,
}

impl fmt::Display for LineError<'_> {
    /// `unable to parse 'LINE': what is wrong (line N)`, the line cut at [`MAX_ECHO_BYTES`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unable to parse '")?;
        echo(self.line, f)?;
        write!(f, "': {} (line {})", self.fault, self.number)
    }
}

impl std::error::Error for LineError<'_> {}

fn echo(line: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let shown = &line[..line.len().min(MAX_ECHO_BYTES)];
    for part in shown.utf8_chunks() {
        f.write_str(part.valid())?;
        if !part.invalid().is_empty() {
            f.write_str("\u{fffd}")?;
        }
    }
    f.write_str(if shown.len() < line.len() { "..." } else { "" })
}

/// What is wrong with it. `reject` is the cause that is counted.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum Fault<'a> {
    #[error("missing measurement")]
    MissingMeasurement,
    #[error("missing fields")]
    MissingFields,
    #[error("missing tag key")]
    MissingTagKey,
    #[error("missing tag value")]
    MissingTagValue,
    #[error("invalid tag format")]
    InvalidTag,
    #[error("duplicate tags")]
    DuplicateTags,
    #[error("missing field key")]
    MissingFieldKey,
    #[error("missing field value")]
    MissingFieldValue,
    #[error("invalid field format")]
    InvalidField,
    #[error("unbalanced quotes")]
    UnbalancedQuotes,
    #[error("invalid number")]
    InvalidNumber,
    /// NaN or an infinity by name; InfluxDB takes some of them for booleans and says so.
    #[error("invalid {0}")]
    NotANumber(&'static str),
    /// A number that only an infinity is near to.
    #[error("invalid float")]
    InfiniteFloat,
    #[error("invalid float")]
    InvalidFloat,
    #[error("unable to parse integer {0}: strconv.ParseInt: parsing \"{0}\": value out of range")]
    LargeInteger(&'a str),
    #[error("unable to parse unsigned {0}: strconv.ParseUint: parsing \"{0}\": value out of range")]
    LargeUnsigned(&'a str),
    #[error("invalid boolean")]
    InvalidBoolean,
    #[error("bad timestamp")]
    BadTimestamp,
    #[error("point is invalid")]
    InvalidPoint,
    #[error("{}", precision.misfit(*timestamp))]
    TimeOutOfRange {
        timestamp: i128,
        precision: Precision,
    },
    #[error("longer than {} bytes", super::MAX_LINE_BYTES)]
    LongLine,
    #[error("more than {} fields", super::MAX_FIELDS)]
    ManyFields,
    #[error("not UTF-8, or a control character in a name")]
    BadText,
    /// The name that measurement and field make together.
    #[error("the series' name is longer than {} bytes", crate::limits::NAME_BYTES)]
    LongName,
    #[error("more than {} tags", crate::limits::LABELS)]
    ManyTags,
    #[error(
        "a tag's key is longer than {} bytes, or its value than {}",
        crate::limits::LABEL_NAME_BYTES,
        crate::limits::LABEL_VALUE_BYTES
    )]
    LongTag,
    #[error(
        "measurement and tags are longer than {} bytes",
        crate::limits::KEY_BYTES
    )]
    LongSeries,
    #[error("a tag is named as the field's label or {}", crate::NAME_LABEL)]
    BadLabels,
}

impl Fault<'_> {
    /// The cause as counted.
    #[must_use]
    pub fn reject(&self) -> Reject {
        match self {
            Fault::MissingMeasurement | Fault::LongName => Reject::BadName,
            Fault::MissingTagKey
            | Fault::MissingTagValue
            | Fault::InvalidTag
            | Fault::DuplicateTags
            | Fault::ManyTags
            | Fault::LongTag
            | Fault::LongSeries
            | Fault::BadLabels => Reject::BadLabels,
            Fault::MissingFields
            | Fault::MissingFieldKey
            | Fault::MissingFieldValue
            | Fault::InvalidField
            | Fault::UnbalancedQuotes
            | Fault::InvalidPoint
            | Fault::ManyFields => Reject::Malformed,
            Fault::InvalidNumber
            | Fault::InvalidFloat
            | Fault::LargeInteger(_)
            | Fault::LargeUnsigned(_)
            | Fault::InvalidBoolean => Reject::BadValue,
            Fault::NotANumber(_) | Fault::InfiniteFloat => Reject::NotFinite,
            Fault::BadTimestamp | Fault::TimeOutOfRange { .. } => Reject::BadTimestamp,
            Fault::LongLine => Reject::TooLong,
            Fault::BadText => Reject::BadText,
        }
    }
}
