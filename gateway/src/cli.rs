//! The commands of weir-gateway. Exit codes: 0 done, 1 failed, 64 the configuration or a rule is wrong.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::sync::Arc;

use clap::{Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};
use weir_store::Clock;

use crate::access::{self, Access, TokenCommand};
use crate::aggregation::{self, AggregateCommand};
use crate::app::{Addresses, Gateway};
use crate::asking;
use crate::config::{Config, DEFAULTS};
use crate::keeping::{self, StoreCommand};
use crate::mapping::{self, MapCommand, MappingFile};

const EXIT_FAILED: u8 = 1;
const EXIT_CONFIG: u8 = 64;

/// Takes in metrics, keeps them, draws them and alerts on them.
#[derive(Debug, Parser)]
#[command(name = "weir-gateway", version)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    /// Configuration file (TOML); without it the defaults hold.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// One key over the file's, as section.key=value; may be repeated.
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// What is logged: error, warn, info, debug, trace, or module=level,...
    #[arg(
        long,
        global = true,
        env = "WEIR_LOG",
        default_value = "info",
        value_name = "LEVEL"
    )]
    log_level: String,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the gateway (also without a word).
    Run,
    /// Print every key with its default and what it means.
    Config,
    /// Validate the configuration and the rule files, and exit.
    Check,
    /// Tell what the mapping rules make of a path or a Graphite line; exit code 1 when any is dropped or invalid.
    Map(MapCommand),
    /// Run Graphite lines of standard input through aggregation rules; the newest time so far is the clock.
    Aggregate(AggregateCommand),
    /// Make, list and revoke tokens; a running gateway knows within seconds.
    Token(TokenCommand),
    /// Check, back up, restore or change a data directory that no gateway uses.
    #[command(subcommand)]
    Store(StoreCommand),
}

/// Why the program ends, and with which exit code.
#[derive(Debug)]
pub struct Failure {
    pub code: u8,
    pub error: anyhow::Error,
}

/// Does what the command line says; returns when that is done.
///
/// # Errors
/// With the exit code that fits.
pub fn run(cli: Cli) -> Result<(), Failure> {
    match &cli.command {
        Some(Command::Store(command)) => {
            start_log(&cli.log_level)?;
            let (text, well) = keeping::run(command, &wall_clock()).map_err(failed)?;
            print(&text)?;
            if well {
                Ok(())
            } else {
                Err(failed(anyhow::anyhow!("the store is not as it should be")))
            }
        }
        Some(Command::Map(command)) => map(&cli, command),
        Some(Command::Aggregate(command)) => {
            let (mut input, mut out) = (std::io::stdin().lock(), std::io::stdout().lock());
            aggregation::run(command, &mut input, &mut out).map_err(misconfigured)
        }
        Some(Command::Token(command)) => {
            let file = match &command.file {
                Some(file) => file.clone(),
                None => load(&cli)?.access.tokens().to_owned(),
            };
            let now_ms = wall_clock()();
            print(&access::run_command(command, &file, now_ms).map_err(failed)?)
        }
        Some(Command::Config) => print(DEFAULTS),
        Some(Command::Check) => check(&cli),
        Some(Command::Run) | None => serve(&cli),
    }
}

fn print(text: &str) -> Result<(), Failure> {
    std::io::stdout()
        .write_all(text.as_bytes())
        .map_err(|error| failed(error.into()))
}

fn load(cli: &Cli) -> Result<Config, Failure> {
    Config::load(cli.config.as_deref(), std::env::vars(), &cli.set)
        .map_err(|error| misconfigured(error.into()))
}

fn check(cli: &Cli) -> Result<(), Failure> {
    let config = load(cli)?;
    config
        .alerting
        .check(&wall_clock())
        .map_err(|error| misconfigured(error.into()))?;
    let rules = weir_alerting::load_rules(&config.alerting.rules, &asking::check());
    aggregation::load(&config.aggregation, &Default::default(), 0)
        .map_err(|error| misconfigured(error.into()))?;
    Access::check_files(&config.access).map_err(misconfigured)?;
    if let Some(file) = &config.graphite_mappings {
        MappingFile::load(file).map_err(|error| misconfigured(error.into()))?;
    }
    let (groups, rules) = rules.map_err(|error| misconfigured(error.into()))?.counts();
    print(&format!(
        "ok: the configuration and {rules} rules in {groups} groups\n"
    ))
}

