//! weir-bench: a load generator, and the side-by-side of weir-gateway with its peers. Measures; asserts only that every
//! sample arrived.
#![cfg_attr(test, allow(clippy::unwrap_used, clippy::allow_attributes))]

mod cli;
mod fleet;
mod http;
mod machine;
mod report;
mod send;
mod server;
mod watch;
mod workload;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match cli::run(cli::Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("weir-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}
