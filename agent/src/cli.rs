//! The commands of weir-agent. Exit codes: 0 done, 1 failed, 2 usage, 64 the configuration is wrong; `push` and `exec` have
//! more of their own.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use clap::{Parser, Subcommand};
use weir_config::ConfigError;

use crate::app::Clock;
use crate::asked;
use crate::collect::Collectors;
use crate::config::{Config, DEFAULTS};
use crate::exec::{self, ExecArgs};
use crate::life;
use crate::push::{self, PushArgs};
use crate::shown;

const EXIT_FAILED: u8 = 1;
const EXIT_CONFIG: u8 = 64;

/// Collects this host's figures and its apps' StatsD, and pushes them to a gateway.
#[derive(Debug, Parser)]
#[command(name = "weir-agent", version)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    /// Configuration file (TOML), with the drop-ins beside it: FILE.conf.d/*.toml for FILE.toml. Without it the defaults hold.
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
    /// Print every key with the value that holds and where that was said.
    Config {
        /// Print the defaults instead, each with what it means: a file to begin with.
        #[arg(long)]
        defaults: bool,
    },
    /// Validate the configuration, say what each collector finds on this host, and exit.
    Check,
    /// Ask the agent that runs here how it is: gateway, queue, rates, collectors, what went wrong last.
    Status {
        /// Print what the agent says as JSON instead.
        #[arg(long)]
        json: bool,
        /// The time that rates are of, as 1s or 10s.
        #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = crate::push::duration)]
        over: Duration,
    },
    /// Push a job's metrics to the agent of this host, or else to a gateway.
    #[command(after_help = PUSH_HELP)]
    Push(PushArgs),
    /// Run a command and report how it went: exit code, duration, CPU, memory.
    #[command(after_help = EXEC_HELP)]
    Exec(ExecArgs),
}

const PUSH_HELP: &str = "\
Examples:
  weir-agent push --job backup duration_seconds=42 bytes_total=1e9
  weir-agent push --job backup --label disk=sda < metrics.prom

Exit codes:
  0   the metrics are safe with the agent or with a gateway
  1   refused: what is wrong is said
  2   the command line is wrong, or there is nothing to push
  3   nobody took them within --timeout
  64  the configuration is wrong";

const EXEC_HELP: &str = "\
Example:
  weir-agent exec --job nightly -- ./backup.sh --full

Input, output and signals are the command's. The exit code is the command's, 128 and the signal's number where one ended it, 127 or
126 where it could not be run, whatever becomes of the report; that it is safe nowhere is said on standard error. Reported are
weir_job_exit_code, _duration_seconds, _cpu_user_seconds, _cpu_system_seconds, _max_rss_bytes, _start_timestamp_seconds,
_end_timestamp_seconds and, when it ended with 0, _last_success_timestamp_seconds.";

/// Why the program ends, and with which exit code.
#[derive(Debug)]
pub struct Failure {
    pub code: u8,
    pub error: anyhow::Error,
}

/// Does what the command line says; returns when that is done, with the exit code.
///
/// # Errors
/// With the exit code that fits.
pub fn run(mut cli: Cli) -> Result<u8, Failure> {
    let done = match cli.command.take() {
        Some(Command::Config { defaults: true }) => print(DEFAULTS),
        Some(Command::Config { defaults: false }) => {
            let loaded =
                Config::load_with_places(cli.config.as_deref(), std::env::vars(), &cli.set);
            let (_, places) = loaded.map_err(|error| misconfigured(error.into()))?;
            print(&shown::page(&places.effective()))
        }
        Some(Command::Check) => {
            let mut collectors = Collectors::new(load(&cli)?.collect)
                .map_err(|error| misconfigured(error.into()))?;
            print(&format!("ok: the configuration\n{}", collectors.report()))
        }
        Some(Command::Status { json, over }) => {
            let address = load(&cli)?
                .status
                .context("status.listen is off in this configuration");
            let address = address.map_err(misconfigured)?;
            let now_ms = wall_clock()();
            let asked = block_on(asked::status(address, over, json, now_ms))?;
            print(&asked.map_err(failed)?)
        }
        Some(Command::Push(args)) => {
            let config = load(&cli)?;
            block_on(push::push(args, &config))?
        }
        Some(Command::Exec(args)) => {
            let config = read(&cli);
            let code = block_on(exec::exec(args, config, wall_clock()))?;
            return code.map_err(|error| failed(error.into()));
        }
        Some(Command::Run) | None => serve(&cli),
    };
    done.map(|()| 0)
}

/// On one thread: the agent is a guest on its host. What hangs in the kernel does not hold up the exit.
fn block_on<F: Future>(work: F) -> Result<F::Output, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| failed(error.into()))?;
    let done = runtime.block_on(work);
    runtime.shutdown_background();
    Ok(done)
}

fn print(text: &str) -> Result<(), Failure> {
    std::io::stdout()
        .write_all(text.as_bytes())
        .map_err(|error| failed(error.into()))
}

fn load(cli: &Cli) -> Result<Config, Failure> {
    read(cli).map_err(|error| misconfigured(error.into()))
}

fn read(cli: &Cli) -> Result<Config, ConfigError> {
    Config::load(cli.config.as_deref(), std::env::vars(), &cli.set)
}

fn serve(cli: &Cli) -> Result<(), Failure> {
    let config = load(cli)?;
    start_log(&cli.log_level)?;
    let clock = wall_clock();
    // Nobody starts twice within a nanosecond.
    let boot = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(1, |since| since.as_nanos() as u64);
    block_on(life::live(config, clock, boot, || read(cli)))?.map_err(failed)
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

/// With an exit code of a command's own.
pub(crate) fn failure(code: u8, error: anyhow::Error) -> Failure {
    Failure { code, error }
}

fn failed(error: anyhow::Error) -> Failure {
    failure(EXIT_FAILED, error)
}

fn misconfigured(error: anyhow::Error) -> Failure {
    failure(EXIT_CONFIG, error)
}
