//! The commands: `fleet` sends a load and prints one line of JSON, `run` does the whole side-by-side.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Result, ensure};
use clap::{Args, Parser, Subcommand};
use serde_json::json;

use crate::fleet::{Protocol, Shape};
use crate::send::{Prepared, Sent, Target, live};
use crate::workload;

/// Sends metrics, and measures who takes them.
#[derive(Debug, Parser)]
#[command(name = "weir-bench", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Send a fleet's metrics to a server that runs already
    Fleet(Fleet),
    /// Measure weir-gateway beside its peers and write the tables
    Run(Run),
}

#[derive(Debug, Args)]
struct Fleet {
    #[command(flatten)]
    shape: Shape,
    /// How samples are spelled
    #[arg(long, value_enum, default_value = "graphite")]
    protocol: Protocol,
    /// Where the server listens
    #[arg(long, default_value = "127.0.0.1:2003")]
    to: SocketAddr,
    /// HTTP's path
    #[arg(long, default_value = "/write?db=bench&precision=s")]
    path: String,
    /// Samples a second over all connections; 0 is as fast as they are taken
    #[arg(long, default_value_t = 0.0)]
    rate: f64,
    /// Frames that may wait for their acknowledgement
    #[arg(long, default_value_t = 32)]
    window: u64,
    /// With frames: introduce every series first, then send each round as its time comes, built while sending
    #[arg(long)]
    live: bool,
}

/// What the side-by-side does.
#[derive(Debug, Clone, Args)]
pub(crate) struct Run {
    /// The gateway to measure
    #[arg(long)]
    pub(crate) gateway: PathBuf,
    /// Packages, data directories and logs go below this folder
    #[arg(long)]
    pub(crate) work: PathBuf,
    /// Where the tables are written
    #[arg(long)]
    pub(crate) results: PathBuf,
    /// Only these workloads; may be repeated
    #[arg(long, value_enum)]
    pub(crate) only: Vec<workload::Name>,
    /// Small loads that say whether everything works, not how fast
    #[arg(long)]
    pub(crate) quick: bool,
    /// Only weir-gateway
    #[arg(long)]
    pub(crate) no_peers: bool,
    /// Also ten million series at a million samples a second, for ten minutes
    #[arg(long)]
    pub(crate) ten_million: bool,
    /// Leave the data directories and logs
    #[arg(long)]
    pub(crate) keep: bool,
}

/// # Errors
/// When a server fails, or samples are missing.
pub(crate) fn run(cli: Cli) -> Result<()> {
    match cli.command {
        Command::Fleet(fleet) => fleet.send(),
        Command::Run(run) => workload::run(&run),
    }
}

impl Fleet {
    fn send(mut self) -> Result<()> {
        if self.shape.end_s == 0 {
            self.shape.end_s = live::now_s() / self.shape.step_s * self.shape.step_s;
        }
        let target = Target {
            protocol: self.protocol,
            address: self.to,
            path: self.path,
            rate: self.rate,
            window: self.window,
        };
        if self.live {
            ensure!(self.protocol == Protocol::Frames, "--live is for frames");
            let lived = live::run(&self.shape, &target, &|| {})?;
            println!("{}", summary(&lived.introduction, self.shape.end_s));
            println!("{}", summary(&lived.steady, lived.last_s));
            return Ok(());
        }
        let prepared = Prepared::build(&self.shape, self.protocol)?;
        println!("{}", summary(&prepared.send(&target)?, self.shape.end_s));
        Ok(())
    }
}

fn summary(sent: &Sent, end_s: u64) -> serde_json::Value {
    json!({
        "samples": sent.samples,
        "accepted": sent.accepted,
        "bytes": sent.bytes,
        "wall_s": sent.wall_s,
        "samples_per_s": (sent.accepted as f64 / sent.wall_s).round(),
        "behind_s": sent.behind_s,
        "ack_p99_ms": workload::quantile(&sent.ack_ms, 0.99),
        "end_s": end_s,
        "complaints": sent.complaints,
    })
}
