//! The gateway's configuration: what was read, and what is meant by it. A value that cannot be meant is refused here,
//! with its key and what would be right; nothing is adjusted.

mod admission;
mod doors;
mod statsd;
mod taking;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use weir_alerting::{AlertingConfig, Grouping, WebhookConfig};
use weir_config::{ConfigError, DurationText, SizeText};
use weir_store::Policy;
use weir_wire::influx::Precision;

use crate::access::{AccessConfig, DoorConfig, ReadTls};
use crate::admission::AdmissionConfig;
use crate::aggregation::{AggregationConfig, ReadAggregation};
use crate::http::{HttpAuth, QueryLimits, TakingConfig};

pub use statsd::{StatsdAddresses, StatsdConfig, StatsdNaming};

/// Every key with its default and what it means.
pub const DEFAULTS: &str = include_str!("default.toml");

const MIN_WINDOW: Duration = Duration::from_secs(60);
/// A chunk holds 65,535 samples a section: four hours at 4 ms.
const MAX_WINDOW: Duration = Duration::from_secs(4 * 3_600);

/// Less would refuse writes most of the time.
const LEAST_HEAD: u64 = 1 << 20;
const LEAST_JOURNAL: u64 = 1 << 20;
const LEAST_WINDOWS: u64 = 4;

