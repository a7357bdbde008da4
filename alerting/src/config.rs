//! What alerting is told when it is opened: values already meant, not text. Who reads the file parses it.

use std::path::PathBuf;
use std::time::Duration;

use crate::delivery::Webhook;
use crate::{AlertingError, Clock};

/// Everything that alerting is told. [`Default`] has Prometheus' and Alertmanager's figures, except for a
/// shorter `group_wait`.
#[derive(Debug, Clone)]
pub struct AlertingConfig {
    /// Glob patterns of rule files.
    pub rules: Vec<String>,
    /// Where the state, the outbox and the ledger lie; made if it is not there.
    pub data_dir: PathBuf,
    /// How often a group without its own interval is evaluated. At least one second.
    pub interval: Duration,
    /// How long a rule's question may take.
    pub query_timeout: Duration,
    /// Where people reach the gateway, for links in notifications; without a trailing slash.
    pub external_url: String,
    pub grouping: Grouping,
    pub webhooks: Vec<WebhookConfig>,
    /// Between two tries of one notification.
    pub backoff: Backoff,
}

/// How alerts become notifications; the names and meanings are Alertmanager's.
#[derive(Debug, Clone)]
pub struct Grouping {
    pub group_by: Vec<String>,
    /// From the first alert of a new group to its first notification.
    pub group_wait: Duration,
    /// From one notification of a group to the next, when something changed.
    pub group_interval: Duration,
    /// From one notification of a group to the next, when nothing changed.
    pub repeat_interval: Duration,
}

/// One receiver of Alertmanager's webhook payload.
#[derive(Debug, Clone)]
pub struct WebhookConfig {
    /// The receiver's name, in the payload, the metrics and the ledger.
    pub name: String,
    /// `http://` or `https://`, without user and password.
    pub url: String,
    /// Whether it is told that alerts ended.
    pub send_resolved: bool,
    /// Alerts in one payload; the others are counted in `truncatedAlerts`.
    pub max_alerts: usize,
    /// How long one try may take.
    pub timeout: Duration,
}

/// Waiting times between tries: doubled from `first` to `max`, each shortened by up to half, so that receivers
/// do not see all senders come back at once.
#[derive(Debug, Clone, Copy)]
pub struct Backoff {
    pub first: Duration,
    pub max: Duration,
}

impl Default for AlertingConfig {
    fn default() -> Self {
        Self {
            rules: Vec::new(),
            data_dir: PathBuf::from("alerting"),
            interval: Duration::from_secs(60),
            query_timeout: Duration::from_secs(30),
            external_url: "http://127.0.0.1:9347".to_owned(),
            grouping: Grouping::default(),
            webhooks: Vec::new(),
            backoff: Backoff::default(),
        }
    }
}

impl Default for Grouping {
    fn default() -> Self {
        Self {
            group_by: vec!["alertname".to_owned()],
            group_wait: Duration::from_secs(5),
            group_interval: Duration::from_secs(5 * 60),
            repeat_interval: Duration::from_secs(4 * 3_600),
        }
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(1),
            max: Duration::from_secs(60),
        }
    }
}

impl WebhookConfig {
    /// A receiver with the usual limits: 1,000 alerts in a payload, 10 s for a try, told of the end as well.
    #[must_use]
    pub fn new(name: impl Into<String>, url: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            url: url.into(),
            send_resolved: true,
            max_alerts: 1_000,
            timeout: Duration::from_secs(10),
        }
    }
}

impl AlertingConfig {
    /// Refuses what [`crate::Alerting::open`] would refuse of the settings themselves, the receivers' URLs among them.
    ///
    /// # Errors
    /// With what would be right.
    pub fn check(&self, clock: &Clock) -> Result<(), AlertingError> {
        self.checked()?;
        for webhook in &self.webhooks {
            Webhook::new(webhook, clock.clone())?;
        }
        Ok(())
    }

    /// Refuses what cannot be meant; the receivers' URLs are checked when the receivers are made.
    pub(crate) fn checked(&self) -> Result<(), AlertingError> {
        let refuse = |reason: String| Err(AlertingError::Config(reason));
        if self.interval < Duration::from_secs(1) {
            return refuse("the interval of rules is below 1s; give 1s or more".to_owned());
        }
        for (index, webhook) in self.webhooks.iter().enumerate() {
            if webhook.name.is_empty() {
                return refuse(format!("webhook {} has no name", index + 1));
            }
            if self.webhooks[..index]
                .iter()
                .any(|w| w.name == webhook.name)
            {
                return refuse(format!(
                    "two webhooks are named {:?}; names tell receivers apart",
                    webhook.name
                ));
            }
            if webhook.max_alerts == 0 {
                return refuse(format!(
                    "webhook {:?} may send 0 alerts; give 1 or more",
                    webhook.name
                ));
            }
        }
        Ok(())
    }
}
