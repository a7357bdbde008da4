//! Owns the command line: what may be asked for, and the help text.
//! Written by hand, because a parser crate would double the time until the first line of output in a fresh clone.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context, Result, bail};

use crate::crash::{self, CrashOptions};
use crate::fuzz::{self, FuzzOptions};

/// The help text.
pub(crate) const HELP: &str = "\
cargo xtask <task>

Tasks
  up      install what is missing, build, start one gateway and one agent, show where the page is; Ctrl-C stops both
            --data DIR    where the data and the logs go                        [default: data, beside Cargo.toml]
            --debug       build without optimisation: faster to build, slower to run
            --release     build with optimisation                               [default]
            --no-ui       do not build the page
            --for SECS    stop by itself after this time
            --check       stop as soon as both have been seen healthy; the exit code tells
  test    do all the set-up and run every test there is
            [--] ARGS     passed to the test runner: a filter, then only matching Rust tests run
  setup   only the set-up for the tests
  bench   measure weir-gateway beside its peers, write bench/RESULTS.md; about an hour, on an idle machine
            --only NAME   only this workload (text100k, text1m, frames1m, frames10min, remote-write100k, remote-write1m, influx100k,
                          never-seen, restart, ten-million); may be repeated
            --quick       small loads, to see that everything works; the results go beside the builds
            --no-peers    only weir-gateway
            --ten-million also ten million series for ten minutes
            --gateway P   measure this program instead of building one
            --keep        leave data directories and logs
  lint    cargo fmt --check and clippy on everything, warnings are errors
  crash   end a gateway badly under load and compare what it kept with what it had acknowledged
            --cycles N      kill -9 so often                    [default: 100, where nothing else is asked for]
            --power-loss N  power loss on a disk of its own, so often (root, loop mounts; exit code 2 where there are none)
            --fail-points   end at every step of the order of durability
            --sabotage      leave steps out, and demand that it is noticed
            --only NAME     of the fail points or sabotages only this one; may be repeated
            --seed N        the load of an earlier run again
            --dir DIR       data and logs go there and stay
            --release       build with optimisation
  fuzz    run every fuzz target; installs cargo-fuzz where it is missing
            --seconds N     each so long                        [default: 20]
            --only NAME     only this target; may be repeated
  env     print what plain cargo needs:  eval \"$(cargo xtask env)\"
  help    this text

Environment
  CARGO_TARGET_DIR    where the build goes, with RocksDB in its folder rocksdb  [default: ~/.cache/weir-target]
  CXX                 the C++ compiler for RocksDB                              [default: g++]
";

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Task {
    /// Bring both programs up.
    Up(UpOptions),
    /// Run every test, or those that the runner's arguments select.
    Test(Vec<String>),
    /// Only prepare for the tests.
    Setup,
    /// Measure; the words go to weir-bench, but for the gateway to measure.
    Bench(BenchOptions),
    /// Format and clippy.
    Lint,
    /// The crash harness.
    Crash(CrashOptions),
    /// Every parser against random bytes.
    Fuzz(FuzzOptions),
    /// Print the exports for plain cargo.
    Env,
    /// Print [`HELP`].
    Help,
}

/// How to bring both programs up.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct UpOptions {
    /// Data and logs; by default `data` in the workspace.
    pub(crate) data: Option<PathBuf>,
    /// Cargo's dev profile.
    pub(crate) debug: bool,
    /// Leave the page as it is.
    pub(crate) no_ui: bool,
    /// Stop by itself after this time; zero once both are healthy.
    pub(crate) stop_after: Option<Duration>,
}

/// What to measure.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct BenchOptions {
    /// Built before where it is not given.
    pub(crate) gateway: Option<PathBuf>,
    pub(crate) quick: bool,
    /// For weir-bench.
    pub(crate) words: Vec<String>,
}

/// # Errors
/// Names the word that is not understood.
pub(crate) fn read(words: impl Iterator<Item = String>) -> Result<Task> {
    let mut words = words;
    let Some(task) = words.next() else {
        return Ok(Task::Help);
    };
    match task.as_str() {
        "up" => up(words),
        "test" => Ok(test(words)),
        "setup" => alone(Task::Setup, words),
        "bench" => bench(words),
        "lint" => alone(Task::Lint, words),
        "crash" => crash(words),
        "fuzz" => fuzz(words),
        "env" => alone(Task::Env, words),
        "help" | "--help" | "-h" => Ok(Task::Help),
        other => bail!("there is no task {other:?}: see cargo xtask help"),
    }
}

fn alone(task: Task, mut words: impl Iterator<Item = String>) -> Result<Task> {
    match words.next().as_deref() {
        None => Ok(task),
        Some("--help" | "-h") => Ok(Task::Help),
        Some(word) => bail!("this task takes no arguments, not even {word:?}"),
    }
}

fn test(mut words: impl Iterator<Item = String>) -> Task {
    match words.next().as_deref() {
        Some("--help" | "-h") => Task::Help,
        None | Some("--") => Task::Test(words.collect()),
        Some(first) => Task::Test([first.to_owned()].into_iter().chain(words).collect()),
    }
}

