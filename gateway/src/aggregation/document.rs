//! Rule files: our own YAML, and carbon-aggregator's lines. Owns how a file says what a rule means, and where it is wrong.

use std::path::Path;

use serde::Deserialize;
use serde_saphyr::{Location, Spanned};
use weir_aggregate::rules::{Grouping, Matching, Output, Rule, RuleError, Rules, parse_carbon};
use weir_config::DurationText;

use super::AggregationConfig;
use crate::rule_file::{self, FileError};

const NAME: &str = "${metric}:${output}";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(rename = "match")]
    selector: Spanned<String>,
    interval: Spanned<DurationText>,
    grace: Option<Spanned<DurationText>>,
    by: Option<Spanned<Vec<String>>>,
    without: Option<Spanned<Vec<String>>>,
    outputs: Spanned<Vec<Spanned<String>>>,
    name: Option<Spanned<String>>,
    keep: Option<bool>,
}

/// A rule with the places of its parts.
struct Placed {
    rule: Rule,
    parts: Vec<(&'static str, String)>,
}

/// The rules of all files, in force since a time.
pub(crate) fn load(
    config: &AggregationConfig,
    before: &Rules,
    since_ms: i64,
) -> Result<Rules, FileError> {
    let mut placed = Vec::new();
    for file in &config.files {
        let text = rule_file::read(file)?;
        let name = file.display().to_string();
        if file
            .extension()
            .is_some_and(|extension| extension == "conf")
        {
            placed.extend(carbon(&name, &text, config.grace_ms)?);
        } else {
            placed.extend(yaml(&name, &text, config.grace_ms)?);
        }
    }
    let rules = placed.iter().map(|placed| placed.rule.clone()).collect();
    Rules::new(rules, before, since_ms).map_err(|(at, error)| located(placed.get(at), &error))
}

/// The rules of one file.
pub(super) fn load_file(file: &Path, grace_ms: i64) -> Result<Rules, FileError> {
    let config = AggregationConfig {
        files: vec![file.to_owned()],
        grace_ms,
        ..AggregationConfig::default()
    };
    load(&config, &Rules::default(), i64::MIN)
}

fn located(placed: Option<&Placed>, error: &RuleError) -> FileError {
    let places = placed.map_or(&[][..], |placed| &placed.parts);
    let place = places.iter().find(|(part, _)| *part == error.part);
    let place = place.or(places.first()).map(|(_, place)| place.clone());
    let reason = format!("{}: {}", error.part, error.reason);
    FileError::new(place.unwrap_or_default(), reason)
}

fn carbon(file: &str, text: &str, grace_ms: i64) -> Result<Vec<Placed>, FileError> {
    let rules = parse_carbon(text, grace_ms)
        .map_err(|error| FileError::new(format!("{file}:{}", error.line), error.reason))?;
    let placed = rules.into_iter().map(|(line, rule)| Placed {
        rule,
        parts: vec![("match", format!("{file}:{line}"))],
    });
    Ok(placed.collect())
}

fn yaml(file: &str, text: &str, grace_ms: i64) -> Result<Vec<Placed>, FileError> {
    let documents: Vec<Document> = rule_file::parse(file, text)?;
    documents
        .into_iter()
        .map(|document| document.rule(file, grace_ms))
        .collect()
}

impl Document {
    fn rule(self, file: &str, grace_ms: i64) -> Result<Placed, FileError> {
        let wrong = |at: Location, reason: String| FileError::at(file, at, reason);
        let at = self.selector.referenced;
        let matchers = weir_query::promql::parse_selector(&self.selector.value)
            .map_err(|error| wrong(at, format!("match: {error}")))?;
        let mut parts = vec![("match", rule_file::place(file, at))];
        let mut part = |name, at| parts.push((name, rule_file::place(file, at)));
        part("interval", self.interval.referenced);
        part("outputs", self.outputs.referenced);
        if let Some(grace) = &self.grace {
            part("grace", grace.referenced);
        }
        if let Some(name) = &self.name {
            part("name", name.referenced);
        }
        let grouping = match (self.by, self.without) {
            (Some(by), None) => Grouping::By(by.value),
            (None, Some(without)) => Grouping::Without(without.value),
            (None, None) => Grouping::By(Vec::new()),
            (Some(by), Some(_)) => {
                return Err(wrong(
                    by.referenced,
                    "give by or without, not both".to_owned(),
                ));
            }
        };
        let outputs = self.outputs.value.into_iter().map(|word| {
            let right = "is no output; write sum, avg, min, max, count, count_series, last, total, merge, or p50, p99, p999";
            Output::parse(&word.value)
                .ok_or_else(|| wrong(word.referenced, format!("{:?} {right}", word.value)))
        });
        let ms =
            |duration: &DurationText| i64::try_from(duration.0.as_millis()).unwrap_or(i64::MAX);
        Ok(Placed {
            rule: Rule {
                matching: Matching::Labels(matchers),
                interval_ms: ms(&self.interval.value),
                grace_ms: self.grace.map_or(grace_ms, |grace| ms(&grace.value)),
                grouping,
                outputs: outputs.collect::<Result<_, _>>()?,
                name: self.name.map_or_else(|| NAME.to_owned(), |name| name.value),
                keep: self.keep.unwrap_or(true),
            },
            parts,
        })
    }
}
