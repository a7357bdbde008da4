//! Owns the two checks that come before any test: format and clippy.

use std::process::Command;

use anyhow::Result;

use crate::{
    build::{self, Build},
    prerequisites,
};

/// # Errors
/// When a file is not formatted, or clippy has something to say.
pub(crate) fn run() -> Result<()> {
    let workspace = build::workspace()?;
    let mut fmt = Command::new(build::cargo());
    build::run(
        fmt.current_dir(workspace).args(["fmt", "--all", "--check"]),
        "cargo fmt --check",
    )?;
    prerequisites::for_build()?;
    let mut clippy = Build::prepare()?.cargo(&[
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ]);
    build::run(&mut clippy, "cargo clippy")
}
