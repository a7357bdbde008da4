//! The section `[statsd]`: what was read, and what is meant by it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use weir_aggregate::etsy::{Bins, Deleted, EtsyConfig, Namespaces};
use weir_config::{ConfigError, DurationText};
use weir_wire::SeriesKey;
use weir_wire::statsd::Dialect;

use super::values::{address_if_any, at_least, invalid, some};
use crate::access::{AccessConfig, DoorConfig};

/// The label that says which gateway aggregated.
const ORIGIN: &str = "gateway";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadStatsd {
    listen: String,
    dialect: String,
    unix_listen: PathBuf,
    unix_stream_listen: PathBuf,
    unix_dialect: String,
    max_connections: usize,
    interval: DurationText,
    naming: String,
    origin: String,
    max_series: usize,
    max_set_members: usize,
    idle_intervals: u32,
    auth: String,
    udp: String,
    tls: String,
    allow: Vec<String>,
    graphite: ReadEtsy,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadEtsy {
    legacy_namespace: bool,
    global_prefix: String,
    prefix_counter: String,
    prefix_timer: String,
    prefix_gauge: String,
    prefix_set: String,
    prefix_stats: String,
    global_suffix: String,
    flush_counts: bool,
    percentiles: Vec<f64>,
    timer_metrics: Vec<String>,
    delete_idle_stats: bool,
    delete_counters: Option<bool>,
    delete_timers: Option<bool>,
    delete_sets: Option<bool>,
    delete_gauges: Option<bool>,
    gauges_max_ttl: u32,
    max_timer_values: usize,
    #[serde(default)]
    histogram: Vec<ReadBins>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadBins {
    metric: String,
    bins: Vec<f64>,
}

/// Where StatsD comes in; all are off where there is none.
#[derive(Debug, Clone, Default)]
pub struct StatsdAddresses {
    /// UDP and TCP.
    pub ip: Option<SocketAddr>,
    pub unix: Option<PathBuf>,
    pub unix_stream: Option<PathBuf>,
}

/// What intervals are called.
#[derive(Debug, Clone)]
pub enum StatsdNaming {
    /// Totals and distributions under the metrics' own names.
    Labels { idle_intervals: u32 },
    /// As etsy's server sends them to Graphite.
    Graphite(Box<EtsyConfig>),
}

/// What is meant.
#[derive(Debug, Clone)]
pub struct StatsdConfig {
    pub addresses: StatsdAddresses,
    pub door: DoorConfig,
    pub udp_door: DoorConfig,
    pub dialect: Dialect,
    pub unix_dialect: Dialect,
    pub max_connections: usize,
    pub interval: Duration,
    pub naming: StatsdNaming,
    /// A label for all that is aggregated here, over any that a client sends.
    pub origin: Option<(String, String)>,
    pub max_series: usize,
    pub max_set_members: usize,
}

impl ReadStatsd {
    pub(super) fn meant(self, access: &AccessConfig) -> Result<StatsdConfig, ConfigError> {
        let door = access.door("statsd", &self.auth, &self.tls, &self.allow)?;
        let interval = at_least("statsd.interval", self.interval, Duration::from_secs(1))?;
        let max_series = some("statsd.max_series", self.max_series)?;
        let max_set_members = some("statsd.max_set_members", self.max_set_members)?;
        let idle_intervals = some("statsd.idle_intervals", self.idle_intervals as usize)? as u32;
        let etsy = self.graphite.meant()?;
        let (naming, origin) = match (self.naming.as_str(), self.origin.as_str()) {
            ("labels", "") => (StatsdNaming::Labels { idle_intervals }, Some(kernel_name())),
            ("labels", name) => (
                StatsdNaming::Labels { idle_intervals },
                Some(name.to_owned()),
            ),
            ("graphite", name) => {
                let etsy = EtsyConfig {
                    interval_ms: interval.as_millis() as u64,
                    max_series,
                    max_set_members,
                    ..etsy
                };
                let origin = Some(name.to_owned()).filter(|name| !name.is_empty());
                (StatsdNaming::Graphite(Box::new(etsy)), origin)
            }
            (other, _) => {
                let reason = format!("{other:?} is no naming; write \"labels\" or \"graphite\"");
                return Err(invalid("statsd.naming", reason));
            }
        };
        if let Some(name) = &origin {
            SeriesKey::new("x", [(ORIGIN, name.as_str())])
                .map_err(|error| invalid("statsd.origin", error.to_string()))?;
        }
        Ok(StatsdConfig {
            addresses: StatsdAddresses {
                ip: address_if_any("statsd.listen", &self.listen)?,
                unix: path(self.unix_listen),
                unix_stream: path(self.unix_stream_listen),
            },
            udp_door: door.datagrams("statsd", &self.udp)?,
            door,
            dialect: dialect("statsd.dialect", &self.dialect)?,
            unix_dialect: dialect("statsd.unix_dialect", &self.unix_dialect)?,
            max_connections: some("statsd.max_connections", self.max_connections)?,
            interval,
            naming,
            origin: origin.map(|name| (ORIGIN.to_owned(), name)),
            max_series,
            max_set_members,
        })
    }
}

impl ReadEtsy {
    fn meant(self) -> Result<EtsyConfig, ConfigError> {
        let is_percent = |percent: &f64| *percent != 0.0 && percent.abs() <= 100.0;
        if let Some(wrong) = self.percentiles.iter().find(|percent| !is_percent(percent)) {
            let reason = format!("{wrong} is no percentile: from -100 to 100, and not 0");
            return Err(invalid("statsd.graphite.percentiles", reason));
        }
        for (at, bins) in self.histogram.iter().enumerate() {
            if bins.bins.is_empty() || !bins.bins.is_sorted_by(|a, b| a < b) {
                let key = format!("statsd.graphite.histogram[{at}].bins");
                let reason = "give upper ends that ascend, as [10, 100, inf]".to_owned();
                return Err(invalid(&key, reason));
            }
        }
        let deleted = |own: Option<bool>| own.unwrap_or(self.delete_idle_stats);
        Ok(EtsyConfig {
            max_values: some("statsd.graphite.max_timer_values", self.max_timer_values)?,
            namespaces: Namespaces {
                legacy: self.legacy_namespace,
                global_prefix: self.global_prefix,
                counter: self.prefix_counter,
                timer: self.prefix_timer,
                gauge: self.prefix_gauge,
                set: self.prefix_set,
                own: self.prefix_stats,
                global_suffix: self.global_suffix,
            },
            percentiles: self.percentiles,
            flush_counts: self.flush_counts,
            deleted: Deleted {
                counters: deleted(self.delete_counters),
                timers: deleted(self.delete_timers),
                sets: deleted(self.delete_sets),
                gauges: deleted(self.delete_gauges),
            },
            gauges_max_ttl: self.gauges_max_ttl,
            timer_metrics: self.timer_metrics,
            histograms: self
                .histogram
                .into_iter()
                .map(|read| Bins {
                    metric: read.metric,
                    ends: read.bins,
                })
                .collect(),
            ..EtsyConfig::default()
        })
    }
}

fn dialect(key: &str, text: &str) -> Result<Dialect, ConfigError> {
    match text {
        "etsy" => Ok(Dialect::ETSY),
        "dogstatsd" => Ok(Dialect::DATADOG),
        other => {
            let reason = format!("{other:?} is no dialect; write \"etsy\" or \"dogstatsd\"");
            Err(invalid(key, reason))
        }
    }
}

fn path(path: PathBuf) -> Option<PathBuf> {
    Some(path).filter(|path| !path.as_os_str().is_empty())
}

fn kernel_name() -> String {
    let name = rustix::system::uname();
    name.nodename().to_string_lossy().into_owned()
}
