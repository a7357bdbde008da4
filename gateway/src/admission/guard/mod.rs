//! The guard on new series: limits by source, by metric and by label, a minute and in all, so that only who floods is
//! throttled. Asked for series that do not exist yet, and for nothing else; bounded itself. Reads no clock of its own.

mod bucket;
mod distinct;
mod offences;
mod report;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use metrics::counter;
use parking_lot::Mutex;
use weir_wire::KeyRef;
use xxhash_rust::xxh3::xxh3_64;

use bucket::Bucket;
use distinct::Distinct;
use offences::Offences;

/// Metrics watched by themselves; the others share one entry.
const METRICS: usize = 20_000;
/// Labels of metrics that are watched, in all; each takes about 1 KiB once it has many values.
const LABELS: usize = 50_000;
/// Sources watched by themselves; the others share one entry.
const SOURCES: usize = 10_000;
/// A metric or source without anything new for so long is forgotten when there are too many.
const IDLE_MS: i64 = 10 * 60_000;
const MINUTE_MS: i64 = 60_000;
/// What stands for all that have no entry of their own, and for the values of a collapsed label.
pub(crate) const OTHER: &str = "other";

/// Limits; 0 is none.
#[derive(Debug, Clone, Default)]
pub struct GuardConfig {
    pub source_per_minute: u64,
    pub metric_per_minute: u64,
    /// Values of one label of a metric.
    pub label_values_per_minute: u64,
    pub metric_total: u64,
    /// Values of one label of a metric, since the start.
    pub label_values_total: u64,
    /// What exceeds a limit on a label's values is collapsed rather than refused.
    pub collapses: bool,
    /// (metric, label): such labels are always collapsed. An empty metric is any.
    pub collapsed: Vec<(String, String)>,
}

/// What is to become of a new series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    Take,
    /// The value of this label is to be `other`.
    Collapse(String),
    Refuse,
}

/// One a gateway.
#[derive(Debug, Default)]
pub struct Guard {
    config: GuardConfig,
    watched: Mutex<Watched>,
}

#[derive(Debug, Default)]
struct Watched {
    sources: HashMap<Box<str>, Source>,
    metrics: HashMap<Box<str>, Metric>,
    labels: usize,
    swept_ms: i64,
    offences: Offences,
}

#[derive(Debug, Default)]
struct Source {
    bucket: Bucket,
    new: u64,
    last_ms: i64,
}

#[derive(Debug, Default)]
struct Metric {
    bucket: Bucket,
    new: u64,
    last_ms: i64,
    labels: HashMap<Box<str>, Label>,
}

#[derive(Debug, Default)]
struct Label {
    values: Distinct,
    minute_began_ms: i64,
    at_minute: u64,
}

/// Which limit was passed; its name in counters and answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Limit {
    Source,
    Metric,
    MetricTotal,
    Label,
}

impl Limit {
    fn as_str(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Metric => "metric",
            Self::MetricTotal => "metric_total",
            Self::Label => "label",
        }
    }
}

impl Guard {
    #[must_use]
    pub fn new(config: GuardConfig) -> Self {
        Self {
            config,
            watched: Mutex::default(),
        }
    }

    /// Nothing is limited: nobody need ask.
    #[must_use]
    pub fn is_off(&self) -> bool {
        let config = &self.config;
        let limits = [
            config.source_per_minute,
            config.metric_per_minute,
            config.label_values_per_minute,
            config.metric_total,
            config.label_values_total,
        ];
        limits == [0; 5] && config.collapsed.is_empty()
    }

    /// The label of a series, known or not, that is collapsed by configuration.
    #[must_use]
    pub fn collapsed_label(&self, key: KeyRef<'_>) -> Option<&str> {
        let named = |(metric, label): &&(String, String)| {
            (metric.is_empty() || metric == key.name())
                && key
                    .labels()
                    .any(|(name, value)| name == label && value != OTHER)
        };
        self.config
            .collapsed
            .iter()
            .find(named)
            .map(|(_, label)| label.as_str())
    }

    /// Judges a series that does not exist; `existing` says how many of its metric do.
    pub fn judge(
        &self,
        source: &str,
        key: KeyRef<'_>,
        now_ms: i64,
        existing: impl FnOnce(&str) -> u64,
    ) -> Verdict {
        let watched = &mut *self.watched.lock();
        let limit = match watched.passed(&self.config, source, key, now_ms, existing) {
            None => {
                watched.take_down(source, key, now_ms);
                return Verdict::Take;
            }
            Some(passed) => passed,
        };
        let (limit, label) = limit;
        let collapses = limit == Limit::Label && self.config.collapses;
        let what = if collapses { "collapsed" } else { "refused" };
        counter!("weir_guard_series_total", "limit" => limit.as_str(), "outcome" => what)
            .increment(1);
        let label = label.unwrap_or_else(|| watched.widest_label(key));
        watched
            .offences
            .add(limit, key.name(), &label, source, collapses, now_ms);
        if collapses {
            Verdict::Collapse(label)
        } else {
            Verdict::Refuse
        }
    }
}

