//! The unit of a body's timestamps and their way to milliseconds. A number that makes no sense in its unit is
//! refused with the unit that it does make sense in.

use std::fmt;
use std::str::FromStr;

/// 1980-01-01: what is earlier was meant in another unit, or is a clock that was never set.
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

    /// Milliseconds, a fraction cut off; `None` outside of 1980 to 2100.
    pub(super) fn to_ms(self, timestamp: i64) -> Option<i64> {
        let ms = self.scaled(i128::from(timestamp));
        if (FIRST_MS..END_MS).contains(&ms) {
            i64::try_from(ms).ok()
        } else {
            None
        }
    }

    /// What is said of a timestamp that [`Self::to_ms`] refuses.
    pub(super) fn misfit(self, timestamp: i128) -> String {
        let fits =
            |unit: &Self| timestamp > 0 && (FIRST_MS..END_MS).contains(&unit.scaled(timestamp));
        match Self::ALL.iter().find(|unit| fits(unit)) {
            Some(unit) => {
                format!(
                    "bad timestamp: {timestamp} is no time in {self}; it looks like {unit}: say precision={unit}"
                )
            }
            None => {
                format!(
                    "bad timestamp: {timestamp} in {self} is not between the years 1980 and 2100"
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