fn crash(words: impl Iterator<Item = String>) -> Result<Task> {
    let words: Vec<String> = words.collect();
    if words.iter().any(|word| word == "--help" || word == "-h") {
        return Ok(Task::Help);
    }
    crash::read(words.into_iter()).map(Task::Crash)
}

fn fuzz(words: impl Iterator<Item = String>) -> Result<Task> {
    let words: Vec<String> = words.collect();
    if words.iter().any(|word| word == "--help" || word == "-h") {
        return Ok(Task::Help);
    }
    fuzz::read(words.into_iter()).map(Task::Fuzz)
}

fn bench(mut words: impl Iterator<Item = String>) -> Result<Task> {
    let mut options = BenchOptions::default();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--gateway" => {
                options.gateway = Some(words.next().context("--gateway needs a program")?.into())
            }
            "--only" => {
                let name = words.next().context("--only needs a workload's name")?;
                options.words.extend([word, name]);
            }
            "--quick" => {
                options.quick = true;
                options.words.push(word);
            }
            "--no-peers" | "--ten-million" | "--keep" => options.words.push(word),
            "--help" | "-h" => return Ok(Task::Help),
            other => bail!("bench does not know {other:?}: see cargo xtask help"),
        }
    }
    Ok(Task::Bench(options))
}

fn up(mut words: impl Iterator<Item = String>) -> Result<Task> {
    let mut options = UpOptions::default();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--data" => options.data = Some(words.next().context("--data needs a folder")?.into()),
            "--debug" => options.debug = true,
            "--release" => options.debug = false,
            "--no-ui" => options.no_ui = true,
            "--for" => options.stop_after = Some(seconds(words.next())?),
            "--check" => options.stop_after = Some(Duration::ZERO),
            "--help" | "-h" => return Ok(Task::Help),
            other => bail!("up does not know {other:?}: see cargo xtask help"),
        }
    }
    Ok(Task::Up(options))
}

fn seconds(word: Option<String>) -> Result<Duration> {
    let word = word.context("--for needs a number of seconds")?;
    let seconds: u32 = word
        .parse()
        .with_context(|| format!("--for needs a number of seconds, not {word:?}"))?;
    Ok(Duration::from_secs(seconds.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_line(line: &str) -> Result<Task> {
        read(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn up_takes_its_options_in_any_order() {
        let expected = UpOptions {
            data: Some("elsewhere".into()),
            debug: true,
            no_ui: true,
            stop_after: Some(Duration::from_secs(5)),
        };
        let read = read_line("up --for 5 --no-ui --data elsewhere --debug").expect("is understood");
        assert_eq!(read, Task::Up(expected));
    }

    #[test]
    fn bench_keeps_the_gateway_and_passes_the_rest_on() {
        let expected = BenchOptions {
            gateway: Some("g".into()),
            quick: true,
            words: ["--only", "text1m", "--quick", "--no-peers"]
                .map(str::to_owned)
                .into(),
        };
        let line = "bench --only text1m --gateway g --quick --no-peers";
        assert_eq!(
            read_line(line).expect("is understood"),
            Task::Bench(expected)
        );
    }

    #[test]
    fn check_stops_at_once() {
        let expected = UpOptions {
            stop_after: Some(Duration::ZERO),
            ..UpOptions::default()
        };
        assert_eq!(
            read_line("up --check").expect("is understood"),
            Task::Up(expected)
        );
    }

    #[test]
    fn what_is_not_understood_is_named() {
        for (line, named) in [
            ("upp", "\"upp\""),
            ("up --fro 1", "\"--fro\""),
            ("up --for soon", "\"soon\""),
            ("up --for -1", "\"-1\""),
            ("up --data", "--data"),
            ("lint now", "\"now\""),
            ("bench --only", "--only"),
            ("bench fast", "\"fast\""),
        ] {
            let error = read_line(line).expect_err(line);
            assert!(format!("{error:#}").contains(named), "{line}: {error:#}");
        }
    }

    #[test]
    fn test_passes_everything_on() {
        for line in ["test -- head --no-capture", "test head --no-capture"] {
            let expected = Task::Test(vec!["head".into(), "--no-capture".into()]);
            assert_eq!(read_line(line).expect("is understood"), expected);
        }
        assert_eq!(
            read_line("test").expect("is understood"),
            Task::Test(Vec::new())
        );
    }

    #[test]
    fn every_task_is_in_the_help() {
        for task in [
            "up", "test", "setup", "bench", "lint", "crash", "env", "help",
        ] {
            assert!(
                HELP.lines()
                    .any(|line| line.starts_with(&format!("  {task} "))),
                "{task}"
            );
            assert!(read_line(task).is_ok(), "{task}");
        }
        for line in [
            "",
            "--help",
            "up --help",
            "test -h",
            "lint --help",
            "crash --help",
        ] {
            assert_eq!(
                read_line(line).expect("is understood"),
                Task::Help,
                "{line}"
            );
        }
    }
}