/// The file's shape.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    data_dir: PathBuf,
    http: ReadHttp,
    access: doors::ReadAccess,
    tls: ReadTls,
    frames: ReadFrames,
    graphite: ReadGraphite,
    aggregation: ReadAggregation,
    influx: taking::ReadInflux,
    opentsdb: taking::ReadOpenTsdb,
    statsd: statsd::ReadStatsd,
    pushgateway: taking::ReadPushgateway,
    otlp: taking::ReadOtlp,
    admission: admission::ReadAdmission,
    guard: admission::ReadGuard,
    rates: doors::ReadRates,
    priorities: doors::ReadPriorities,
    store: ReadStore,
    query: ReadQuery,
    presence: ReadPresence,
    alerting: ReadAlerting,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadHttp {
    listen: String,
    admin: bool,
    auth: String,
    tls: String,
    allow: Vec<String>,
    max_write: SizeText,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadFrames {
    listen: String,
    token: String,
    auth: String,
    tls: String,
    allow: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadGraphite {
    listen: String,
    pickle_listen: String,
    max_connections: usize,
    mappings: PathBuf,
    auth: String,
    udp: String,
    tls: String,
    allow: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadStore {
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
    pub access: AccessConfig,
    pub http_auth: HttpAuth,
    pub http_door: DoorConfig,
    pub frames_door: DoorConfig,
    /// Of lines and pickles over TCP.
    pub graphite_door: DoorConfig,
    pub graphite_udp_door: DoorConfig,
    pub opentsdb_door: DoorConfig,
    /// `None`: no Graphite lines.
    pub graphite: Option<SocketAddr>,
    pub pickle: Option<SocketAddr>,
    pub graphite_max_connections: usize,
    pub opentsdb: Option<SocketAddr>,
    pub opentsdb_max_connections: usize,
    pub statsd: StatsdConfig,
    pub influx_udp: Option<SocketAddr>,
    pub influx_udp_door: DoorConfig,
    pub influx_udp_precision: Precision,
    /// What is sent over HTTP, and how it is named.
    pub taking: TakingConfig,
    /// Rules for dotted paths; `None`: they stay as they are.
    pub graphite_mappings: Option<PathBuf>,
    pub aggregation: AggregationConfig,
    /// The admin API may be used.
    pub admin: bool,
    pub admission: AdmissionConfig,
    pub store: StoreConfig,
    pub lookback: Duration,
    pub query: QueryLimits,
    pub beat: Duration,
    pub forget_after: Duration,
    pub alerting: AlertingConfig,
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
        let mut config = read.meant().map_err(|error| places.locate(error))?;
        // As in Prometheus: a pattern is meant from where the file lies, not from where the program was started.
        if let Some(dir) = file.and_then(Path::parent) {
            for rules in &mut config.alerting.rules {
                *rules = dir.join(&*rules).display().to_string();
            }
            config.aggregation.found_from(dir);
            config.access.found_from(dir);
            if let Some(mappings) = &mut config.graphite_mappings {
                *mappings = dir.join(&*mappings);
            }
        }
        Ok(config)
    }
}

impl Read {
    fn meant(self) -> Result<Config, ConfigError> {
        let alerting = self.alerting.meant(&self.data_dir, self.query.timeout.0)?;
        let access = AccessConfig::meant(self.access.tokens, self.tls, &self.data_dir)?;
        let statsd = self.statsd.meant(&access)?;
        let graphite = &self.graphite;
        let graphite_door =
            access.door("graphite", &graphite.auth, &graphite.tls, &graphite.allow)?;
        let (http, frames, opentsdb) = (&self.http, &self.frames, &self.opentsdb);
        let store = self.store.meant()?;
        let taking = taking::Sections {
            influx: &self.influx,
            opentsdb: &self.opentsdb,
            otlp: &self.otlp,
            pushgateway: &self.pushgateway,
            data_dir: &self.data_dir,
            admin: self.http.admin,
            max_write: self.http.max_write,
        };
        Ok(Config {
            http_auth: doors::http_auth(&http.auth)?,
            // Requests show their tokens themselves.
            http_door: access.door("http", "off", &http.tls, &http.allow)?,
            frames_door: access.door("frames", &frames.auth, &frames.tls, &frames.allow)?,
            graphite_udp_door: graphite_door.datagrams("graphite", &graphite.udp)?,
            graphite_door,
            opentsdb_door: access.door(
                "opentsdb",
                &opentsdb.auth,
                &opentsdb.tls,
                &opentsdb.allow,
            )?,
            influx_udp_door: access
                .door("influx", "off", "off", &self.influx.allow)?
                .datagrams("influx", &self.influx.udp)?,
            access,
            http: address("http.listen", &self.http.listen)?,
            frames: address("frames.listen", &self.frames.listen)?,
            frames_token: self.frames.token,
            graphite: address_if_any("graphite.listen", &self.graphite.listen)?,
            pickle: address_if_any("graphite.pickle_listen", &self.graphite.pickle_listen)?,
            graphite_max_connections: some(
                "graphite.max_connections",
                self.graphite.max_connections,
            )?,
            opentsdb: address_if_any("opentsdb.listen", &self.opentsdb.listen)?,
            opentsdb_max_connections: some(
                "opentsdb.max_connections",
                self.opentsdb.max_connections,
            )?,
            statsd,
            influx_udp: address_if_any("influx.udp_listen", &self.influx.udp_listen)?,
            influx_udp_precision: self.influx.precision()?,
            taking: taking.meant()?,
            graphite_mappings: Some(self.graphite.mappings)
                .filter(|mappings| !mappings.as_os_str().is_empty()),
            aggregation: self.aggregation.meant(store.future.as_millis() as i64)?,
            admin: self.http.admin,
            admission: AdmissionConfig {
                rates: self.rates.meant()?,
                priorities: self.priorities.meant(store.max_head_bytes)?,
                ..self.admission.meant(self.guard)?
            },
            store,
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

impl ReadStore {
    fn meant(self) -> Result<StoreConfig, ConfigError> {
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

/// Empty for a port that is off.
fn address_if_any(key: &'static str, text: &str) -> Result<Option<SocketAddr>, ConfigError> {
    match text {
        "" => Ok(None),
        text => address(key, text).map(Some),
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

fn at_least_bytes(key: &str, read: SizeText, least: u64) -> Result<u64, ConfigError> {
    if read.0 >= least {
        return Ok(read.0);
    }
    Err(invalid(
        key,
        format!("{} is too little; the least is {least}", read.0),
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
        assert_eq!(config.store.raw, Duration::from_secs(7 * 86_400));
        assert_eq!(config.store.hour, Duration::from_secs(365 * 86_400));
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
        for (set, key) in [
            ("statsd.dialect=netdata", "statsd.dialect"),
            ("statsd.naming=flat", "statsd.naming"),
            ("statsd.interval=100ms", "statsd.interval"),
            ("statsd.graphite.percentiles=[0]", "percentiles"),
            (
                "statsd.graphite.histogram=[{metric='',bins=[2,1]}]",
                "histogram[0].bins",
            ),
        ] {
            let refused = load(&[set]).unwrap_err();
            assert!(refused.contains(key), "{set}: {refused}");
        }
        assert!(
            load(&["store.window=4h"]).is_ok(),
            "no default makes another key's value wrong"
        );
    }
}
