//! The agent's configuration: what was read, and what is meant by it. What cannot be meant is refused with its key.

mod keeping;
mod listening;
mod pushing;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use weir_config::{ConfigError, DurationText, Places};
use weir_wire::SeriesKey;

use crate::collect::{CollectConfig, Collectors};
use crate::priority::Priorities;
use crate::spool::SpoolConfig;
use crate::tls::TlsConfig;
use listening::{ReadGraphite, ReadStatsd, ReadTextfile};
use pushing::ReadPush;

use keeping::{ReadPriorities, ReadSpool};
pub use listening::{GraphiteConfig, StatsdConfig};
pub use pushing::HttpPlace;

/// Every key with its default and what it means.
pub const DEFAULTS: &str = include_str!("default.toml");

const MIN_INTERVAL: Duration = Duration::from_secs(1);
const MIN_QUEUE_BYTES: usize = 1 << 20;
/// A gateway that does not acknowledge for so long is left for another.
const PATIENCE: Duration = Duration::from_secs(30);

/// The file's shape.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    gateways: Vec<String>,
    token: String,
    tls: ReadTls,
    host: String,
    interval: DurationText,
    labels: BTreeMap<String, String>,
    statsd: ReadStatsd,
    graphite: ReadGraphite,
    textfile: ReadTextfile,
    status: ReadStatus,
    queue: ReadQueue,
    push: ReadPush,
    spool: ReadSpool,
    #[serde(default)]
    priorities: ReadPriorities,
    collectors: ReadCollectors,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadTls {
    on: bool,
    ca: PathBuf,
    certificate: PathBuf,
    key: PathBuf,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadStatus {
    listen: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadQueue {
    max_bytes: usize,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadCollectors {
    disabled: Vec<String>,
    mount_exclude: String,
    fs_type_exclude: String,
    net_exclude: String,
    disk_exclude: String,
    unit_exclude: String,
    hwmon_exclude: String,
    container_exclude: String,
    cgroup_include: String,
    netstat_include: String,
    process_groups: BTreeMap<String, String>,
}

/// What is meant.
#[derive(Debug, Clone)]
pub struct Config {
    pub gateways: Vec<String>,
    pub token: String,
    /// `None`: gateways are spoken to without TLS.
    pub tls: Option<TlsConfig>,
    pub host: String,
    pub interval: Duration,
    pub labels: Vec<(String, String)>,
    pub statsd: Option<StatsdConfig>,
    pub graphite: Option<GraphiteConfig>,
    /// The folder of dropped files.
    pub textfile: Option<PathBuf>,
    pub status: Option<SocketAddr>,
    pub queue_max_bytes: usize,
    /// Where jobs push when no agent answers.
    pub push_gateways: Vec<HttpPlace>,
    /// `None`: memory alone.
    pub spool: Option<SpoolConfig>,
    pub priorities: Priorities,
    /// How long a gateway may leave a batch without an acknowledgement. No key: only tests are in a hurry.
    pub patience: Duration,
    pub collect: CollectConfig,
}

impl Config {
    /// Reads the layers, a file's drop-ins among them, and says what they mean; an empty `host` becomes the kernel's name.
    ///
    /// # Errors
    /// With the place and what would be right.
    pub fn load(
        file: Option<&Path>,
        env: impl Iterator<Item = (String, String)>,
        sets: &[String],
    ) -> Result<Self, ConfigError> {
        Self::load_with_places(file, env, sets).map(|(config, _)| config)
    }

    /// The same with where each key was said.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn load_with_places(
        file: Option<&Path>,
        env: impl Iterator<Item = (String, String)>,
        sets: &[String],
    ) -> Result<(Self, Places), ConfigError> {
        let mut files: Vec<PathBuf> = file.map(Path::to_owned).into_iter().collect();
        if let Some(file) = file {
            files.extend(weir_config::drop_ins(file)?);
        }
        let (read, places) = weir_config::load_files::<Read>(DEFAULTS, &files, env, sets)?;
        let mut config = read.meant().map_err(|error| places.locate(error))?;
        let Some(folder) = file.and_then(Path::parent) else {
            return Ok((config, places));
        };
        if let Some(spool) = &mut config.spool {
            spool.dir = folder.join(&spool.dir);
        }
        if let Some(tls) = &mut config.tls {
            let own = tls.own.iter_mut().flat_map(|(chain, key)| [chain, key]);
            for file in tls.ca.iter_mut().chain(own) {
                *file = folder.join(&*file);
            }
        }
        Ok((config, places))
    }

    /// The labels that everything sent carries, `host` among them.
    #[must_use]
    pub fn all_labels(&self) -> Vec<(String, String)> {
        let host = ("host".to_owned(), self.host.clone());
        self.labels.iter().cloned().chain([host]).collect()
    }

    /// Whether a session with a gateway goes on as it is under another configuration.
    #[must_use]
    pub(crate) fn is_same_uplink(&self, other: &Self) -> bool {
        self.gateways == other.gateways
            && self.token == other.token
            && self.tls == other.tls
            && self.host == other.host
            && self.interval == other.interval
            && self.labels == other.labels
    }

    /// Keys that are read at a start only, and that another configuration changes.
    pub(crate) fn needs_restart(&self, other: &Self) -> Vec<&'static str> {
        let changed = [
            ("status.listen", self.status != other.status),
            (
                "queue.max_bytes",
                self.queue_max_bytes != other.queue_max_bytes,
            ),
            ("spool", looks(&self.spool) != looks(&other.spool)),
            (
                "priorities",
                looks(&self.priorities) != looks(&other.priorities),
            ),
        ];
        let changed = changed.into_iter().filter(|(_, is_changed)| *is_changed);
        changed.map(|(key, _)| key).collect()
    }
}

/// What has no equality, such as expressions, is compared by what it looks like.
fn looks(section: &impl std::fmt::Debug) -> String {
    format!("{section:?}")
}

impl Read {
    fn meant(self) -> Result<Config, ConfigError> {
        if self.gateways.is_empty() || self.gateways.iter().any(|gateway| !is_host_port(gateway)) {
            return Err(invalid(
                "gateways",
                "give at least one \"host:port\", as \"gw1.example:9348\"",
            ));
        }
        if self.interval.0 < MIN_INTERVAL {
            return Err(invalid("interval", "the least is \"1s\""));
        }
        if self.queue.max_bytes < MIN_QUEUE_BYTES {
            return Err(invalid("queue.max_bytes", "the least is 1048576"));
        }
        if self.labels.contains_key("host") {
            return Err(invalid(
                "labels",
                "host is this agent's own label; set `host` instead",
            ));
        }
        let labels = self
            .labels
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        if let Err(error) = SeriesKey::new("labels", labels) {
            return Err(invalid("labels", &error.to_string()));
        }
        Ok(Config {
            gateways: self.gateways,
            token: self.token,
            tls: self.tls.meant()?,
            host: if self.host.is_empty() {
                kernel_name()
            } else {
                self.host
            },
            interval: self.interval.0,
            labels: self.labels.into_iter().collect(),
            statsd: self.statsd.meant()?,
            graphite: self.graphite.meant()?,
            textfile: self.textfile.meant(),
            status: address("status.listen", &self.status.listen)?,
            queue_max_bytes: self.queue.max_bytes,
            push_gateways: self.push.meant()?,
            spool: self.spool.meant()?,
            priorities: self.priorities.meant()?,
            patience: PATIENCE,
            collect: self.collectors.meant()?,
        })
    }
}

impl ReadTls {
    fn meant(self) -> Result<Option<TlsConfig>, ConfigError> {
        let is_given = |file: &Path| !file.as_os_str().is_empty();
        let is_any = [&self.ca, &self.certificate, &self.key]
            .iter()
            .any(|file| is_given(file));
        if !self.on {
            return match is_any {
                true => Err(invalid("tls.on", "set it to true for the files to be used")),
                false => Ok(None),
            };
        }
        if is_given(&self.certificate) != is_given(&self.key) {
            let reason = "a certificate and its key are given together";
            return Err(invalid("tls.certificate", reason));
        }
        Ok(Some(TlsConfig {
            ca: Some(self.ca).filter(|file| is_given(file)),
            own: is_given(&self.certificate).then_some((self.certificate, self.key)),
        }))
    }
}

impl ReadCollectors {
    fn meant(self) -> Result<CollectConfig, ConfigError> {
        let config = CollectConfig {
            root: PathBuf::from("/"),
            disabled: self.disabled,
            mount_exclude: self.mount_exclude,
            fs_type_exclude: self.fs_type_exclude,
            net_exclude: self.net_exclude,
            disk_exclude: self.disk_exclude,
            unit_exclude: self.unit_exclude,
            hwmon_exclude: self.hwmon_exclude,
            container_exclude: self.container_exclude,
            cgroup_include: self.cgroup_include,
            netstat_include: self.netstat_include,
            process_groups: self.process_groups,
        };
        // The expressions are tried here, so that `check` finds a bad one.
        for (key, pattern) in config.patterns() {
            regex::Regex::new(pattern)
                .map_err(|error| invalid(&format!("collectors.{key}"), &error.to_string()))?;
        }
        let collectors = Collectors::new(config.clone())
            .map_err(|error| invalid("collectors", &error.to_string()))?;
        let known: Vec<&str> = collectors
            .health()
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        let known_or_off = |name: &String| {
            known.contains(&name.as_str()) || crate::collect::NAMES.contains(&name.as_str())
        };
        match config.disabled.iter().find(|name| !known_or_off(name)) {
            Some(name) => {
                let names = crate::collect::NAMES.join(", ");
                Err(invalid(
                    "collectors.disabled",
                    &format!("there is no collector {name:?}; there are {names}"),
                ))
            }
            None => Ok(config),
        }
    }
}

fn address(key: &str, text: &str) -> Result<Option<SocketAddr>, ConfigError> {
    if text.is_empty() {
        return Ok(None);
    }
    let parsed = text.parse().map(Some);
    parsed.map_err(|_| {
        invalid(
            key,
            &format!("{text:?} is no address; write it as \"127.0.0.1:8125\" or \"\" for off"),
        )
    })
}

fn is_host_port(text: &str) -> bool {
    text.rsplit_once(':')
        .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
}

fn kernel_name() -> String {
    rustix::system::uname()
        .nodename()
        .to_string_lossy()
        .into_owned()
}

fn invalid(key: &str, reason: &str) -> ConfigError {
    ConfigError::Invalid {
        place: key.to_owned(),
        reason: reason.to_owned(),
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
        assert_eq!(config.gateways, ["127.0.0.1:9348"]);
        assert_eq!(config.interval, Duration::from_secs(10));
        assert_eq!(
            config.statsd.unwrap().listen.unwrap().to_string(),
            "127.0.0.1:8125"
        );
        assert_eq!(config.status.unwrap().to_string(), "127.0.0.1:9349");
        assert!(!config.host.is_empty());
        let spool = config.spool.unwrap();
        assert_eq!(spool.dir, Path::new("/var/lib/weir-agent/spool"));
        assert_eq!((spool.max_bytes, spool.share), (512 << 20, 0.8));
        assert!(config.priorities.is_off());
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_its_key() {
        for (set, key) in [
            ("gateways=[]", "gateways"),
            ("gateways=[\"gw\"]", "gateways"),
            ("interval=1ms", "interval"),
            ("statsd.listen=8125", "statsd.listen"),
            ("statsd.dialect=netdata", "statsd.dialect"),
            ("statsd.max_series=0", "statsd.max_series"),
            ("graphite.listen=2003", "graphite.listen"),
            ("collectors.net_exclude=(", "collectors.net_exclude"),
            ("collectors.cgroup_include=(", "collectors.cgroup_include"),
            (
                "collectors.process_groups={web=\"(\"}",
                "collectors.process_groups",
            ),
            ("collectors.disabled=[\"gpu\"]", "collectors.disabled"),
            ("labels={host=\"x\"}", "labels"),
            ("labels={__name__=\"x\"}", "labels"),
            ("push.gateways=[\"gw1:9347\"]", "push.gateways"),
            ("spool=1", "spool"),
            ("spool.max_bytes=1000KiB", "spool.max_bytes"),
            ("spool.max_age=0s", "spool.max_age"),
            ("spool.share_percent=0", "spool.share_percent"),
            ("spool.min_rate=0", "spool.min_rate"),
            (
                "priorities.rules=[{match=\"a\",priority=\"high\"}]",
                "priorities.rules[0].priority",
            ),
            (
                "priorities.rules=[{match=\"sum(a)\",priority=\"low\"}]",
                "priorities.rules[0].match",
            ),
            (
                "priorities.rules=[{match=\"{a=~'('}\",priority=\"low\"}]",
                "priorities.rules[0].match",
            ),
        ] {
            let refused = load(&[set]).unwrap_err();
            assert!(refused.contains(key), "{set}: {refused}");
        }
        assert!(load(&["statsd.listen="]).unwrap().statsd.is_none());
        assert!(load(&["spool.dir="]).unwrap().spool.is_none());
    }
}
