//! The gateway's configuration: what was read, and what is meant by it. A value that cannot be meant is refused here,
//! with its key and what would be right; nothing is adjusted.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use weir_alerting::{AlertingConfig, Grouping, WebhookConfig};
use weir_config::{ConfigError, DurationText};

use crate::http::QueryLimits;

/// Every key with its default and what it means.
pub const DEFAULTS: &str = include_str!("default.toml");

const MIN_WINDOW: Duration = Duration::from_secs(60);
/// A chunk holds 65,535 samples a section: four hours at 4 ms.
const MAX_WINDOW: Duration = Duration::from_secs(4 * 3_600);

/// The file's shape.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    data_dir: PathBuf,
    http: ReadHttp,
    frames: ReadFrames,
    graphite: ReadGraphite,
    store: ReadStore,
    query: ReadQuery,
    presence: ReadPresence,
    alerting: ReadAlerting,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadHttp {
    listen: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadFrames {
    listen: String,
    token: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadGraphite {
    listen: String,
    max_connections: usize,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadStore {
    raw: DurationText,
    window: DurationText,
    max_series: usize,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadQuery {
    lookback: DurationText,
    timeout: DurationText,
    concurrent: usize,
    max_series: u64,
    max_samples: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadPresence {
    beat: DurationText,
    forget_after: DurationText,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadAlerting {
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

/// What is meant.
#[derive(Debug, Clone)]
pub struct Config {
    pub data_dir: PathBuf,
    pub http: SocketAddr,
    pub frames: SocketAddr,
    pub frames_token: String,
    /// `None`: no Graphite lines.
    pub graphite: Option<SocketAddr>,
    pub graphite_max_connections: usize,
    pub raw: Duration,
    pub window: Duration,
    pub max_series: usize,
    pub lookback: Duration,
    pub query: QueryLimits,
    pub beat: Duration,
    pub forget_after: Duration,
    pub alerting: AlertingConfig,
}

impl Config {
    /// Reads the layers and says what they mean.
    ///
    /// # Errors
    /// With the place and what would be right.
    pub fn load(
        file: Option<&Path>,
        env: impl Iterator<Item = (String, String)>,
        sets: &[String],
    ) -> Result<Self, ConfigError> {
        let (read, places) = weir_config::load::<Read>(DEFAULTS, file, env, sets)?;
        read.meant().map_err(|error| places.locate(error))
    }
}

impl Read {
    fn meant(self) -> Result<Config, ConfigError> {
        let window = at_least("store.window", self.store.window, MIN_WINDOW)?;
        if window > MAX_WINDOW {
            return Err(invalid("store.window", "the most is \"4h\"".to_owned()));
        }
        let raw = at_least("store.raw", self.store.raw, window)?;
        let alerting = self.alerting.meant(&self.data_dir, self.query.timeout.0)?;
        Ok(Config {
            http: address("http.listen", &self.http.listen)?,
            frames: address("frames.listen", &self.frames.listen)?,
            frames_token: self.frames.token,
            graphite: match self.graphite.listen.as_str() {
                "" => None,
                listen => Some(address("graphite.listen", listen)?),
            },
            graphite_max_connections: some(
                "graphite.max_connections",
                self.graphite.max_connections,
            )?,
            raw,
            window,
            max_series: some("store.max_series", self.store.max_series)?,
            lookback: at_least(
                "query.lookback",
                self.query.lookback,
                Duration::from_secs(1),
            )?,
            query: QueryLimits {
                timeout: at_least(
                    "query.timeout",
                    self.query.timeout,
                    Duration::from_millis(1),
                )?,
                concurrent: some("query.concurrent", self.query.concurrent)?,
                max_series: self.query.max_series,
                max_samples: self.query.max_samples,
            },
            beat: at_least("presence.beat", self.presence.beat, Duration::from_secs(1))?,
            forget_after: at_least(
                "presence.forget_after",
                self.presence.forget_after,
                Duration::from_secs(60),
            )?,
            alerting,
            data_dir: self.data_dir,
        })
    }
}

impl ReadAlerting {
    fn meant(
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

fn address(key: &str, text: &str) -> Result<SocketAddr, ConfigError> {
    text.parse().map_err(|_| {
        invalid(
            key,
            format!("{text:?} is no address; write it as \"127.0.0.1:9347\" or \"[::1]:9347\""),
        )
    })
}

fn at_least(key: &str, read: DurationText, least: Duration) -> Result<Duration, ConfigError> {
    if read.0 >= least {
        return Ok(read.0);
    }
    Err(invalid(
        key,
        format!("{:?} is too short; the least is {least:?}", read.0),
    ))
}

fn some(key: &str, number: usize) -> Result<usize, ConfigError> {
    if number > 0 {
        return Ok(number);
    }
    Err(invalid(
        key,
        "0 would take nothing; give 1 or more".to_owned(),
    ))
}

fn invalid(key: &str, reason: String) -> ConfigError {
    ConfigError::Invalid {
        place: key.to_owned(),
        reason,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(sets: &[&str]) -> Result<Config, String> {
        let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
        Config::load(None, std::iter::empty(), &sets).map_err(|error| error.to_string())
    }

    #[test]
    fn the_defaults_are_the_designs() {
        let config = load(&[]).unwrap();
        assert_eq!(config.http.to_string(), "127.0.0.1:9347");
        assert_eq!(config.frames.to_string(), "127.0.0.1:9348");
        assert_eq!(config.graphite.unwrap().to_string(), "127.0.0.1:2003");
        assert_eq!(config.raw, Duration::from_secs(7 * 86_400));
        assert_eq!(config.data_dir, Path::new("/var/lib/weir"));
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_its_key() {
        let address = load(&["http.listen=localhost"]).unwrap_err();
        assert!(
            address.contains("http.listen") && address.contains("127.0.0.1:9347"),
            "{address}"
        );
        let short = load(&["store.raw=1m"]).unwrap_err();
        assert!(
            short.contains("store.raw") && short.contains("1800s"),
            "{short}"
        );
        assert!(
            load(&["query.concurrent=0"])
                .unwrap_err()
                .contains("query.concurrent")
        );
        assert!(
            load(&["graphite.listne=x"])
                .unwrap_err()
                .contains("unknown key `graphite.listne`")
        );
        assert!(load(&["graphite.listen="]).unwrap().graphite.is_none());
    }
}
