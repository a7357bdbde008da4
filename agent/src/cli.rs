//! The commands of weir-agent. Exit codes: 0 done, 1 failed, 64 the configuration is wrong.

use std::io::{IsTerminal, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use clap::{Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};

use crate::app::{Agent, Clock};
use crate::collect::Collectors;
use crate::config::{Config, DEFAULTS};

const EXIT_FAILED: u8 = 1;
const EXIT_CONFIG: u8 = 64;
const STATUS_TIMEOUT: Duration = Duration::from_secs(5);

/// Collects this host's figures and its apps' StatsD, and pushes them to a gateway.
#[derive(Debug, Parser)]
#[command(name = "weir-agent", version)]
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
    /// Run the agent (also without a word).
    Run,
    /// Print every key with its default and what it means.
    Config,
    /// Validate the configuration, say what each collector finds on this host, and exit.
    Check,
    /// Ask the agent that runs here how it is.
    Status,
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
    match cli.command {
        Some(Command::Config) => print(DEFAULTS),
        Some(Command::Check) => {
            let mut collectors = Collectors::new(load(&cli)?.collect)
                .map_err(|error| misconfigured(error.into()))?;
            print(&format!("ok: the configuration\n{}", collectors.report()))
        }
        Some(Command::Status) => print(&ask_status(&load(&cli)?).map_err(failed)?),
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

fn serve(cli: &Cli) -> Result<(), Failure> {
    let config = load(cli)?;
    start_log(&cli.log_level)?;
    // One thread: the agent is a guest on its host.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| failed(error.into()))?;
    runtime.block_on(until_told(config)).map_err(failed)?;
    // A collector that hangs in the kernel must not hold up the exit.
    runtime.shutdown_background();
    Ok(())
}

async fn until_told(config: Config) -> anyhow::Result<()> {
    let boot = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(1, |since| since.as_nanos() as u64);
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let agent = Agent::start(config, wall_clock(), boot).await?;
    if let Some(address) = agent.statsd {
        println!("statsd udp {address}");
    }
    if let Some(address) = agent.status {
        println!("status http://{address}/");
    }
    println!("ready");
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping");
    agent.stop().await;
    Ok(())
}

fn ask_status(config: &Config) -> anyhow::Result<String> {
    let address = config
        .status
        .context("status.listen is off in this configuration")?;
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect_timeout(&address, STATUS_TIMEOUT)?;
        stream.set_read_timeout(Some(STATUS_TIMEOUT))?;
        write!(stream, "GET /status HTTP/1.0\r\nHost: {address}\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    let answer =
        ask().with_context(|| format!("no agent answers on {address} (key status.listen)"))?;
    let (_, body) = answer
        .split_once("\r\n\r\n")
        .context("the agent's answer is no HTTP")?;
    let value: serde_json::Value = serde_json::from_str(body)?;
    Ok(format!("{value:#}\n"))
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

/// The only place where the agent reads the wall clock.
fn wall_clock() -> Clock {
    Arc::new(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
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
