//! A source in memory: a few series, matched by brute force.

use std::collections::BTreeSet;

use weir_query::{Budget, SeriesData, Source, SourceError, TimeRange};
use weir_wire::{MatchOp, Matcher, SeriesKey, regex_text};

#[derive(Default)]
pub(crate) struct Memory(pub(crate) Vec<SeriesData>);

impl Source for Memory {
    fn select(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        budget: &Budget,
    ) -> Result<Vec<SeriesData>, SourceError> {
        let mut out = Vec::new();
        for series in self.0.iter().filter(|s| holds(&s.key, matchers)) {
            let within = |at: i64| at >= range.from_ms && at <= range.to_ms;
            let samples = series.samples.iter().filter(|s| within(s.timestamp_ms));
            let samples: Vec<_> = samples.cloned().collect();
            budget.take_samples(samples.len() as u64)?;
            if !samples.is_empty() {
                budget.take_series(1)?;
                let key = series.key.clone();
                out.push(SeriesData { key, samples });
            }
        }
        out.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(out)
    }

    fn series(
        &self,
        selectors: &[Vec<Matcher>],
        range: TimeRange,
        budget: &Budget,
    ) -> Result<Vec<SeriesKey>, SourceError> {
        let mut keys = BTreeSet::new();
        for matchers in selectors {
            keys.extend(
                self.select(matchers, range, budget)?
                    .into_iter()
                    .map(|s| s.key),
            );
        }
        Ok(keys.into_iter().collect())
    }

    fn label_names(
        &self,
        _: &[Vec<Matcher>],
        _: TimeRange,
        _: &Budget,
    ) -> Result<Vec<String>, SourceError> {
        Err(SourceError::Failed(
            "the engine never asks for label names".into(),
        ))
    }

    fn label_values(
        &self,
        _: &str,
        _: &[Vec<Matcher>],
        _: TimeRange,
        _: &Budget,
    ) -> Result<Vec<String>, SourceError> {
        Err(SourceError::Failed(
            "the engine never asks for label values".into(),
        ))
    }
}

fn holds(key: &SeriesKey, matchers: &[Matcher]) -> bool {
    let value = |name: &str| key.get(name).unwrap_or_default();
    matchers.iter().all(|m| takes(m, value(&m.name)))
}

pub(crate) fn takes(matcher: &Matcher, value: &str) -> bool {
    let regex = || {
        regex::Regex::new(&format!("^(?s:{})$", regex_text(&matcher.value)))
            .unwrap()
            .is_match(value)
    };
    match matcher.op {
        MatchOp::Equal => value == matcher.value,
        MatchOp::NotEqual => value != matcher.value,
        MatchOp::Regex => regex(),
        MatchOp::NotRegex => !regex(),
    }
}
