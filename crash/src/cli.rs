//! The harness's command line. Exit codes: 0 nothing was wrong, 1 something was, 2 what was asked for is not possible
//! on this machine.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result};
use clap::Parser;

use crate::arena::Ground;
use crate::{kill, points, power, sabotage};

const EXIT_NOT_POSSIBLE: u8 = 2;

/// Ends a gateway badly, again and again, and compares what it kept with what it had acknowledged.
#[derive(Debug, Parser)]
#[command(name = "weir-crash", version)]
pub struct Cli {
    /// The gateway's program; for fail points and sabotage built with its feature `failpoints`.
    #[arg(long, value_name = "FILE")]
    gateway: PathBuf,
    /// SIGKILLs under load.
    #[arg(long, default_value_t = 0, value_name = "N")]
    cycles: u64,
    /// Power losses under load; needs root and loop mounts.
    #[arg(long, default_value_t = 0, value_name = "N")]
    power_loss: u64,
    /// End at every step of the order of durability.
    #[arg(long)]
    fail_points: bool,
    /// Leave steps out, and demand that it shows.
    #[arg(long)]
    sabotage: bool,
    /// Only these fail points or sabotages; may be repeated.
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,
    /// Repeats the load of an earlier run.
    #[arg(long, value_name = "NUMBER")]
    seed: Option<u64>,
    /// Where data and logs go, and stay; without it a temporary directory, which stays when something was wrong.
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
}

/// Does what the command line says.
#[must_use]
pub fn run(cli: &Cli) -> ExitCode {
    match try_run(cli) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("weir-crash: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn try_run(cli: &Cli) -> Result<ExitCode> {
    let mut temporary = tempfile::Builder::new().prefix("weir-crash-").tempdir()?;
    let dir = cli
        .dir
        .clone()
        .unwrap_or_else(|| temporary.path().to_owned());
    std::fs::create_dir_all(&dir)?;
    let seed = cli.seed.map_or_else(from_the_clock, Ok)?;
    println!("seed {seed}, logs in {}", dir.display());
    let program = cli.gateway.canonicalize();
    let ground = Ground {
        program: program.with_context(|| format!("there is no {}", cli.gateway.display()))?,
        dir: dir.clone(),
        seed,
    };
    if (cli.power_loss > 0 || cli.sabotage)
        && let Some(why) = power::impossible(&dir)
    {
        println!("power loss is not possible here: {why}");
        return Ok(ExitCode::from(EXIT_NOT_POSSIBLE));
    }
    if parts(cli, &ground)? {
        return Ok(ExitCode::SUCCESS);
    }
    temporary.disable_cleanup(true);
    println!("data and logs stay in {}", dir.display());
    Ok(ExitCode::FAILURE)
}

/// Every part that was asked for, the later ones also when an earlier one has failed.
fn parts(cli: &Cli, ground: &Ground) -> Result<bool> {
    let mut green = true;
    if cli.cycles > 0 {
        green &= kill::run(ground, cli.cycles)?;
    }
    if cli.power_loss > 0 {
        green &= power::run(ground, cli.power_loss)?;
    }
    if cli.fail_points {
        green &= points::run(ground, &cli.only)?;
    }
    if cli.sabotage {
        green &= sabotage::run(ground, sabotage::CYCLES, &cli.only)?;
    }
    Ok(green)
}

fn from_the_clock() -> Result<u64> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH)?;
    Ok(since.as_nanos() as u64 % 1_000_000_000)
}
