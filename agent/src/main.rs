//! weir-agent: parses the command line and does what it says.

use std::process::ExitCode;

use clap::Parser;
use weir_agent::cli::{Cli, run};

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            eprintln!("weir-agent: {:#}", failure.error);
            ExitCode::from(failure.code)
        }
    }
}
