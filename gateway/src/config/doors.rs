//! Who may come in, listener by listener, and how much and how important it is: what was read, and what is meant by it.

use serde::Deserialize;
use std::time::Duration;
use weir_config::{ConfigError, DurationText, SizeText};

use super::values::{at_least, invalid};
use crate::admission::{Class, PriorityConfig, PriorityRule, Rate, RateConfig};
use crate::http::HttpAuth;

/// The section `[access]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadAccess {
    pub(super) tokens: std::path::PathBuf,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadRates {
    samples_per_second: u64,
    bytes_per_second: SizeText,
    burst: DurationText,
    #[serde(default)]
    sources: Vec<ReadSource>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadSource {
    name: String,
    #[serde(default)]
    samples_per_second: u64,
    #[serde(default = "no_bytes")]
    bytes_per_second: SizeText,
}

fn no_bytes() -> SizeText {
    SizeText(0)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadPriorities {
    low_head_percent: u64,
    normal_head_percent: u64,
    low_busy: DurationText,
    normal_busy: DurationText,
    #[serde(default)]
    rules: Vec<ReadRule>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadRule {
    #[serde(default, rename = "match")]
    selector: String,
    #[serde(default)]
    source: String,
    priority: String,
}

/// For which requests the HTTP port asks for a token.
pub(super) fn http_auth(word: &str) -> Result<HttpAuth, ConfigError> {
    match word {
        "off" => Ok(HttpAuth::Off),
        "write" => Ok(HttpAuth::Write),
        "all" => Ok(HttpAuth::All),
        other => {
            let reason = format!("{other:?} is none of \"off\", \"write\" and \"all\"");
            Err(invalid("http.auth", reason))
        }
    }
}

impl ReadRates {
    pub(super) fn meant(self) -> Result<RateConfig, ConfigError> {
        let sources = self.sources.into_iter().map(|source| {
            let rate = Rate {
                samples_per_s: source.samples_per_second,
                bytes_per_s: source.bytes_per_second.0,
            };
            (source.name, rate)
        });
        Ok(RateConfig {
            each: Rate {
                samples_per_s: self.samples_per_second,
                bytes_per_s: self.bytes_per_second.0,
            },
            named: sources.collect(),
            burst: at_least("rates.burst", self.burst, Duration::from_secs(1))?,
        })
    }
}

impl ReadPriorities {
    pub(super) fn meant(self, max_head_bytes: u64) -> Result<PriorityConfig, ConfigError> {
        let (low, normal) = (self.low_head_percent, self.normal_head_percent);
        if low == 0 || low > normal || normal > 100 {
            let reason = "0 < low_head_percent <= normal_head_percent <= 100".to_owned();
            return Err(invalid("priorities.low_head_percent", reason));
        }
        if self.low_busy.0.is_zero() || self.low_busy.0 > self.normal_busy.0 {
            let reason = "0s < low_busy <= normal_busy".to_owned();
            return Err(invalid("priorities.low_busy", reason));
        }
        let rules = self.rules.into_iter().enumerate();
        Ok(PriorityConfig {
            rules: rules
                .map(|(at, rule)| rule.meant(at))
                .collect::<Result<_, _>>()?,
            low_percent: low,
            normal_percent: normal,
            low_busy_ms: self.low_busy.0.as_millis() as u64,
            normal_busy_ms: self.normal_busy.0.as_millis() as u64,
            max_head_bytes,
        })
    }
}

impl ReadRule {
    fn meant(self, at: usize) -> Result<PriorityRule, ConfigError> {
        let key = |name: &str| format!("priorities.rules[{at}].{name}");
        let class = Class::from_text(&self.priority);
        let Some(class) = class else {
            let reason = format!(
                "{:?} is none of \"low\", \"normal\" and \"critical\"",
                self.priority
            );
            return Err(invalid(&key("priority"), reason));
        };
        match (self.selector.as_str(), self.source.as_str()) {
            _ if self.selector.is_empty() == self.source.is_empty() => {
                let reason = "give either match or source".to_owned();
                Err(invalid(&key("match"), reason))
            }
            ("", _) => Ok(PriorityRule::of_source(class, self.source)),
            (selector, _) => {
                let matchers = weir_query::promql::parse_selector(selector).map_err(|error| {
                    let reason = format!("{error}; write it as '{{__name__=~\"debug_.*\"}}'");
                    invalid(&key("match"), reason)
                })?;
                PriorityRule::of_series(class, &matchers)
                    .map_err(|reason| invalid(&key("match"), reason))
            }
        }
    }
}
