//! Evaluates matchers on the symbols. An absent label is the empty string, so a matcher that takes the empty
//! string also takes every series without the label, as in Prometheus.

use regex::Regex;
use roaring::RoaringBitmap;
use weir_wire::{MatchOp, Matcher, regex_text};

use super::symbols::Symbols;
use crate::StoreError;

/// Compiled size of one regular expression.
const REGEX_BYTES: usize = 1 << 20;

/// Keeps of `series` those that every matcher takes.
pub(crate) fn narrow(
    symbols: &Symbols,
    mut series: RoaringBitmap,
    matchers: &[Matcher],
) -> Result<RoaringBitmap, StoreError> {
    for matcher in matchers {
        let test = Test::compile(matcher)?;
        // What takes the empty string is cheaper to apply by what it does not take.
        if test.takes("") {
            series -= with_values(symbols, &matcher.name, &test, false);
        } else {
            series &= with_values(symbols, &matcher.name, &test, true);
        }
        if series.is_empty() {
            break;
        }
    }
    Ok(series)
}

/// The series that have the label, with a value that the test takes (or does not).
fn with_values(symbols: &Symbols, label: &str, test: &Test<'_>, taken: bool) -> RoaringBitmap {
    if let (Test::Equal(value), true) = (test, taken) {
        return symbols
            .with_value(label, value)
            .cloned()
            .unwrap_or_default();
    }
    if let (Test::NotEqual(value), false) = (test, taken) {
        return symbols
            .with_value(label, value)
            .cloned()
            .unwrap_or_default();
    }
    let mut found = RoaringBitmap::new();
    for (_, series) in symbols
        .values(label)
        .filter(|(value, _)| test.takes(value) == taken)
    {
        found |= series;
    }
    found
}

enum Test<'a> {
    Equal(&'a str),
    NotEqual(&'a str),
    Regex(Regex),
    NotRegex(Regex),
}

impl<'a> Test<'a> {
    fn compile(matcher: &'a Matcher) -> Result<Self, StoreError> {
        Ok(match matcher.op {
            MatchOp::Equal => Test::Equal(&matcher.value),
            MatchOp::NotEqual => Test::NotEqual(&matcher.value),
            MatchOp::Regex => Test::Regex(anchored(matcher)?),
            MatchOp::NotRegex => Test::NotRegex(anchored(matcher)?),
        })
    }

    fn takes(&self, value: &str) -> bool {
        match self {
            Test::Equal(wanted) => value == *wanted,
            Test::NotEqual(unwanted) => value != *unwanted,
            Test::Regex(regex) => regex.is_match(value),
            Test::NotRegex(regex) => !regex.is_match(value),
        }
    }
}

/// Prometheus anchors at both ends and lets `.` match a newline.
fn anchored(matcher: &Matcher) -> Result<Regex, StoreError> {
    // Compiled alone first: `a)|(b` would otherwise slip out of the anchors.
    let pattern = regex_text(&matcher.value);
    compile(&pattern)
        .and_then(|_| compile(&format!("^(?s:{pattern})$")))
        .map_err(|error| StoreError::BadMatcher {
            matcher: matcher.to_string(),
            reason: error.to_string(),
        })
}

fn compile(pattern: &str) -> Result<Regex, regex::Error> {
    regex::RegexBuilder::new(pattern)
        .size_limit(REGEX_BYTES)
        .build()
}
