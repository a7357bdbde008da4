//! The guard on new series: limits by source, by metric and by label, a minute and in all, so that only who floods is
//! throttled. Asked for series that do not exist yet, and for nothing else; bounded itself. Reads no clock of its own.

mod bucket;
mod distinct;
mod offences;
mod report;
#[cfg(test)]
mod tests;

use hashbrown::HashMap;
use metrics::counter;
use parking_lot::Mutex;
use weir_wire::KeyRef;
use xxhash_rust::xxh3::xxh3_64;

use bucket::Bucket;
use distinct::Distinct;
use offences::{Offences, Passed};

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
    sources: HashMap<String, Source>,
    metrics: HashMap<String, Metric>,
    labels: usize,
    swept_ms: i64,
    seen: Vec<Seen>,
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
    /// How many of its series there were when the store was asked last, and those that were let in since: at least as
    /// many as there are, but for what the gateway makes itself.
    at_most: Option<u64>,
    labels: Labels,
}

/// In the order they were first seen, which is the order keys have them in: the next one asked for is the next one.
#[derive(Debug, Default)]
struct Labels(Vec<(Box<str>, Label)>);

/// A label of the key that is judged: where it is among its metric's, and the hash of its value.
#[derive(Debug)]
struct Seen {
    place: Option<usize>,
    hash: u64,
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
        let Some((limit, label)) = watched.pass(&self.config, source, key, now_ms, existing) else {
            return Verdict::Take;
        };
        let collapses = limit == Limit::Label && self.config.collapses;
        let what = if collapses { "collapsed" } else { "refused" };
        counter!("weir_guard_series_total", "limit" => limit.as_str(), "outcome" => what)
            .increment(1);
        let label = label.unwrap_or_else(|| watched.widest_label(key));
        let passed = Passed {
            limit,
            metric: key.name(),
            is_shared: !watched.metrics.contains_key(key.name()),
            label: &label,
            source,
            collapsed: collapses,
        };
        watched.offences.add(passed, now_ms);
        if collapses {
            Verdict::Collapse(label)
        } else {
            Verdict::Refuse
        }
    }
}

impl Watched {
    /// The limit that a new series would pass, and the label it is on; takes the series down if there is none.
    fn pass(
        &mut self,
        config: &GuardConfig,
        source: &str,
        key: KeyRef<'_>,
        now_ms: i64,
        existing: impl FnOnce(&str) -> u64,
    ) -> Option<(Limit, Option<String>)> {
        self.sweep(now_ms);
        let metric = entry(&mut self.metrics, key.name(), METRICS);
        if let Some(label) = metric.labels.look(config, key, now_ms, &mut self.seen) {
            let label = String::from_utf8_lossy(label).into_owned();
            return Some((Limit::Label, Some(label)));
        }
        if metric.is_full(config.metric_total, || existing(key.name())) {
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
        source.new += 1;
        source.last_ms = now_ms;
        metric.new += 1;
        metric.last_ms = now_ms;
        if let Some(at_most) = &mut metric.at_most {
            *at_most += 1;
        }
        let room = LABELS.saturating_sub(self.labels);
        self.labels += metric.labels.take_down(key, now_ms, room, &self.seen);
        None
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
        self.labels = self.metrics.values().map(|one| one.labels.0.len()).sum();
    }

    /// The label with most values, which most likely is the cause.
    fn widest_label(&self, key: KeyRef<'_>) -> String {
        let metric = self.metrics.get(key.name());
        let labels = metric.into_iter().flat_map(|metric| &metric.labels.0);
        let widest = labels.max_by_key(|(_, label)| label.values.count());
        widest.map_or_else(String::new, |(name, _)| name.to_string())
    }
}

impl Metric {
    /// Whether there are as many series as there may be; the store is asked only when there may be.
    fn is_full(&mut self, total: u64, existing: impl FnOnce() -> u64) -> bool {
        if total == 0 || self.at_most.is_some_and(|at_most| at_most < total) {
            return false;
        }
        *self.at_most.insert(existing()) >= total
    }
}

impl Labels {
    /// Finds the labels of a key and hashes their values; the name of the first whose value would pass a limit.
    fn look<'a>(
        &mut self,
        config: &GuardConfig,
        key: KeyRef<'a>,
        now_ms: i64,
        seen: &mut Vec<Seen>,
    ) -> Option<&'a [u8]> {
        seen.clear();
        for (name, value) in key.label_pairs() {
            let near = seen
                .last()
                .and_then(|last| last.place)
                .map_or(0, |at| at + 1);
            let place = self.place(name, near);
            let hash = xxh3_64(value);
            seen.push(Seen { place, hash });
            let is_over = place.is_some_and(|at| self.0[at].1.is_over(config, hash, now_ms));
            if is_over && value != OTHER.as_bytes() {
                return Some(name);
            }
        }
        None
    }

    /// Takes down the values seen, and labels that are new while there is room for them; how many those are.
    fn take_down(&mut self, key: KeyRef<'_>, now_ms: i64, room: usize, seen: &[Seen]) -> usize {
        let before = self.0.len();
        for (&Seen { place, hash }, (name, _)) in seen.iter().zip(key.label_pairs()) {
            if let Some(at) = place {
                self.0[at].1.values.insert(hash);
            } else if self.0.len() - before < room {
                let mut label = Label {
                    minute_began_ms: now_ms,
                    ..Label::default()
                };
                label.values.insert(hash);
                self.0.push((String::from_utf8_lossy(name).into(), label));
            }
        }
        self.0.len() - before
    }

    /// Where a label is, looked for from a place on.
    fn place(&self, name: &[u8], near: usize) -> Option<usize> {
        let near = near.min(self.0.len());
        let is_it = |(label, _): &(Box<str>, Label)| label.as_bytes() == name;
        let behind = self.0[near..].iter().position(is_it).map(|at| near + at);
        behind.or_else(|| self.0[..near].iter().position(is_it))
    }
}

impl Label {
    /// Whether one more value would pass a limit; a value that is known for certain does not.
    fn is_over(&mut self, config: &GuardConfig, hash: u64, now_ms: i64) -> bool {
        let count = self.values.count();
        if now_ms.saturating_sub(self.minute_began_ms) >= MINUTE_MS || now_ms < self.minute_began_ms
        {
            self.minute_began_ms = now_ms;
            self.at_minute = count;
        }
        let (minute, total) = (config.label_values_per_minute, config.label_values_total);
        let is_over = (minute > 0 && count.saturating_sub(self.at_minute) >= minute)
            || (total > 0 && count >= total);
        is_over && !self.values.has(hash)
    }
}

/// The entry of a name, or the one of all the others when there are too many.
fn entry<'a, T: Default>(
    entries: &'a mut HashMap<String, T>,
    name: &str,
    most: usize,
) -> &'a mut T {
    let name = match entries.len() < most || entries.contains_key(name) {
        true => name,
        false => OTHER,
    };
    entries.entry_ref(name).or_default()
}
