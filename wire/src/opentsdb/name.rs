//! The raw words of a `put` to a series: OpenTSDB's characters, its rule for tags that are given twice.

use super::error::shown;
use super::{Fault, Identity};
use crate::{KeyError, Reject, SeriesKey};

/// The series that a telnet `put` names.
///
/// # Errors
/// What OpenTSDB refuses: a tag that is not `name=value`, one name with two values (the same tag twice is one tag),
/// characters that are no letter, digit, `-`, `_`, `.` or `/`; and what a series here cannot have.
pub fn series_key(identity: Identity<'_>) -> Result<SeriesKey, Fault> {
    let metric = text("metric name", identity.metric)?;
    let tags = identity.tags.split(|byte| *byte == b' ');
    let mut pairs: Vec<(&str, &str)> = Vec::new();
    for tag in tags.filter(|tag| !tag.is_empty()) {
        let pair = pair(tag)?;
        add(&mut pairs, pair, tag)?;
    }
    checked(metric, &pairs)
}

/// A series of words that are known to be text.
pub(super) fn checked(metric: &str, tags: &[(&str, &str)]) -> Result<SeriesKey, Fault> {
    check("metric name", metric, Reject::BadName)?;
    for (key, value) in tags {
        check("tag name", key, Reject::BadLabels)?;
        check("tag value", value, Reject::BadLabels)?;
    }
    SeriesKey::new(metric, tags.iter().copied()).map_err(|error| {
        let reject = match error {
            KeyError::EmptyName | KeyError::LongName => Reject::BadName,
            _ => Reject::BadLabels,
        };
        Fault::argument(reject, error.to_string())
    })
}

/// Adds a tag unless it is there; `written` is for the complaint.
fn add<'a>(
    tags: &mut Vec<(&'a str, &'a str)>,
    tag: (&'a str, &'a str),
    written: &[u8],
) -> Result<(), Fault> {
    match tags.iter().find(|(key, _)| *key == tag.0) {
        Some((_, value)) if *value == tag.1 => Ok(()),
        Some(_) => Err(Fault::argument(
            Reject::BadLabels,
            format!("duplicate tag: {}, tags={}", shown(written), listed(tags)),
        )),
        // One more than fit is enough for the series to be refused.
        None if tags.len() > crate::limits::LABELS => Ok(()),
        None => {
            tags.push(tag);
            Ok(())
        }
    }
}

fn pair(tag: &[u8]) -> Result<(&str, &str), Fault> {
    let whole = text("tag", tag)?;
    match whole.split_once('=') {
        Some((key, value)) if !key.is_empty() && !value.is_empty() && !value.contains('=') => {
            Ok((key, value))
        }
        _ => Err(Fault::argument(
            Reject::BadLabels,
            format!("invalid tag: {}", shown(tag)),
        )),
    }
}

fn text<'a>(what: &str, bytes: &'a [u8]) -> Result<&'a str, Fault> {
    std::str::from_utf8(bytes).map_err(|_| {
        let message = format!("Invalid {what} (\"{}\"): not UTF-8", shown(bytes));
        Fault::argument(Reject::BadText, message)
    })
}

fn check(what: &str, text: &str, reject: Reject) -> Result<(), Fault> {
    if text.is_empty() {
        return Err(Fault::argument(
            reject,
            format!("Invalid {what}: empty string"),
        ));
    }
    let kept = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    match text.chars().find(|c| !kept(*c)) {
        None => Ok(()),
        Some(other) => Err(Fault::argument(
            if other.is_control() {
                Reject::BadText
            } else {
                reject
            },
            format!(
                "Invalid {what} (\"{}\"): illegal character: {}",
                shown(text.as_bytes()),
                shown(other.encode_utf8(&mut [0; 4]).as_bytes())
            ),
        )),
    }
}

fn listed(tags: &[(&str, &str)]) -> String {
    let pairs: Vec<String> = tags
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    format!("{{{}}}", shown(pairs.join(", ").as_bytes()))
}
