//! The workloads: which servers each is for, in which order they run, where their results go. Owns what they share: sizes,
//! time stamps, the count of what arrived.

mod figures;
mod latency;
mod load;
mod never_seen;
mod restart;
mod statsd;
mod ten_million;

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use crate::cli::Run;
use crate::fleet::names::METRICS;
use crate::machine;
use crate::report::{self, Section};
use crate::send::live::now_s;
use crate::server::{self, Dialect, House, Packages, Running, Server, Span};
pub(crate) use figures::quantile;

/// The gateway's window: what is sent at once lies in one of them.
const WINDOW_S: u64 = 1_800;
const STEP_S: u64 = 10;

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Name {
    /// 100,000 series, 60 rounds of text, and queries over them
    Text100k,
    /// A million series, 12 rounds of text
    Text1m,
    /// A million series, 12 rounds of frames
    Frames1m,
    /// A million series, 60 rounds of frames
    #[value(name = "frames10min")]
    Frames10min,
    /// 100,000 series, 60 rounds of remote write
    #[value(name = "remote-write100k")]
    RemoteWrite100k,
    /// A million series, 12 rounds of remote write
    #[value(name = "remote-write1m")]
    RemoteWrite1m,
    /// 100,000 series, 60 rounds of Influx lines over HTTP
    Influx100k,
    /// A million series that were never seen
    NeverSeen,
    /// StatsD over UDP, one metric a packet and packed
    Statsd,
    /// Start after kill -9 with 1 GB of journal
    Restart,
    /// Ten million series, a million samples a second for ten minutes
    TenMillion,
}

impl Name {
    const ALL: [Self; 11] = [
        Self::Text100k,
        Self::Text1m,
        Self::Frames1m,
        Self::Frames10min,
        Self::RemoteWrite100k,
        Self::RemoteWrite1m,
        Self::Influx100k,
        Self::NeverSeen,
        Self::Statsd,
        Self::Restart,
        Self::TenMillion,
    ];

    fn key(self) -> String {
        self.to_possible_value()
            .map_or_else(String::new, |value| value.get_name().to_owned())
    }

    fn run(self, bench: &Bench<'_>) -> Result<Section> {
        match self {
            Self::Text100k => load::text_100k(bench),
            Self::Text1m => load::text_1m(bench),
            Self::Frames1m => load::frames_1m(bench),
            Self::Frames10min => load::frames_10min(bench),
            Self::RemoteWrite100k => load::remote_write_100k(bench),
            Self::RemoteWrite1m => load::remote_write_1m(bench),
            Self::Influx100k => load::influx_100k(bench),
            Self::NeverSeen => never_seen::run(bench),
            Self::Statsd => statsd::run(bench),
            Self::Restart => restart::run(bench),
            Self::TenMillion => ten_million::run(bench),
        }
    }
}

/// What every workload needs.
pub(crate) struct Bench<'a> {
    options: &'a Run,
    packages: Option<Packages>,
    /// Data directories of this run.
    folder: PathBuf,
}

/// Runs what is asked for and writes the page after each workload.
///
/// # Errors
/// When a server failed or samples are missing; the page is written all the same.
pub(crate) fn run(options: &Run) -> Result<()> {
    let folder = options.work.join("run");
    // Of a run that was killed.
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
    let packages = match options.no_peers {
        true => None,
        false => Some(Packages::prepare(&options.work.join("peers"))?),
    };
    let bench = Bench {
        options,
        packages,
        folder,
    };
    let (commit, mut failures) = (commit(options), Vec::new());
    for name in bench.wanted() {
        eprintln!("== {}", name.key());
        let mut section = name
            .run(&bench)
            .unwrap_or_else(|error| failed(name, &error));
        section.date = machine::date();
        section.commit.clone_from(&commit);
        section.machine = machine::description();
        failures.extend(section.failures.clone());
        bench.keep(name, section)?;
    }
    if !options.keep {
        fs::remove_dir_all(&bench.folder)?;
    }
    eprintln!("written: {}", options.results.display());
    match failures.is_empty() {
        true => Ok(()),
        false => bail!("{}", failures.join("; ")),
    }
}

/// A workload that could not be measured at all; the others still are.
fn failed(name: Name, error: &anyhow::Error) -> Section {
    Section {
        title: name.key(),
        failures: vec![format!("{}: {error:#}", name.key())],
        ..Section::default()
    }
}

/// Of the clone that the page lies in. Asked before the page is written, which would count as a change.
fn commit(options: &Run) -> String {
    let folder = options
        .results
        .parent()
        .map(|folder| folder.to_string_lossy());
    let folder = folder.unwrap_or_default();
    let said = machine::said("git", &["-C", &folder, "describe", "--always", "--dirty"]);
    said.unwrap_or_else(|| "unknown".to_owned())
}

impl Bench<'_> {
    fn wanted(&self) -> Vec<Name> {
        let options = self.options;
        let by_default = |name| name != Name::TenMillion || options.ten_million;
        let wanted = |name: &Name| match options.only.is_empty() {
            true => by_default(*name),
            false => options.only.contains(name),
        };
        Name::ALL.into_iter().filter(wanted).collect()
    }

    fn keep(&self, name: Name, section: Section) -> Result<()> {
        let order: Vec<String> = Name::ALL.map(Name::key).into();
        let order: Vec<&str> = order.iter().map(String::as_str).collect();
        let kept = match self.options.quick {
            true => "quick.json",
            false => "results.json",
        };
        let sections = [(name.key(), section)];
        let (kept, page) = (self.options.work.join(kept), &self.options.results);
        report::write(&kept, page, &sections, &order, self.options.quick)
    }

    fn weir(&self, more: &[&str]) -> Result<Box<dyn Server>> {
        server::weir(&self.options.gateway, more)
    }

    /// Weir first, then those of the named peers that are wanted.
    fn servers(&self, peers: &[&str]) -> Result<Vec<Box<dyn Server>>> {
        let mut servers = vec![self.weir(&[])?];
        for peer in peers {
            if let Some(packages) = &self.packages {
                servers.push(server::peer(peer, packages)?);
            }
        }
        Ok(servers)
    }

    /// A fresh house for a server.
    fn house(&self, server: &dyn Server) -> Result<House> {
        let folder = self.folder.join(server.name());
        let _ = fs::remove_dir_all(&folder);
        House::new(folder)
    }

    fn leave(&self, house: &House) {
        if !self.options.keep {
            // The next run sweeps what stays.
            let _ = fs::remove_dir_all(&house.folder);
        }
    }

    /// The size for a real run or for a quick one.
    fn size<T>(&self, real: T, quick: T) -> T {
        if self.options.quick { quick } else { real }
    }

    fn patience(&self) -> Duration {
        self.size(Duration::from_secs(60), Duration::from_secs(8))
    }
}

/// The time of the last of so many rounds, such that all lie within one window and none far in the future.
fn end_s(rounds: u64) -> u64 {
    let now_s = now_s() / STEP_S * STEP_S;
    now_s.max(now_s / WINDOW_S * WINDOW_S + (rounds - 1) * STEP_S)
}

/// Counts the fleet's samples by query, metric by metric, so that no limit is near.
fn arrived(running: &Running, dialect: Dialect, span: Span) -> Result<u64> {
    let mut client = running.client()?;
    (0..METRICS)
        .map(|metric| dialect.count(&mut client, metric, span))
        .sum()
}