fn map(cli: &Cli, command: &MapCommand) -> Result<(), Failure> {
    let file = match &command.mappings {
        Some(file) => Some(file.clone()),
        None => load(cli)?.graphite_mappings,
    };
    let (mut input, mut out) = (std::io::stdin().lock(), std::io::stdout().lock());
    let refused = mapping::run(command, file.as_deref(), &mut input, &mut out);
    match refused.map_err(misconfigured)? {
        0 => Ok(()),
        count => Err(failed(anyhow::anyhow!("dropped or invalid: {count}"))),
    }
}

fn serve(cli: &Cli) -> Result<(), Failure> {
    let config = load(cli)?;
    start_log(&cli.log_level)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    runtime
        .map_err(|error| failed(error.into()))?
        .block_on(until_told(config))
}

async fn until_told(config: Config) -> Result<(), Failure> {
    // Before anybody is told that it is ready: whoever stops it at once must find it listening.
    let mut signals = Signals::new().map_err(|error| failed(error.into()))?;
    let mut gateway = Gateway::listen(config, wall_clock())
        .await
        .map_err(failed)?;
    announce(&gateway.addresses);
    let outcome = run_until_told(&mut gateway, &mut signals).await;
    tracing::info!("stopping");
    gateway.stop().await;
    outcome.map_err(failed)
}

async fn run_until_told(gateway: &mut Gateway, signals: &mut Signals) -> anyhow::Result<()> {
    let mut reading = std::pin::pin!(gateway.read_back());
    let recovery = loop {
        tokio::select! {
            read_back = &mut reading => break read_back?,
            is_reload = signals.next_is_reload() => match is_reload {
                true => reload(gateway).await,
                false => return Ok(()),
            },
        }
    };
    gateway.serve(recovery).await?;
    // Who started it may have stopped listening after the addresses.
    let _ = writeln!(std::io::stdout(), "ready");
    while signals.next_is_reload().await {
        reload(gateway).await;
    }
    Ok(())
}

async fn reload(gateway: &Gateway) {
    match gateway.reload().await {
        Ok(()) => tracing::info!("rules were read again"),
        Err(error) => tracing::error!("the rules stay as they were: {error:#}"),
    }
}

/// From now on everything that comes in is taken.
fn announce(addresses: &Addresses) {
    println!("page http://{}/", addresses.http);
    println!("frames {}", addresses.frames);
    if let Some((tcp, udp)) = addresses.graphite {
        println!("graphite tcp {tcp} udp {udp}");
    }
    if let Some(address) = addresses.pickle {
        println!("pickle {address}");
    }
    if let Some((tcp, udp)) = addresses.statsd {
        println!("statsd tcp {tcp} udp {udp}");
    }
    if let Some(address) = addresses.opentsdb {
        println!("opentsdb {address}");
    }
    if let Some(address) = addresses.influx_udp {
        println!("influx {address}");
    }
}

struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    hangup: tokio::signal::unix::Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// True for SIGHUP; false for SIGTERM and SIGINT.
    async fn next_is_reload(&mut self) -> bool {
        tokio::select! {
            _ = self.terminate.recv() => false,
            _ = self.interrupt.recv() => false,
            _ = self.hangup.recv() => true,
        }
    }
}

fn start_log(level: &str) -> Result<(), Failure> {
    let filter = tracing_subscriber::EnvFilter::try_new(level).map_err(|error| {
        misconfigured(anyhow::anyhow!(
            "--log-level {level:?}: {error}; say info or debug"
        ))
    })?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
    Ok(())
}

/// The only place where the gateway reads the wall clock.
fn wall_clock() -> Clock {
    Arc::new(|| {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        since.map_or(0, |since| since.as_millis() as i64)
    })
}

fn failed(error: anyhow::Error) -> Failure {
    Failure {
        code: EXIT_FAILED,
        error,
    }
}

fn misconfigured(error: anyhow::Error) -> Failure {
    Failure {
        code: EXIT_CONFIG,
        error,
    }
}
