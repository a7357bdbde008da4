//! The host's own figures, read from `/proc` and the kernel under node_exporter's names, labels and units.
//! One file a collector; one that cannot read says why and holds up no other. It labels nothing with the host and sends
//! nothing; it blocks, so it is called from a thread that may.

mod arp;
mod cgroup;
mod conntrack;
mod cpu;
mod diskstats;
mod entropy;
mod figure;
mod filefd;
mod filesystem;
mod hwmon;
mod loadavg;
mod meminfo;
mod netclass;
mod netdev;
mod netstat;
mod os;
mod pressure;
mod processes;
mod root;
mod sockstat;
mod softnet;
mod stat;
mod statfs;
mod systemd;
mod thermal_zone;
mod time;
mod timex;
mod uname;
mod vmstat;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::PathBuf;

use regex::Regex;

pub use figure::Figure;
use root::{CollectError, Root};

/// The names of all collectors.
pub const NAMES: [&str; 26] = [
    "cpu",
    "loadavg",
    "meminfo",
    "vmstat",
    "filesystem",
    "diskstats",
    "netdev",
    "netclass",
    "netstat",
    "sockstat",
    "softnet",
    "arp",
    "conntrack",
    "stat",
    "filefd",
    "processes",
    "pressure",
    "cgroup",
    "systemd",
    "hwmon",
    "thermal_zone",
    "entropy",
    "timex",
    "uname",
    "os",
    "time",
];

/// What is read, and what of it is left out.
#[derive(Debug, Clone)]
pub struct CollectConfig {
    /// Where `/proc` and the mount points are found; "/" outside tests and containers.
    pub root: PathBuf,
    /// Names of collectors that are to be silent.
    pub disabled: Vec<String>,
    /// Regular expressions of what is left out; an empty one leaves out nothing.
    pub mount_exclude: String,
    pub fs_type_exclude: String,
    pub net_exclude: String,
    pub disk_exclude: String,
    /// Units of systemd.
    pub unit_exclude: String,
    /// Chips with sensors.
    pub hwmon_exclude: String,
    /// Containers, by name.
    pub container_exclude: String,
    /// Control groups besides containers, by path; an empty one tells none.
    pub cgroup_include: String,
    /// Counters of the network's protocols, as `Tcp_InSegs`; an empty one tells none.
    pub netstat_include: String,
    /// Named groups of processes, each with a regular expression of its members' command lines.
    pub process_groups: BTreeMap<String, String>,
}

impl CollectConfig {
    /// Every expression with its key.
    pub fn patterns(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let groups = self.process_groups.values();
        let groups = groups.map(|pattern| ("process_groups", pattern.as_str()));
        let filters = [
            ("mount_exclude", self.mount_exclude.as_str()),
            ("fs_type_exclude", &self.fs_type_exclude),
            ("net_exclude", &self.net_exclude),
            ("disk_exclude", &self.disk_exclude),
            ("unit_exclude", &self.unit_exclude),
            ("hwmon_exclude", &self.hwmon_exclude),
            ("container_exclude", &self.container_exclude),
            ("cgroup_include", &self.cgroup_include),
            ("netstat_include", &self.netstat_include),
        ];
        filters.into_iter().chain(groups)
    }
}

/// The enabled collectors and how each fared.
pub struct Collectors {
    root: Root,
    enabled: Vec<Enabled>,
}

struct Enabled {
    name: &'static str,
    collect: Collect,
    outcome: Result<(), CollectError>,
    /// Whether it was told that this host has nothing of it.
    is_told_absent: bool,
}

type Collect = Box<dyn FnMut(&Root, &mut Vec<Figure>) -> Result<(), CollectError> + Send>;

impl Collectors {
    /// Makes those that are not disabled ready; reads nothing yet.
    ///
    /// # Errors
    /// When an expression of what is left out is no regular expression.
    pub fn new(config: CollectConfig) -> Result<Self, regex::Error> {
        let mut enabled = Vec::with_capacity(NAMES.len());
        for name in NAMES {
            if config.disabled.iter().all(|disabled| disabled != name) {
                let collect = collector(name, &config)?;
                enabled.push(Enabled {
                    name,
                    collect,
                    outcome: Ok(()),
                    is_told_absent: false,
                });
            }
        }
        // Also those of disabled collectors, so that a bad one is found before it is switched on.
        for (_, pattern) in config.patterns() {
            Regex::new(pattern)?;
        }
        Ok(Self {
            root: Root::new(config.root),
            enabled,
        })
    }

    /// Reads everything once; blocks as long as the files do.
    pub fn collect(&mut self) -> Vec<Figure> {
        let mut figures = Vec::new();
        for enabled in &mut self.enabled {
            let before = figures.len();
            let done = (enabled.collect)(&self.root, &mut figures);
            if done.is_err() {
                figures.truncate(before);
            }
            enabled.outcome = done;
            enabled.tell_absent();
        }
        figures
    }

