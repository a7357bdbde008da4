//! The unit of a body's timestamps and their way to milliseconds. A number that makes no sense in its unit is
//! refused with the unit that it does make sense in.

use std::fmt;
use std::str::FromStr;

/// 1980-01-01: from here on no two units meet. What is earlier is taken, unless it is a time of our days in another unit.
const FIRST_MS: i128 = 315_532_800_000;
/// 2100-01-01.
const END_MS: i128 = 4_102_444_800_000;

/// The unit of timestamps; InfluxDB's default is nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    #[default]
    Nanoseconds,
    Microseconds,
    Milliseconds,
    Seconds,
    Minutes,
    Hours,
}

/// A `precision` parameter that names no unit; says what would be right, as InfluxDB 1.x does.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid precision {0:?} (use n, u, ms, s, m or h)")]
pub struct UnknownPrecision(pub String);

impl FromStr for Precision {
    type Err = UnknownPrecision;

    /// `n` and `u` are of `/write`, `ns` and `us` of `/api/v2/write`; either is taken at both. Empty is nanoseconds.
    fn from_str(text: &str) -> Result<Self, UnknownPrecision> {
        match text {
            "" | "n" | "ns" => Ok(Self::Nanoseconds),
            "u" | "us" | "\u{b5}" | "\u{b5}s" => Ok(Self::Microseconds),
            "ms" => Ok(Self::Milliseconds),
            "s" => Ok(Self::Seconds),
            "m" => Ok(Self::Minutes),
            "h" => Ok(Self::Hours),
            _ => Err(UnknownPrecision(text.chars().take(16).collect())),
        }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nanoseconds => "ns",
            Self::Microseconds => "us",
            Self::Milliseconds => "ms",
            Self::Seconds => "s",
            Self::Minutes => "m",
            Self::Hours => "h",
        })
    }
}

impl Precision {
    const ALL: [Self; 6] = [
        Self::Nanoseconds,
        Self::Microseconds,
        Self::Milliseconds,
        Self::Seconds,
        Self::Minutes,
        Self::Hours,
    ];

    /// Milliseconds, a fraction cut off; `None` for zero, for what is negative or from 2100 on, and for what is earlier
    /// than 1980 and a time of our days in another unit.
    pub(super) fn to_ms(self, timestamp: i64) -> Option<i64> {
        let timestamp = i128::from(timestamp);
        let ms = self.scaled(timestamp);
        let is_time = ms >= FIRST_MS || timestamp > 0 && Self::unit_of(timestamp).is_none();
        if is_time && ms < END_MS {
            i64::try_from(ms).ok()
        } else {
            None
        }
    }

    /// The unit in which a number is a time of our days.
    fn unit_of(timestamp: i128) -> Option<Self> {
        let fits = |unit: &Self| (FIRST_MS..END_MS).contains(&unit.scaled(timestamp));
        Self::ALL.into_iter().find(fits)
    }

    /// What is said of a timestamp that [`Self::to_ms`] refuses.
    pub(super) fn misfit(self, timestamp: i128) -> String {
        match Self::unit_of(timestamp) {
            Some(unit) => {
                format!(
                    "bad timestamp: {timestamp} is no time in {self}; it looks like {unit}: say precision={unit}"
                )
            }
            None => {
                format!(
                    "bad timestamp: {timestamp} in {self} is not above 0 and before the year 2100"
                )
            }
        }
    }

    /// Never overflows: at most 2^64 hours.
    fn scaled(self, timestamp: i128) -> i128 {
        match self {
            Self::Nanoseconds => timestamp.div_euclid(1_000_000),
            Self::Microseconds => timestamp.div_euclid(1_000),
            Self::Milliseconds => timestamp,
            Self::Seconds => timestamp.saturating_mul(1_000),
            Self::Minutes => timestamp.saturating_mul(60_000),
            Self::Hours => timestamp.saturating_mul(3_600_000),
        }
    }
}
