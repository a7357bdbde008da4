//! Graphite's times (`-1h`, `now-5min`, `noon yesterday`, `14:30_20260131`, unix seconds) to unix seconds. Reads no
//! clock: now is an argument.

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Zoned};

use super::GraphiteError;

/// A time as Graphite writes it, in unix seconds.
///
/// # Errors
/// [`GraphiteError::BadTime`] for text that is none, [`GraphiteError::BadZone`] for a zone that is not known.
pub fn parse_time(text: &str, now_ms: i64, zone: Option<&str>) -> Result<i64, GraphiteError> {
    let bad = || GraphiteError::BadTime {
        text: text.chars().take(64).collect(),
    };
    if text.len() > 64 {
        return Err(bad());
    }
    let zone = time_zone(zone)?;
    let clean = text.trim().to_ascii_lowercase().replace([' ', ','], "_");
    if let Ok(unix) = clean.parse::<i64>()
        && unix >= 0
        && !is_date(&clean)
    {
        return Ok(unix);
    }
    let now = Timestamp::from_millisecond(now_ms)
        .map_err(|_| bad())?
        .to_zoned(zone);
    let (base, offset) = match clean.find(['+', '-']) {
        Some(at) => clean.split_at(at),
        None => (clean.as_str(), ""),
    };
    let base = reference(base, &now).ok_or_else(bad)?;
    let moved = shift(&base, offset).ok_or_else(bad)?;
    Ok(moved.timestamp().as_second())
}

/// Seconds of a duration such as `10min`; months are 30 days and years 365, as graphite-web counts here.
pub(super) fn seconds(text: &str) -> Option<i64> {
    let text = text.trim().trim_start_matches('-');
    let (count, unit) = split_count(text)?;
    let unit_s = match unit_of(unit)? {
        Unit::Second => 1,
        Unit::Minute => 60,
        Unit::Hour => 3_600,
        Unit::Day => 86_400,
        Unit::Week => 604_800,
        Unit::Month => 2_592_000,
        Unit::Year => 31_536_000,
    };
    i64::from(count)
        .checked_mul(unit_s)
        .filter(|seconds| *seconds > 0)
}

fn time_zone(name: Option<&str>) -> Result<TimeZone, GraphiteError> {
    match name.map(str::trim).filter(|name| !name.is_empty()) {
        None | Some("UTC" | "utc" | "Etc/UTC") => Ok(TimeZone::UTC),
        Some(name) => {
            let shown = || GraphiteError::BadZone(name.chars().take(64).collect());
            let safe = |c: char| c.is_ascii_alphanumeric() || "_+-/".contains(c);
            if !name.chars().all(safe) {
                return Err(shown());
            }
            TimeZone::get(name).map_err(|_| shown())
        }
    }
}

/// Eight digits that can be YYYYMMDD are a date, as in graphite-web.
fn is_date(text: &str) -> bool {
    text.len() == 8 && date_of_digits(text).is_some_and(|date| date.year() > 1900)
}

fn reference(text: &str, now: &Zoned) -> Option<Zoned> {
    let text = text.trim_matches('_');
    if matches!(text, "" | "now") {
        return Some(now.clone());
    }
    let (mut time, mut date) = (None, None);
    for part in text.split('_').filter(|part| !part.is_empty()) {
        if let Some(found) = day(part, now) {
            if date.replace(found).is_some() {
                return None;
            }
        } else if time.replace(clock(part)?).is_some() {
            return None;
        }
    }
    // A date alone means its midnight; a time alone means today.
    let date = date.unwrap_or_else(|| now.date());
    let time = time.unwrap_or_else(Time::midnight);
    date.to_datetime(time)
        .to_zoned(now.time_zone().clone())
        .ok()
}

fn day(text: &str, now: &Zoned) -> Option<Date> {
    match text {
        "today" => Some(now.date()),
        "yesterday" => now.date().checked_sub(1.day()).ok(),
        "tomorrow" => now.date().checked_add(1.day()).ok(),
        _ if text.len() == 8 => date_of_digits(text),
        _ => slashed(text),
    }
}

