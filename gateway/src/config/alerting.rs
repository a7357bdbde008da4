//! The section `[alerting]`: what was read, and what is meant by it.

use std::path::Path;
use std::time::Duration;

use serde::Deserialize;
use weir_alerting::{AlertingConfig, Grouping, WebhookConfig};
use weir_config::{ConfigError, DurationText};

use super::values::at_least;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadAlerting {
    rules: Vec<String>,
    interval: DurationText,
    group_wait: DurationText,
    group_interval: DurationText,
    repeat_interval: DurationText,
    external_url: String,
    #[serde(default)]
    webhooks: Vec<ReadWebhook>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadWebhook {
    name: String,
    url: String,
    #[serde(default = "yes")]
    send_resolved: bool,
}

fn yes() -> bool {
    true
}

impl ReadAlerting {
    pub(super) fn meant(
        self,
        data_dir: &Path,
        query_timeout: Duration,
    ) -> Result<AlertingConfig, ConfigError> {
        let webhooks = self.webhooks.into_iter().map(|read| WebhookConfig {
            send_resolved: read.send_resolved,
            ..WebhookConfig::new(read.name, read.url)
        });
        Ok(AlertingConfig {
            rules: self.rules,
            data_dir: data_dir.join("alerting"),
            interval: at_least("alerting.interval", self.interval, Duration::from_secs(1))?,
            query_timeout,
            external_url: self.external_url.trim_end_matches('/').to_owned(),
            grouping: Grouping {
                group_wait: self.group_wait.0,
                group_interval: at_least(
                    "alerting.group_interval",
                    self.group_interval,
                    Duration::from_secs(1),
                )?,
                repeat_interval: at_least(
                    "alerting.repeat_interval",
                    self.repeat_interval,
                    Duration::from_secs(1),
                )?,
                ..Grouping::default()
            },
            webhooks: webhooks.collect(),
            ..AlertingConfig::default()
        })
    }
}
