//! The gateway's configuration: what was read, and what is meant by it. A value that cannot be meant is refused here,
//! with its key and what would be right; nothing is adjusted.

mod admission;
mod alerting;
mod doors;
mod statsd;
mod store;
mod taking;
mod values;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use weir_alerting::AlertingConfig;
use weir_config::{ConfigError, DurationText, SizeText};
use weir_wire::influx::Precision;

use crate::access::{AccessConfig, DoorConfig, ReadTls};
use crate::admission::AdmissionConfig;
use crate::aggregation::{AggregationConfig, ReadAggregation};
use crate::http::{HttpAuth, QueryLimits, TakingConfig};

use values::{address, address_if_any, at_least, some};

pub use statsd::{StatsdAddresses, StatsdConfig, StatsdNaming};
pub use store::StoreConfig;

/// Every key with its default and what it means.
pub const DEFAULTS: &str = include_str!("default.toml");

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
    store: store::ReadStore,
    query: ReadQuery,
    presence: ReadPresence,
    alerting: alerting::ReadAlerting,
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
            store: &store,
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