impl Watched {
    /// The limit that a new series would pass, and the label it is on; spends of those of a minute if there is none.
    fn passed(
        &mut self,
        config: &GuardConfig,
        source: &str,
        key: KeyRef<'_>,
        now_ms: i64,
        existing: impl FnOnce(&str) -> u64,
    ) -> Option<(Limit, Option<String>)> {
        self.sweep(now_ms);
        let metric = entry(&mut self.metrics, key.name(), METRICS);
        for (name, value) in key.labels() {
            let is_over = metric
                .labels
                .get_mut(name)
                .is_some_and(|label| label.is_over(config, value, now_ms));
            if is_over && value != OTHER {
                return Some((Limit::Label, Some(name.to_owned())));
            }
        }
        if config.metric_total > 0 && existing(key.name()) >= config.metric_total {
            return Some((Limit::MetricTotal, None));
        }
        let source = entry(&mut self.sources, source, SOURCES);
        if !source.bucket.has(config.source_per_minute, now_ms) {
            return Some((Limit::Source, None));
        }
        if !metric.bucket.spend(config.metric_per_minute, now_ms) {
            return Some((Limit::Metric, None));
        }
        source.bucket.spend(config.source_per_minute, now_ms);
        None
    }

    fn take_down(&mut self, source: &str, key: KeyRef<'_>, now_ms: i64) {
        let source = entry(&mut self.sources, source, SOURCES);
        source.new += 1;
        source.last_ms = now_ms;
        let metric = entry(&mut self.metrics, key.name(), METRICS);
        metric.new += 1;
        metric.last_ms = now_ms;
        for (name, value) in key.labels() {
            if let Some(label) = metric.labels.get_mut(name) {
                label.values.insert(xxh3_64(value.as_bytes()));
            } else if self.labels < LABELS {
                self.labels += 1;
                let mut label = Label {
                    minute_began_ms: now_ms,
                    ..Label::default()
                };
                label.values.insert(xxh3_64(value.as_bytes()));
                metric.labels.insert(name.into(), label);
            }
        }
    }

    /// Forgets who had nothing new for long, when there are many.
    fn sweep(&mut self, now_ms: i64) {
        let crowded = self.metrics.len() >= METRICS || self.sources.len() >= SOURCES;
        if !crowded || now_ms.saturating_sub(self.swept_ms) < MINUTE_MS {
            return;
        }
        self.swept_ms = now_ms;
        let lives = |last_ms: i64| now_ms.saturating_sub(last_ms) < IDLE_MS;
        self.sources.retain(|_, source| lives(source.last_ms));
        self.metrics.retain(|_, metric| lives(metric.last_ms));
        self.labels = self.metrics.values().map(|one| one.labels.len()).sum();
    }

    /// The label with most values, which most likely is the cause.
    fn widest_label(&self, key: KeyRef<'_>) -> String {
        let metric = self.metrics.get(key.name());
        let labels = metric.into_iter().flat_map(|metric| &metric.labels);
        let widest = labels.max_by_key(|(_, label)| label.values.count());
        widest.map_or_else(String::new, |(name, _)| name.to_string())
    }
}

impl Label {
    /// Whether one more value would pass a limit; a value that is known for certain does not.
    fn is_over(&mut self, config: &GuardConfig, value: &str, now_ms: i64) -> bool {
        let count = self.values.count();
        if now_ms.saturating_sub(self.minute_began_ms) >= MINUTE_MS || now_ms < self.minute_began_ms
        {
            self.minute_began_ms = now_ms;
            self.at_minute = count;
        }
        let (minute, total) = (config.label_values_per_minute, config.label_values_total);
        let is_over = (minute > 0 && count.saturating_sub(self.at_minute) >= minute)
            || (total > 0 && count >= total);
        is_over && !self.values.has(xxh3_64(value.as_bytes()))
    }
}

/// The entry of a name, or the one of all the others when there are too many.
fn entry<'a, T: Default>(
    entries: &'a mut HashMap<Box<str>, T>,
    name: &str,
    most: usize,
) -> &'a mut T {
    let name = match entries.len() < most || entries.contains_key(name) {
        true => name,
        false => OTHER,
    };
    if !entries.contains_key(name) {
        entries.insert(name.into(), T::default());
    }
    // It was put there just now if it was not there.
    entries.entry(name.into()).or_default()
}
