//! The section `[aggregation]`: what was read, and what is meant by it.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use weir_aggregate::rules::Caps;
use weir_config::{ConfigError, DurationText};

/// The file's shape.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReadAggregation {
    rules: Vec<PathBuf>,
    grace: DurationText,
    max_groups: usize,
    max_samples: usize,
    max_exact: usize,
}

/// What is meant.
#[derive(Debug, Clone, Default)]
pub struct AggregationConfig {
    /// `*.conf` is carbon's, everything else ours.
    pub files: Vec<PathBuf>,
    /// Of rules that do not say.
    pub grace_ms: i64,
    pub caps: Caps,
}

impl AggregationConfig {
    /// Files are meant from a folder.
    pub(crate) fn found_from(&mut self, dir: &Path) {
        for file in &mut self.files {
            *file = dir.join(&*file);
        }
    }
}

impl ReadAggregation {
    /// `future_ms`: how far ahead a sample may be.
    pub(crate) fn meant(self, future_ms: i64) -> Result<AggregationConfig, ConfigError> {
        let caps = [
            ("aggregation.max_groups", self.max_groups),
            ("aggregation.max_samples", self.max_samples),
            ("aggregation.max_exact", self.max_exact),
        ];
        if let Some((key, _)) = caps.iter().find(|(_, cap)| *cap == 0) {
            return Err(ConfigError::Invalid {
                place: (*key).to_owned(),
                reason: "0 would take nothing; give 1 or more".to_owned(),
            });
        }
        Ok(AggregationConfig {
            files: self.rules,
            grace_ms: self.grace.0.as_millis() as i64,
            caps: Caps {
                max_groups: self.max_groups,
                max_samples: self.max_samples,
                max_exact: self.max_exact,
                future_ms,
            },
        })
    }
}
