//! The section `[store]`: what was read, and what is meant by it.

use std::time::Duration;

use serde::Deserialize;
use weir_config::{ConfigError, DurationText, SizeText};
use weir_store::Policy;

use super::values::{at_least, at_least_bytes, invalid, some};

const MIN_WINDOW: Duration = Duration::from_secs(60);
/// A chunk holds 65,535 samples a section: four hours at 4 ms.
const MAX_WINDOW: Duration = Duration::from_secs(4 * 3_600);

/// Less would refuse writes most of the time.
const LEAST_HEAD: u64 = 1 << 20;
const LEAST_JOURNAL: u64 = 1 << 20;
const LEAST_WINDOWS: u64 = 4;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadStore {
    raw: DurationText,
    minute: DurationText,
    hour: DurationText,
    window: DurationText,
    grace: DurationText,
    future: DurationText,
    sync_interval: DurationText,
    max_series: usize,
    head_idle: DurationText,
    max_head: SizeText,
    max_journal: SizeText,
    max_open_windows: u64,
    disk_reserve: SizeText,
    cache: SizeText,
    #[serde(default)]
    policies: Vec<ReadPolicy>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadPolicy {
    #[serde(rename = "match")]
    selector: String,
    raw: DurationText,
    minute: DurationText,
    hour: DurationText,
}

/// How samples are kept; see [`weir_store::Options`].
#[derive(Debug, Clone)]
pub struct StoreConfig {
    pub raw: Duration,
    pub minute: Duration,
    pub hour: Duration,
    pub window: Duration,
    pub grace: Duration,
    pub future: Duration,
    pub sync_interval: Duration,
    pub max_series: usize,
    pub head_idle: Duration,
    pub max_head_bytes: u64,
    pub max_journal_bytes: u64,
    pub max_open_windows: u64,
    pub disk_reserve_bytes: u64,
    pub cache_bytes: u64,
    pub policies: Vec<Policy>,
}

impl ReadStore {
    pub(super) fn meant(self) -> Result<StoreConfig, ConfigError> {
        let window = at_least("store.window", self.window, MIN_WINDOW)?;
        if window > MAX_WINDOW {
            return Err(invalid("store.window", "the most is \"4h\"".to_owned()));
        }
        let window_s = window.as_secs();
        if window.subsec_nanos() != 0 || window_s % 60 != 0 || 86_400 % window_s != 0 {
            let right =
                "it must be whole minutes and go into a day: \"10m\", \"30m\", \"1h\", \"2h\"";
            return Err(invalid("store.window", right.to_owned()));
        }
        let policies = self.policies.into_iter().enumerate();
        Ok(StoreConfig {
            raw: at_least("store.raw", self.raw, window)?,
            minute: self.minute.0,
            hour: self.hour.0,
            grace: self.grace.0,
            future: self.future.0,
            sync_interval: self.sync_interval.0,
            max_series: some("store.max_series", self.max_series)?,
            head_idle: at_least("store.head_idle", self.head_idle, MIN_WINDOW)?,
            max_head_bytes: at_least_bytes("store.max_head", self.max_head, LEAST_HEAD)?,
            max_journal_bytes: at_least_bytes(
                "store.max_journal",
                self.max_journal,
                LEAST_JOURNAL,
            )?,
            max_open_windows: at_least_bytes(
                "store.max_open_windows",
                SizeText(self.max_open_windows),
                LEAST_WINDOWS,
            )?,
            disk_reserve_bytes: self.disk_reserve.0,
            cache_bytes: self.cache.0,
            policies: policies
                .map(|(at, policy)| policy.meant(at, window))
                .collect::<Result<_, _>>()?,
            window,
        })
    }
}

impl ReadPolicy {
    fn meant(self, at: usize, window: Duration) -> Result<Policy, ConfigError> {
        let key = |name: &str| format!("store.policies[{at}].{name}");
        let matchers = weir_query::promql::parse_selector(&self.selector).map_err(|error| {
            invalid(
                &key("match"),
                format!("{error}; write it as '{{__name__=~\"debug_.*\"}}'"),
            )
        })?;
        let raw = at_least(&key("raw"), self.raw, window)?;
        Ok(Policy {
            matchers,
            raw_ms: raw.as_millis() as i64,
            minute_ms: self.minute.0.as_millis() as i64,
            hour_ms: self.hour.0.as_millis() as i64,
        })
    }
}
