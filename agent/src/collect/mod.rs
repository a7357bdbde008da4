//! The host's own figures, read from `/proc` and the kernel under node_exporter's names, labels and units.
//! One file a collector; one that cannot read says why and holds up no other. It labels nothing with the host and sends
//! nothing; it blocks, so it is called from a thread that may.

mod cpu;
mod diskstats;
mod figure;
mod filesystem;
mod loadavg;
mod meminfo;
mod netdev;
mod pressure;
mod processes;
mod root;
mod stat;
mod statfs;
mod time;
mod uname;
mod vmstat;

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use regex::Regex;

pub use figure::Figure;
use root::{CollectError, Root};

/// The names of all collectors.
pub const NAMES: [&str; 12] = [
    "cpu",
    "loadavg",
    "meminfo",
    "vmstat",
    "filesystem",
    "diskstats",
    "netdev",
    "stat",
    "processes",
    "pressure",
    "uname",
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
}

/// The enabled collectors and how each fared.
pub struct Collectors {
    root: Root,
    enabled: Vec<Enabled>,
}

struct Enabled {
    name: &'static str,
    collect: Collect,
    reason: Option<String>,
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
                    reason: None,
                });
            }
        }
        // Also those of disabled collectors, so that a bad one is found before it is switched on.
        for pattern in [
            &config.mount_exclude,
            &config.fs_type_exclude,
            &config.net_exclude,
            &config.disk_exclude,
        ] {
            Exclude::new(pattern)?;
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
            enabled.reason = done.err().map(|error| error.to_string());
        }
        figures
    }

    /// Each enabled collector, and why it gave nothing the last time.
    #[must_use]
    pub fn health(&self) -> Vec<(&'static str, Option<String>)> {
        let health = self
            .enabled
            .iter()
            .map(|enabled| (enabled.name, enabled.reason.clone()));
        health.collect()
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
        "stat" => Box::new(stat::collect),
        "processes" => Box::new(processes::collect),
        "pressure" => Box::new(pressure::collect),
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
