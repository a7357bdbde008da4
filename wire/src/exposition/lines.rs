//! One line of either text format. Where the two differ: OpenMetrics has seconds for times, one space between words,
//! exemplars, `# UNIT` and `# EOF`, and no other comments or empty lines.

use std::borrow::Cow;

use super::collect::{Collector, Mistake, malformed};
use super::families::{Measured, Sample};
use super::labels::{Cursor, unescape};
use super::number::read_float;
use crate::{Kind, Reject};

/// A line of the text format, without its newline.
pub(super) fn text_line<'a>(line: &'a str, to: &mut Collector<'a>) -> Result<(), Mistake> {
    let mut cursor = Cursor(line);
    cursor.skip_blanks();
    if cursor.0.is_empty() {
        return Ok(());
    }
    if !cursor.eat('#') {
        return to.sample(sample(cursor, false)?);
    }
    cursor.skip_blanks();
    let word = cursor.0.split([' ', '\t']).next().unwrap_or_default();
    if !matches!(word, "HELP" | "TYPE") {
        return Ok(());
    }
    cursor.0 = &cursor.0[word.len()..];
    cursor.skip_blanks();
    let name = cursor.name(true)?;
    if cursor.0.is_empty() {
        return Ok(());
    }
    if name.is_empty() || !cursor.0.starts_with([' ', '\t']) {
        return Err((Reject::BadName, "invalid metric name in comment".to_owned()));
    }
    cursor.skip_blanks();
    match word {
        "HELP" => to.help(name, unescape(cursor.0, false)?),
        _ => to.kind(name, text_kind(cursor.0.trim_end())?),
    }
}

/// A line of OpenMetrics, without its newline; not the last one.
pub(super) fn open_line<'a>(line: &'a str, to: &mut Collector<'a>) -> Result<(), Mistake> {
    let Some(comment) = line.strip_prefix('#') else {
        return to.sample(sample(Cursor(line), true)?);
    };
    let word = comment.get(..6).unwrap_or_default();
    if !matches!(word, " HELP " | " TYPE " | " UNIT ") {
        return Err(malformed("expected a valid start token".to_owned()));
    }
    let mut cursor = Cursor(&comment[6..]);
    let name = cursor.name(true)?;
    if name.is_empty() {
        let text = format!("expected metric name after{}", word.trim_end());
        return Err((Reject::BadName, text));
    }
    if !cursor.eat(' ') && !cursor.0.is_empty() {
        return Err(malformed(format!("expected text in{}", word.trim_end())));
    }
    match word {
        " HELP " => to.help(name, unescape(cursor.0, true)?),
        " UNIT " => {
            check_unit(&name, cursor.0)?;
            to.unit(name, cursor.0)
        }
        _ => to.kind(name, open_kind(cursor.0)?),
    }
}

fn check_unit(name: &str, unit: &str) -> Result<(), Mistake> {
    let suffix = name
        .strip_suffix(unit)
        .is_some_and(|rest| rest.ends_with('_'));
    if unit.is_empty() || suffix {
        return Ok(());
    }
    Err(malformed(format!(
        "unit {unit:?} not a suffix of metric {name:?}"
    )))
}

