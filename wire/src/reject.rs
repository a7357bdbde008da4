//! Why a piece of input was refused. One list for every protocol, so that a counter's `reason` means the
//! same thing whatever port the input came through.

use std::fmt;

/// A cause of refusal; `as_str` is its name in counters and answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reject {
    /// The line or message does not have the protocol's shape.
    Malformed,
    /// Longer than the protocol's limit.
    TooLong,
    /// Not UTF-8, or a control character where text belongs.
    BadText,
    /// No series name, or one with characters the protocol forbids.
    BadName,
    /// An empty, duplicate or oversized label, or too many of them.
    BadLabels,
    /// Not a number.
    BadValue,
    /// NaN or infinite (or overflowing to it).
    NotFinite,
    /// Not a time, zero, negative, or so large that its unit must be wrong.
    BadTimestamp,
    /// Further in the future than the gateway accepts.
    TooEarly,
    /// Older than what is kept.
    TooOld,
    /// A type the protocol does not define.
    UnknownType,
    /// Known and deliberately not taken (events, service checks).
    Unsupported,
    /// A sample rate outside (0, 1].
    BadRate,
    /// A limit on series or memory was reached.
    OverLimit,
    /// A mapping rule says that it is to be dropped.
    Unwanted,
}

impl Reject {
    pub const ALL: [Reject; 15] = [
        Reject::Malformed,
        Reject::TooLong,
        Reject::BadText,
        Reject::BadName,
        Reject::BadLabels,
        Reject::BadValue,
        Reject::NotFinite,
        Reject::BadTimestamp,
        Reject::TooEarly,
        Reject::TooOld,
        Reject::UnknownType,
        Reject::Unsupported,
        Reject::BadRate,
        Reject::OverLimit,
        Reject::Unwanted,
    ];

    /// The cause as a label value: lowercase, words joined by underscores.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Reject::Malformed => "malformed",
            Reject::TooLong => "too_long",
            Reject::BadText => "bad_text",
            Reject::BadName => "bad_name",
            Reject::BadLabels => "bad_labels",
            Reject::BadValue => "bad_value",
            Reject::NotFinite => "not_finite",
            Reject::BadTimestamp => "bad_timestamp",
            Reject::TooEarly => "too_early",
            Reject::TooOld => "too_old",
            Reject::UnknownType => "unknown_type",
            Reject::Unsupported => "unsupported",
            Reject::BadRate => "bad_rate",
            Reject::OverLimit => "over_limit",
            Reject::Unwanted => "unwanted",
        }
    }
}

impl fmt::Display for Reject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::error::Error for Reject {}
