//! The sections on what is kept while no gateway takes it: where, how much, and what goes first.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use weir_config::{ConfigError, DurationText, SizeText};

use super::invalid;
use crate::priority::{Class, Priorities, Rule};
use crate::spool::SpoolConfig;

const MIN_SPOOL_BYTES: u64 = 1 << 20;
/// What a gateway leaves without an acknowledgement for so long is put on disk.
const SPOOL_AFTER: Duration = Duration::from_secs(3);

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadSpool {
    dir: PathBuf,
    max_bytes: SizeText,
    max_age: DurationText,
    disk_reserve: SizeText,
    share_percent: u32,
    min_rate: u32,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadPriorities {
    #[serde(default)]
    rules: Vec<ReadRule>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadRule {
    #[serde(rename = "match")]
    matching: String,
    priority: String,
}

impl ReadSpool {
    pub(super) fn meant(self) -> Result<Option<SpoolConfig>, ConfigError> {
        if self.max_bytes.0 < MIN_SPOOL_BYTES {
            return Err(invalid("spool.max_bytes", "the least is \"1MiB\""));
        }
        if self.max_age.0.is_zero() {
            return Err(invalid("spool.max_age", "the least is \"1ms\""));
        }
        if !(1..=1_000).contains(&self.share_percent) {
            return Err(invalid("spool.share_percent", "it is from 1 to 1000"));
        }
        if self.min_rate == 0 {
            return Err(invalid("spool.min_rate", "the least is 1"));
        }
        let is_on = !self.dir.as_os_str().is_empty();
        Ok(is_on.then(|| SpoolConfig {
            dir: self.dir,
            max_bytes: self.max_bytes.0,
            max_age: self.max_age.0,
            disk_reserve: self.disk_reserve.0,
            share: f64::from(self.share_percent) / 100.0,
            min_rate: f64::from(self.min_rate),
            after: SPOOL_AFTER,
        }))
    }
}

impl ReadPriorities {
    pub(super) fn meant(self) -> Result<Priorities, ConfigError> {
        let rules = self.rules.into_iter().enumerate();
        let rules = rules.map(|(at, rule)| {
            let key = |name: &str| format!("priorities.rules[{at}].{name}");
            let class = Class::from_text(&rule.priority).ok_or_else(|| {
                invalid(
                    &key("priority"),
                    "it is \"low\", \"normal\" or \"critical\"",
                )
            })?;
            Rule::new(class, &rule.matching).map_err(|reason| invalid(&key("match"), &reason))
        });
        Ok(Priorities(rules.collect::<Result<_, _>>()?))
    }
}
