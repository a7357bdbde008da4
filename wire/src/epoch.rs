//! Which unit a number that should be a time looks like, so that who is refused is told what to mend. Guesses only between
//! the years 1980 and 2100, where no two units meet.

use crate::{Invalid, Reject};

/// 1980-01-01 and 2100-01-01, in seconds.
const FIRST_SECOND: f64 = 315_532_800.0;
const END_SECOND: f64 = 4_102_444_800.0;

/// Units, by how many of each are in a second.
const UNITS: [(f64, &str); 4] = [
    (1.0, "seconds"),
    (1e3, "milliseconds"),
    (1e6, "microseconds"),
    (1e9, "nanoseconds"),
];

/// The unit in which a number since 1970 is a time of our days.
#[must_use]
pub fn unit_of(number: f64) -> Option<&'static str> {
    let fits =
        |per_second: f64| (FIRST_SECOND * per_second..END_SECOND * per_second).contains(&number);
    let found = UNITS.iter().find(|(per_second, _)| fits(*per_second));
    found.map(|(_, unit)| *unit)
}

/// What is said of a number that is no time in the unit it was sent in: `5 is no time in seconds`, and the unit that it looks
/// like where there is one.
#[must_use]
pub fn misfit(number: f64, sent_in: &str) -> String {
    match unit_of(number) {
        Some(unit) if unit != sent_in => {
            format!("{number} is no time in {sent_in}; it looks like {unit}")
        }
        _ => format!("{number} is no time in {sent_in}"),
    }
}

/// Refuses a time in milliseconds that cannot be meant: zero, negative, or one of our days in another unit.
///
/// # Errors
/// [`Reject::BadTimestamp`], with the unit that it looks like.
#[inline]
pub fn check_ms(timestamp_ms: i64) -> Result<(), Invalid> {
    // A float is exact far beyond the last of these.
    let number = timestamp_ms as f64;
    if (FIRST_SECOND * 1e3..END_SECOND * 1e3).contains(&number) {
        return Ok(());
    }
    check_odd(timestamp_ms)
}

#[cold]
fn check_odd(timestamp_ms: i64) -> Result<(), Invalid> {
    let number = timestamp_ms as f64;
    if timestamp_ms > 0 && unit_of(number).is_none() {
        return Ok(());
    }
    let text = format!("timestamp {}", misfit(number, "milliseconds"));
    Err(Invalid::new(Reject::BadTimestamp, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FAULTS 20.
    #[test]
    fn the_unit_is_guessed() {
        for (number, unit) in [
            (1_613_707_265.0, Some("seconds")),
            (1_613_707_265e3, Some("milliseconds")),
            (1_613_707_265e6, Some("microseconds")),
            (1_613_707_265e9, Some("nanoseconds")),
            (0.0, None),
            (-1_613_707_265.0, None),
            (f64::NAN, None),
            (f64::INFINITY, None),
            (1e30, None),
        ] {
            assert_eq!(unit_of(number), unit, "{number}");
        }
        assert_eq!(
            misfit(1_613_707_265_000.0, "seconds"),
            "1613707265000 is no time in seconds; it looks like milliseconds"
        );
        assert_eq!(misfit(-5.0, "seconds"), "-5 is no time in seconds");
        assert_eq!(check_ms(1_613_707_265_000), Ok(()));
        assert_eq!(check_ms(86_400_000), Ok(()), "the second of January 1970");
        for odd in [
            0,
            -1,
            1_613_707_265,
            1_613_707_265_000_000,
            i64::MAX,
            i64::MIN,
        ] {
            let refused = check_ms(odd);
            // Three centuries ahead are too far ahead, whatever the unit.
            if odd == i64::MAX {
                assert_eq!(refused, Ok(()));
                continue;
            }
            assert_eq!(refused.unwrap_err().reject, Reject::BadTimestamp, "{odd}");
        }
        assert_eq!(
            check_ms(1_613_707_265).unwrap_err().text,
            "timestamp 1613707265 is no time in milliseconds; it looks like seconds"
        );
    }
}
