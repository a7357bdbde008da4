//! Owns the crash harness' way onto a machine: builds the gateway as each part needs it, then runs `weir-crash`.
//! What is done to the gateway, and what must be true afterwards, is in the folder crash.

use std::{
    path::PathBuf,
    process::{self, Command},
};

use anyhow::{Context, Result, bail};

use crate::{
    build::{self, Build},
    prerequisites,
};

/// SIGKILLs when nothing else is asked for.
const CYCLES: &str = "100";
/// The harness' word for "not on this machine"; passed on as it is.
const NOT_POSSIBLE: i32 = 2;

/// What is asked for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct CrashOptions {
    /// For the harness, on the gateway as it is shipped: kills and power losses.
    plain: Vec<String>,
    /// For the harness, on a gateway with fail points.
    failpoints: Vec<String>,
    /// For both.
    common: Vec<String>,
    /// Cargo's release profile.
    release: bool,
}

/// # Errors
/// Names the word that is not understood.
pub(crate) fn read(mut words: impl Iterator<Item = String>) -> Result<CrashOptions> {
    let mut options = CrashOptions::default();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--cycles" | "--power-loss" => {
                let count = number(&word, words.next())?;
                options.plain.extend([word, count]);
            }
            "--fail-points" | "--sabotage" => options.failpoints.push(word),
            "--seed" => {
                let seed = number(&word, words.next())?;
                options.common.extend([word, seed]);
            }
            "--only" | "--dir" => {
                let value = words.next();
                let value = value.with_context(|| format!("{word} needs a word after it"))?;
                options.common.extend([word, value]);
            }
            "--release" => options.release = true,
            other => bail!("crash does not know {other:?}: see cargo xtask help"),
        }
    }
    if options.plain.is_empty() && options.failpoints.is_empty() {
        options.plain = vec!["--cycles".to_owned(), CYCLES.to_owned()];
    }
    Ok(options)
}

/// # Errors
/// When something was lost, doubled or invented, or a sabotage went unnoticed. Ends the program with 2 where what was
/// asked for is not possible on this machine.
pub(crate) fn run(options: &CrashOptions) -> Result<()> {
    prerequisites::for_build()?;
    let build = Build::prepare()?;
    let harness = compile(&build, options, "weir-crash", &[])?;
    let mut failed = Vec::new();
    for (part, words, features) in [
        ("kills and power losses", &options.plain, &[][..]),
        (
            "fail points and sabotage",
            &options.failpoints,
            &["--features", "failpoints"][..],
        ),
    ] {
        if words.is_empty() {
            continue;
        }
        let gateway = compile(&build, options, "weir-gateway", features)?;
        let mut command = Command::new(&harness);
        command.arg("--gateway").arg(gateway);
        command.args(words).args(&options.common);
        let status = command.status().context("start weir-crash")?;
        match status.code() {
            Some(0) => {}
            Some(NOT_POSSIBLE) => process::exit(NOT_POSSIBLE),
            _ => failed.push(part),
        }
    }
    if !failed.is_empty() {
        bail!("failed: {}", failed.join(", "));
    }
    Ok(())
}

/// Builds a program of the package of its name; where it lies.
fn compile(
    build: &Build,
    options: &CrashOptions,
    package: &str,
    features: &[&str],
) -> Result<PathBuf> {
    let profile = if options.release { "release" } else { "debug" };
    let mut cargo = build.cargo(&["build", "--package", package, "--bin", package]);
    cargo.args(features);
    if options.release {
        cargo.arg("--release");
    }
    build::run(&mut cargo, &format!("cargo build of {package}"))?;
    Ok(build.target_dir.join(profile).join(package))
}

fn number(word: &str, value: Option<String>) -> Result<String> {
    let value = value.with_context(|| format!("{word} needs a number"))?;
    let _: u64 = value
        .parse()
        .with_context(|| format!("{word} needs a number, not {value:?}"))?;
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_line(line: &str) -> Result<CrashOptions> {
        read(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn without_a_word_there_are_a_hundred_kills() {
        let options = read_line("").expect("is understood");
        assert_eq!(options.plain, ["--cycles", "100"]);
        assert!(options.failpoints.is_empty());
    }

    #[test]
    fn each_part_goes_to_the_gateway_it_needs() {
        let options = read_line("--sabotage --power-loss 7 --seed 3").expect("is understood");
        assert_eq!(options.plain, ["--power-loss", "7"]);
        assert_eq!(options.failpoints, ["--sabotage"]);
        assert_eq!(options.common, ["--seed", "3"]);
    }

    #[test]
    fn what_is_not_understood_is_named() {
        for (line, named) in [
            ("--cycles", "--cycles"),
            ("--cycles many", "\"many\""),
            ("--kill", "\"--kill\""),
        ] {
            let error = read_line(line).expect_err(line);
            assert!(format!("{error:#}").contains(named), "{line}: {error:#}");
        }
    }
}
