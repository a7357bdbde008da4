//! Owns the measuring: builds the gateway as it is packaged and weir-bench, and lets that run. What is measured, and how,
//! is weir-bench's.

use std::{
    fs,
    path::{Path, PathBuf, absolute},
    process::Command,
};

use anyhow::{Context, Result};

use crate::{
    args::BenchOptions,
    build::{self, Build},
    prerequisites, ui,
};

/// # Errors
/// When something cannot be built, a server fails, or samples are missing.
pub(crate) fn run(options: &BenchOptions) -> Result<()> {
    let workspace = build::workspace()?;
    let target_dir = build::target_dir(&workspace)?;
    let gateway = match &options.gateway {
        Some(program) => {
            absolute(program).with_context(|| format!("find {}", program.display()))?
        }
        None => built_gateway()?,
    };
    let work = target_dir.join("bench");
    fs::create_dir_all(&work).with_context(|| format!("create {}", work.display()))?;
    let results = match options.quick {
        true => work.join("QUICK.md"),
        false => workspace.join("bench/RESULTS.md"),
    };
    let mut bench = Command::new(built_bench(&workspace, &target_dir)?);
    bench.arg("run").args(&options.words);
    bench.arg("--gateway").arg(gateway);
    bench.arg("--work").arg(work);
    bench.arg("--results").arg(results);
    build::run(&mut bench, "weir-bench")
}

fn built_gateway() -> Result<PathBuf> {
    prerequisites::for_build()?;
    let build = Build::prepare()?;
    ui::build_if_stale(&build.workspace);
    let words = ["build", "--profile", "dist", "--package", "weir-gateway"];
    build::run(&mut build.cargo(&words), "cargo build")?;
    Ok(build.target_dir.join("dist/weir-gateway"))
}

/// Needs no RocksDB, so a gateway that is given needs none either.
fn built_bench(workspace: &Path, target_dir: &Path) -> Result<PathBuf> {
    let mut cargo = Command::new(build::cargo());
    cargo
        .current_dir(workspace)
        .env("CARGO_TARGET_DIR", target_dir);
    cargo.args(["build", "--release", "--package", "weir-bench"]);
    build::run(&mut cargo, "cargo build")?;
    Ok(target_dir.join("release/weir-bench"))
}