    /// Each enabled collector, and why it gave nothing the last time.
    #[must_use]
    pub fn health(&self) -> Vec<(&'static str, Option<String>)> {
        let health = self.enabled.iter().map(|enabled| {
            let reason = enabled.outcome.as_ref().err();
            (enabled.name, reason.map(ToString::to_string))
        });
        health.collect()
    }

    /// Those that gave nothing the last time though this host has what they read.
    pub fn failed(&self) -> impl Iterator<Item = &'static str> {
        let is_failure = |enabled: &&Enabled| {
            !matches!(enabled.outcome, Ok(()) | Err(CollectError::Absent { .. }))
        };
        let failed = self.enabled.iter().filter(is_failure);
        failed.map(|enabled| enabled.name)
    }
}

impl Enabled {
    /// Once, and again after it was there.
    fn tell_absent(&mut self) {
        match &self.outcome {
            Err(absent @ CollectError::Absent { .. }) if !self.is_told_absent => {
                tracing::info!("the collector {} is silent: {absent}", self.name);
                self.is_told_absent = true;
            }
            Ok(()) => self.is_told_absent = false,
            Err(_) => {}
        }
    }
}

fn collector(name: &str, config: &CollectConfig) -> Result<Collect, regex::Error> {
    Ok(match name {
        "cpu" => {
            let mut cpu = cpu::Cpu::new();
            Box::new(move |root, figures| cpu.collect(root, figures))
        }
        "loadavg" => Box::new(loadavg::collect),
        "meminfo" => Box::new(meminfo::collect),
        "vmstat" => Box::new(vmstat::collect),
        "filesystem" => {
            let (mounts, types) = (
                Exclude::new(&config.mount_exclude)?,
                Exclude::new(&config.fs_type_exclude)?,
            );
            let mut filesystem = filesystem::Filesystem::new(mounts, types);
            Box::new(move |root, figures| filesystem.collect(root, figures))
        }
        "diskstats" => {
            let exclude = Exclude::new(&config.disk_exclude)?;
            Box::new(move |root, figures| diskstats::collect(root, &exclude, figures))
        }
        "netdev" => {
            let exclude = Exclude::new(&config.net_exclude)?;
            Box::new(move |root, figures| netdev::collect(root, &exclude, figures))
        }
        "netclass" => {
            let exclude = Exclude::new(&config.net_exclude)?;
            Box::new(move |root, figures| netclass::collect(root, &exclude, figures))
        }
        "softnet" => Box::new(softnet::collect),
        "arp" => {
            let exclude = Exclude::new(&config.net_exclude)?;
            Box::new(move |root, figures| arp::collect(root, &exclude, figures))
        }
        "netstat" => {
            let mut netstat = netstat::Netstat::new(Include::new(&config.netstat_include)?);
            Box::new(move |root, figures| netstat.collect(root, figures))
        }
        "sockstat" => Box::new(sockstat::collect),
        "conntrack" => Box::new(conntrack::collect),
        "stat" => Box::new(stat::collect),
        "filefd" => Box::new(filefd::collect),
        "processes" => {
            let groups = processes::Groups::new(&config.process_groups)?;
            let mut processes = processes::Processes::new(groups);
            Box::new(move |root, figures| processes.collect(root, figures))
        }
        "pressure" => Box::new(pressure::collect),
        "cgroup" => {
            let exclude = Exclude::new(&config.container_exclude)?;
            let mut cgroup = cgroup::Cgroup::new(exclude, Include::new(&config.cgroup_include)?);
            Box::new(move |root, figures| cgroup.collect(root, figures))
        }
        "systemd" => {
            let mut systemd = systemd::Systemd::new(Exclude::new(&config.unit_exclude)?);
            Box::new(move |root, figures| systemd.collect(root, figures))
        }
        "hwmon" => {
            let exclude = Exclude::new(&config.hwmon_exclude)?;
            Box::new(move |root, figures| hwmon::collect(root, &exclude, figures))
        }
        "thermal_zone" => Box::new(thermal_zone::collect),
        "entropy" => Box::new(entropy::collect),
        "timex" => Box::new(|_, figures| timex::collect(figures)),
        "os" => Box::new(os::collect),
        "uname" => Box::new(|_, figures| {
            figures.push(uname::figure());
            Ok(())
        }),
        _ => Box::new(|_, figures| {
            figures.push(time::figure());
            Ok(())
        }),
    })
}

/// Names that are left out.
struct Exclude(Option<Regex>);

impl Exclude {
    fn new(pattern: &str) -> Result<Self, regex::Error> {
        if pattern.is_empty() {
            return Ok(Self(None));
        }
        Regex::new(pattern).map(|regex| Self(Some(regex)))
    }

    fn excludes(&self, name: &str) -> bool {
        self.0.as_ref().is_some_and(|regex| regex.is_match(name))
    }
}

/// Names that are told.
struct Include(Option<Regex>);

impl Include {
    fn new(pattern: &str) -> Result<Self, regex::Error> {
        Exclude::new(pattern).map(|Exclude(regex)| Self(regex))
    }

    fn includes(&self, name: &str) -> bool {
        self.0.as_ref().is_some_and(|regex| regex.is_match(name))
    }
}