fn sample(mut cursor: Cursor<'_>, open: bool) -> Result<Sample<'_>, Mistake> {
    let mut name = None;
    if !cursor.0.starts_with('{') {
        if cursor.0.starts_with('"') {
            return Err((Reject::BadName, "invalid metric name".to_owned()));
        }
        name = Some(cursor.name(true)?).filter(|name| !name.is_empty());
        if name.is_none() {
            return Err((Reject::BadName, "invalid metric name".to_owned()));
        }
        if !open {
            cursor.skip_blanks();
        }
    }
    let mut labels = Vec::new();
    if cursor.eat('{') {
        let (inside, found) = cursor.braces(name.is_some())?;
        labels = found;
        name = name.or(inside).filter(|name| !name.is_empty());
    } else if !open && cursor.0.is_empty() {
        return Err(malformed("expected float as value, got \"\"".to_owned()));
    }
    let Some(name) = name else {
        return Err((Reject::BadName, "metric name not set".to_owned()));
    };
    let (value, timestamp_ms) = if open {
        open_tail(cursor.0)
    } else {
        text_tail(cursor.0)
    }?;
    Ok(Sample {
        name,
        labels,
        value: Measured::Float(value),
        timestamp_ms,
    })
}

fn text_tail(rest: &str) -> Result<(f64, Option<i64>), Mistake> {
    let mut words = rest.split([' ', '\t']).filter(|word| !word.is_empty());
    let value = value(words.next().unwrap_or_default())?;
    let Some(time) = words.next() else {
        return Ok((value, None));
    };
    let millis = time.parse().map_err(|_| {
        let text = format!("expected integer as timestamp, got {time:?}");
        (Reject::BadTimestamp, text)
    })?;
    match words.next() {
        Some(word) => Err(malformed(format!(
            "spurious string after timestamp: {word:?}"
        ))),
        None => Ok((value, Some(millis))),
    }
}

fn open_tail(rest: &str) -> Result<(f64, Option<i64>), Mistake> {
    let rest = rest.strip_prefix(' ');
    let rest = rest.ok_or_else(|| malformed("expected value after metric".to_owned()))?;
    let rest = match rest.split_once(" # ") {
        Some((rest, exemplar)) => {
            check_exemplar(exemplar)?;
            rest
        }
        None => rest,
    };
    match rest.split_once(' ') {
        None => Ok((value(rest)?, None)),
        Some((number, time)) => Ok((value(number)?, Some(seconds(time)?))),
    }
}

fn check_exemplar(exemplar: &str) -> Result<(), Mistake> {
    let mut cursor = Cursor(exemplar);
    if !cursor.eat('{') {
        return Err(malformed("expected labels of an exemplar".to_owned()));
    }
    cursor.braces(true)?;
    open_tail(cursor.0).map(|_| ())
}

fn value(word: &str) -> Result<f64, Mistake> {
    read_float(word).ok_or_else(|| {
        (
            Reject::BadValue,
            format!("expected float as value, got {word:?}"),
        )
    })
}

fn seconds(word: &str) -> Result<i64, Mistake> {
    let seconds = read_float(word).filter(|seconds| seconds.is_finite());
    let millis = seconds.map(|seconds| (seconds * 1_000.0).round());
    // Far past any date, and exact.
    let millis = millis.filter(|millis| millis.abs() < crate::buckets::MAX_COUNT);
    millis
        .map(|millis| millis as i64)
        .ok_or_else(|| (Reject::BadTimestamp, format!("invalid timestamp {word:?}")))
}

fn text_kind(word: &str) -> Result<Kind, Mistake> {
    let lower = word.to_ascii_lowercase();
    let kind = match lower.as_str() {
        "untyped" | "unknown" => Kind::Unknown,
        "counter" => Kind::Counter,
        "gauge" => Kind::Gauge,
        "histogram" => Kind::Histogram,
        "gaugehistogram" | "gauge_histogram" => Kind::GaugeHistogram,
        "summary" => Kind::Summary,
        _ => return Err((Reject::UnknownType, format!("unknown metric type {word:?}"))),
    };
    Ok(kind)
}

fn open_kind(word: &str) -> Result<Kind, Mistake> {
    let known = Kind::ALL.iter().find(|kind| kind.as_str() == word).copied();
    known.ok_or_else(|| (Reject::UnknownType, format!("invalid metric type {word:?}")))
}

/// A family's name as a borrowed or owned text.
pub(super) fn joined<'a>(name: &str, suffix: &str) -> Cow<'a, str> {
    Cow::Owned(format!("{name}{suffix}"))
}
