//! A source in memory: a few series, matched by brute force.

use std::collections::BTreeSet;

use weir_query::{Aspect, Budget, Selection, SeriesData, Source, SourceError, TimeRange, Wish};
use weir_wire::{MatchOp, Matcher, SeriesKey, is_stale, regex_text};

#[derive(Default)]
pub(crate) struct Memory(pub(crate) Vec<SeriesData>);

impl Source for Memory {
    fn select(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        wish: Wish,
        budget: &Budget,
    ) -> Result<Selection, SourceError> {
        let mut series = Vec::new();
        for one in self.0.iter().filter(|s| holds(&s.key, matchers)) {
            let mut found = within(one, range);
            if wish.aspect == Aspect::Count {
                let counted = found.values.iter_mut().filter(|value| !is_stale(**value));
                counted.for_each(|value| *value = 1.0);
            }
            let samples = found.values.len() + found.histograms.len();
            budget.take_samples(samples as u64)?;
            if samples > 0 {
                budget.take_series(1)?;
                series.push(found);
            }
        }
        series.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(Selection {
            series,
            resolutions: Vec::new(),
        })
    }

    fn series(
        &self,
        selectors: &[Vec<Matcher>],
        range: TimeRange,
        budget: &Budget,
    ) -> Result<Vec<SeriesKey>, SourceError> {
        let mut keys = BTreeSet::new();
        for matchers in selectors {
            let wish = Wish {
                aspect: Aspect::Last,
                spacing_ms: 0,
            };
            let found = self.select(matchers, range, wish, budget)?;
            keys.extend(found.series.into_iter().map(|s| s.key));
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

fn within(series: &SeriesData, range: TimeRange) -> SeriesData {
    let within = |at: i64| at >= range.from_ms && at <= range.to_ms;
    let floats = series.times_ms.iter().zip(&series.values);
    let (times_ms, values) = floats.filter(|(at, _)| within(**at)).unzip();
    let histograms = series.histograms.iter().filter(|h| within(h.0));
    SeriesData {
        key: series.key.clone(),
        times_ms,
        values,
        histograms: histograms.cloned().collect(),
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
