//! The table of contents of the two commands, `cargo xtask up` and `cargo xtask test`, and of those behind them.
//! Owns no step itself; what it runs never needs more than a clone, Rust and a package manager.

mod args;
mod bench;
mod build;
mod closing;
mod crash;
mod fuzz;
mod health;
mod lint;
mod prerequisites;
mod program;
mod progress;
mod rocksdb;
mod signals;
mod test;
mod ui;
mod up;

use std::process::ExitCode;

use anyhow::Result;

use args::Task;
use build::Build;

fn main() -> ExitCode {
    match args::read(std::env::args().skip(1)).and_then(run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<()> {
    match task {
        Task::Up(options) => up::run(&options),
        Task::Test(filter) => test::run(&filter),
        Task::Bench(options) => bench::run(&options),
        Task::Setup => test::set_up().map(drop),
        Task::Lint => lint::run(),
        Task::Crash(options) => crash::run(&options),
        Task::Fuzz(options) => fuzz::run(&options),
        Task::Env => {
            prerequisites::for_build()?;
            print!("{}", Build::prepare()?.exports());
            Ok(())
        }
        Task::Help => {
            print!("{}", args::HELP);
            Ok(())
        }
    }
}
