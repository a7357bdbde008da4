//! carbon-aggregator's rule files: `output_template (frequency) = method input_pattern` a line, `#` before comments.
//! Owns what their patterns mean, as lib/carbon/aggregator/rules.py of carbon has it.

use std::fmt::Write;

use regex::Regex;

use super::plan::compile;
use super::rule::{Grouping, Matching, Output, Rule, RuleError};

/// A line that makes no rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct CarbonError {
    /// From 1.
    pub line: usize,
    pub reason: String,
}

/// Reads a file's text; with each rule the line it stands on, from 1. Originals are kept, as carbon forwards them.
///
/// # Errors
/// The first line that is none.
pub fn parse_carbon(text: &str, grace_ms: i64) -> Result<Vec<(usize, Rule)>, CarbonError> {
    let lines = text
        .lines()
        .enumerate()
        .map(|(at, line)| (at + 1, line.trim()));
    let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|(line, text)| match rule(text, grace_ms) {
            Ok(rule) => Ok((line, rule)),
            Err(reason) => Err(CarbonError { line, reason }),
        })
        .collect()
}

fn rule(text: &str, grace_ms: i64) -> Result<Rule, String> {
    let shape = || "write it as: output_template (frequency) = method input_pattern".to_owned();
    let (left, right) = text.split_once('=').ok_or_else(shape)?;
    let [name, frequency] = words(left).ok_or_else(shape)?;
    let [method, pattern] = words(right).ok_or_else(shape)?;
    let seconds = frequency.trim_start_matches('(').trim_end_matches(')');
    let seconds: i64 = seconds
        .parse()
        .map_err(|_| format!("{frequency:?} is no frequency; write seconds as (60)"))?;
    let known = Output::parse(method).filter(|output| {
        // Ours beside carbon's would be read elsewhere as mistakes.
        !matches!(output, Output::Total | Output::Merge | Output::CountSeries)
    });
    let output = known.ok_or_else(|| {
        format!("method {method:?} is none of sum, avg, min, max, count, last, p50, p75, p80, p90, p95, p99, p999")
    })?;
    Ok(Rule {
        matching: Matching::Path(pattern.to_owned()),
        interval_ms: seconds.saturating_mul(1_000),
        grace_ms,
        grouping: Grouping::Path,
        outputs: vec![output],
        // A field has one name, however many components it is.
        name: name.replace("<<", "<").replace(">>", ">"),
        keep: true,
    })
}

fn words<const N: usize>(text: &str) -> Option<[&str; N]> {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.try_into().ok()
}

/// A component at a time: `<<f>>` takes dots too, `<f>` none, `*` alone at least one character and in a word any
/// number. All else is literal here; carbon would take what looks like a regular expression for one.
pub(super) fn input_regex(pattern: &str) -> Result<Regex, RuleError> {
    let mut text = String::from("^");
    for (at, word) in pattern.split('.').enumerate() {
        if at > 0 {
            text.push_str("\\.");
        }
        if word == "*" {
            text.push_str("[^.]+");
            continue;
        }
        component(word, &mut text)?;
    }
    text.push('$');
    compile(&text)
}

fn component(word: &str, text: &mut String) -> Result<(), RuleError> {
    let mut rest = word;
    while let Some((before, after)) = rest.split_once('<') {
        literal(before, text);
        let (open, close, any) = match after.strip_prefix('<') {
            Some(after) => (after, ">>", ".+"),
            None => (after, ">", "[^.]+"),
        };
        let (field, after) = open
            .split_once(close)
            .ok_or_else(|| RuleError::new("match", format!("{word:?}: a < without its {close}")))?;
        if !is_word(field) {
            let reason = format!("<{field}>: a field's name has letters, digits and _");
            return Err(RuleError::new("match", reason));
        }
        let _ = write!(text, "(?P<{field}>{any})");
        rest = after;
    }
    literal(rest, text);
    Ok(())
}

fn literal(word: &str, text: &mut String) {
    let parts: Vec<String> = word.split('*').map(regex::escape).collect();
    text.push_str(&parts.join("[^.]*"));
}

fn is_word(field: &str) -> bool {
    field.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && field.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
