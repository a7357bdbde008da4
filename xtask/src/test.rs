//! Owns the second command: everything the tests need, then every test there is, then each runner's own closing lines.
//! A failure does not keep the later runners from running; the exit code counts them all.

use std::{io::IsTerminal, process::Command};

use anyhow::{Result, bail};

use crate::{
    build::Build,
    closing::{self, Closing, Runner},
    prerequisites, ui,
};

/// # Errors
/// When the set-up is impossible or a test fails.
pub(crate) fn run(filter: &[String]) -> Result<()> {
    let build = set_up()?;
    let mut closings = vec![rust_tests(&build, filter)?];
    if filter.is_empty() {
        let mut docs = coloured(build.cargo(&["test", "--workspace", "--doc"]));
        closings.push(closing::run("documentation", Runner::Cargo, &mut docs)?);
        if let Some(mut page) = ui::test_command(&build.workspace) {
            closings.push(closing::run("page", Runner::Npm, &mut page)?);
        }
    }
    report(&closings)
}

/// Installs, builds RocksDB and the page.
///
/// # Errors
/// When something is missing that cannot be installed.
pub(crate) fn set_up() -> Result<Build> {
    prerequisites::for_tests()?;
    let build = Build::prepare()?;
    ui::build_if_stale(&build.workspace);
    Ok(build)
}

fn rust_tests(build: &Build, filter: &[String]) -> Result<Closing> {
    if prerequisites::answers("cargo-nextest", "--version") {
        let mut nextest = build.cargo(&["nextest", "run", "--workspace"]);
        closing::run("tests", Runner::Nextest, prepared(&mut nextest, filter))
    } else {
        // Later binaries run even when an earlier one has a failure.
        let mut cargo = build.cargo(&[
            "test",
            "--workspace",
            "--no-fail-fast",
            "--lib",
            "--bins",
            "--tests",
        ]);
        closing::run("tests", Runner::Cargo, prepared(&mut cargo, filter))
    }
}

/// A run of the whole workspace builds every program first, so the whole-house tests need not build the agent again,
/// which alone has other features and would compile its dependencies anew.
fn prepared<'a>(command: &'a mut Command, filter: &[String]) -> &'a mut Command {
    if filter.is_empty() {
        command.env("HOUSE_AGENT_IS_BUILT", "1");
    }
    if std::io::stderr().is_terminal() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    command.args(filter)
}

/// Its output goes through a pipe, so it cannot see the terminal itself.
fn coloured(mut command: Command) -> Command {
    if std::io::stderr().is_terminal() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    command
}

fn report(closings: &[Closing]) -> Result<()> {
    println!();
    for closing in closings {
        println!(
            "== {}: {}",
            closing.what,
            if closing.passed { "passed" } else { "FAILED" }
        );
        closing.lines.iter().for_each(|line| println!("{line}"));
    }
    let failed: Vec<&str> = closings
        .iter()
        .filter(|closing| !closing.passed)
        .map(|closing| closing.what)
        .collect();
    if !failed.is_empty() {
        bail!("failed: {}", failed.join(", "));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closing(what: &'static str, passed: bool) -> Closing {
        Closing {
            what,
            lines: Vec::new(),
            passed,
        }
    }

    #[test]
    fn one_failure_among_many_fails_and_is_named() {
        assert!(report(&[closing("tests", true), closing("page", true)]).is_ok());
        let error = report(&[closing("tests", false), closing("page", true)]).expect_err("failed");
        assert_eq!(error.to_string(), "failed: tests");
    }
}
