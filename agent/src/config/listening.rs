//! The sections `[statsd]`, `[graphite]` and `[textfile]`: what was read, and what is meant by it.

use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;
use weir_config::ConfigError;
use weir_wire::statsd::Dialect;

use super::{address, invalid};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadStatsd {
    listen: String,
    dialect: String,
    unix_listen: PathBuf,
    unix_stream_listen: PathBuf,
    unix_dialect: String,
    max_connections: usize,
    max_series: usize,
    max_set_members: usize,
    idle_intervals: u32,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadGraphite {
    listen: String,
    max_connections: usize,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadTextfile {
    directory: PathBuf,
}

/// The StatsD listeners and their aggregator; `None` of each is off.
#[derive(Debug, Clone, PartialEq)]
pub struct StatsdConfig {
    /// UDP and TCP.
    pub listen: Option<SocketAddr>,
    pub dialect: Dialect,
    /// Datagrams.
    pub unix_listen: Option<PathBuf>,
    /// Packets with their length before them.
    pub unix_stream_listen: Option<PathBuf>,
    pub unix_dialect: Dialect,
    /// Of each listener of streams.
    pub max_connections: usize,
    pub max_series: usize,
    pub max_set_members: usize,
    pub idle_intervals: u32,
}

/// The listeners of Graphite's lines.
#[derive(Debug, Clone, PartialEq)]
pub struct GraphiteConfig {
    /// UDP and TCP.
    pub listen: SocketAddr,
    pub max_connections: usize,
}

impl ReadStatsd {
    /// `None` when nothing is to listen.
    pub(super) fn meant(self) -> Result<Option<StatsdConfig>, ConfigError> {
        for (key, number) in [
            ("statsd.max_connections", self.max_connections),
            ("statsd.max_series", self.max_series),
            ("statsd.max_set_members", self.max_set_members),
            ("statsd.idle_intervals", self.idle_intervals as usize),
        ] {
            one_or_more(key, number)?;
        }
        let config = StatsdConfig {
            listen: address("statsd.listen", &self.listen)?,
            dialect: dialect("statsd.dialect", &self.dialect)?,
            unix_listen: path(self.unix_listen),
            unix_stream_listen: path(self.unix_stream_listen),
            unix_dialect: dialect("statsd.unix_dialect", &self.unix_dialect)?,
            max_connections: self.max_connections,
            max_series: self.max_series,
            max_set_members: self.max_set_members,
            idle_intervals: self.idle_intervals,
        };
        let is_any = config.listen.is_some()
            || config.unix_listen.is_some()
            || config.unix_stream_listen.is_some();
        Ok(is_any.then_some(config))
    }
}

impl ReadGraphite {
    pub(super) fn meant(self) -> Result<Option<GraphiteConfig>, ConfigError> {
        one_or_more("graphite.max_connections", self.max_connections)?;
        let listen = address("graphite.listen", &self.listen)?;
        Ok(listen.map(|listen| GraphiteConfig {
            listen,
            max_connections: self.max_connections,
        }))
    }
}

impl ReadTextfile {
    pub(super) fn meant(self) -> Option<PathBuf> {
        path(self.directory)
    }
}

fn one_or_more(key: &str, number: usize) -> Result<(), ConfigError> {
    match number {
        0 => Err(invalid(key, "must be 1 or more")),
        _ => Ok(()),
    }
}

fn dialect(key: &str, text: &str) -> Result<Dialect, ConfigError> {
    match text {
        "etsy" => Ok(Dialect::ETSY),
        "dogstatsd" => Ok(Dialect::DATADOG),
        "both" => Ok(Dialect::default()),
        other => {
            let right = "write \"etsy\", \"dogstatsd\" or \"both\"";
            Err(invalid(key, &format!("{other:?} is no dialect; {right}")))
        }
    }
}

fn path(path: PathBuf) -> Option<PathBuf> {
    Some(path).filter(|path| !path.as_os_str().is_empty())
}