fn date_of_digits(text: &str) -> Option<Date> {
    if !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let part = |range: std::ops::Range<usize>| text.get(range)?.parse::<i8>().ok();
    let year: i16 = text.get(..4)?.parse().ok()?;
    Date::new(year, part(4..6)?, part(6..8)?).ok()
}

/// MM/DD/YY and MM/DD/YYYY.
fn slashed(text: &str) -> Option<Date> {
    let mut parts = text.split('/');
    let (month, day) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let year: i16 = parts.next()?.parse().ok()?;
    let year = if year < 70 {
        year + 2000
    } else if year < 100 {
        year + 1900
    } else {
        year
    };
    parts
        .next()
        .is_none()
        .then(|| Date::new(year, month, day).ok())?
}

/// `midnight`, `noon`, `teatime`, `14:30`, `2:30pm`, `5am`.
fn clock(text: &str) -> Option<Time> {
    let hour = match text {
        "midnight" => Some(0),
        "noon" => Some(12),
        "teatime" => Some(16),
        _ => None,
    };
    if let Some(hour) = hour {
        return Time::new(hour, 0, 0, 0).ok();
    }
    let (digits, half) = match (text.strip_suffix("am"), text.strip_suffix("pm")) {
        (Some(digits), _) => (digits, Some(0)),
        (_, Some(digits)) => (digits, Some(12)),
        _ => (text, None),
    };
    let (hour, minute) = match digits.split_once(':') {
        Some((hour, minute)) => (hour, minute.parse().ok()?),
        None if half.is_some() => (digits, 0),
        None => return None,
    };
    let hour: i8 = hour.parse().ok()?;
    let hour = match half {
        Some(add) if (1..=12).contains(&hour) => hour % 12 + add,
        Some(_) => return None,
        None => hour,
    };
    Time::new(hour, minute, 0, 0).ok()
}

/// `-1h`, `+2d-5min`: each step by the calendar, so that a month is a month.
fn shift(base: &Zoned, offset: &str) -> Option<Zoned> {
    let mut at = base.clone();
    let mut rest = offset;
    while !rest.is_empty() {
        let sign: i32 = if rest.starts_with('-') { -1 } else { 1 };
        let body = rest.get(1..)?;
        let end = body.find(['+', '-']).unwrap_or(body.len());
        let (count, unit) = split_count(body.get(..end)?)?;
        let count = i64::from(count) * i64::from(sign);
        let span = match unit_of(unit)? {
            Unit::Second => jiff::Span::new().try_seconds(count),
            Unit::Minute => jiff::Span::new().try_minutes(count),
            Unit::Hour => jiff::Span::new().try_hours(count),
            Unit::Day => jiff::Span::new().try_days(count),
            Unit::Week => jiff::Span::new().try_weeks(count),
            Unit::Month => jiff::Span::new().try_months(count),
            Unit::Year => jiff::Span::new().try_years(count),
        };
        at = at.checked_add(span.ok()?).ok()?;
        rest = body.get(end..)?;
    }
    Some(at)
}

fn split_count(text: &str) -> Option<(i32, &str)> {
    let text = text.trim_matches('_');
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    let (count, unit) = text.split_at(end);
    Some((count.parse().ok()?, unit.trim_matches('_')))
}

enum Unit {
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Year,
}

fn unit_of(text: &str) -> Option<Unit> {
    Some(match text {
        "s" | "sec" | "secs" | "second" | "seconds" => Unit::Second,
        "m" | "min" | "mins" | "minute" | "minutes" => Unit::Minute,
        "h" | "hour" | "hours" => Unit::Hour,
        "d" | "day" | "days" => Unit::Day,
        "w" | "week" | "weeks" => Unit::Week,
        "mon" | "month" | "months" => Unit::Month,
        "y" | "year" | "years" => Unit::Year,
        _ => return None,
    })
}
