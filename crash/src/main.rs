//! weir-crash: parses the command line and does what it says.

use std::process::ExitCode;

use clap::Parser;
use weir_crash::cli::{Cli, run};

fn main() -> ExitCode {
    run(&Cli::parse())
}
