//! Every parser against bytes that nobody meant: builds the fuzz targets, runs each for a while, several beside each other,
//! and says how many inputs each took. Owns the corpus that grows, which lies beside the builds; the seeds lie in `fuzz/`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Mutex,
    thread,
};

use anyhow::{Context, Result, bail};

use crate::build;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FuzzOptions {
    /// For each target.
    pub(crate) seconds: u32,
    /// Empty: all.
    pub(crate) only: Vec<String>,
}

impl Default for FuzzOptions {
    fn default() -> Self {
        Self {
            seconds: 20,
            only: Vec::new(),
        }
    }
}

/// # Errors
/// Names the word that is not understood.
pub(crate) fn read(mut words: impl Iterator<Item = String>) -> Result<FuzzOptions> {
    let mut options = FuzzOptions::default();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--seconds" => {
                let number = words.next().context("--seconds needs a number")?;
                options.seconds = number
                    .parse()
                    .with_context(|| format!("--seconds needs a number, not {number:?}"))?;
            }
            "--only" => options
                .only
                .push(words.next().context("--only needs a target's name")?),
            other => bail!("fuzz does not know {other:?}: see cargo xtask help"),
        }
    }
    Ok(options)
}

/// # Errors
/// When a target does not build, or an input was found that it does not bear: where that input lies is said.
pub(crate) fn run(options: &FuzzOptions) -> Result<()> {
    let workspace = build::workspace()?;
    let house = House {
        fuzz: workspace.join("fuzz"),
        builds: build::target_dir(&workspace)?.join("fuzz"),
    };
    install()?;
    let targets = house.targets(&options.only)?;
    build::run(
        house.cargo_fuzz("build").args(house.where_to()),
        "cargo fuzz build",
    )?;
    let program = house.programs()?;
    let queue = Mutex::new(targets.iter());
    let failed = Mutex::new(Vec::new());
    let beside = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..beside {
            scope.spawn(|| {
                while let Some(target) = next(&queue) {
                    match house.fuzz(&program, target, options.seconds) {
                        Ok(inputs) => println!("fuzz {target}: {inputs} inputs"),
                        Err(error) => {
                            eprintln!("fuzz {target}: {error:#}");
                            keep(&failed, target.clone());
                        }
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap_or_default();
    if !failed.is_empty() {
        bail!(
            "{} of {} targets failed: {}",
            failed.len(),
            targets.len(),
            failed.join(", ")
        );
    }
    Ok(())
}

fn next<'a>(queue: &Mutex<std::slice::Iter<'a, String>>) -> Option<&'a String> {
    queue.lock().ok()?.next()
}

fn keep(failed: &Mutex<Vec<String>>, target: String) {
    if let Ok(mut failed) = failed.lock() {
        failed.push(target);
    }
}

fn install() -> Result<()> {
    let mut ask = Command::new(build::cargo());
    ask.args(["fuzz", "--version"])
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    if ask.status().is_ok_and(|status| status.success()) {
        return Ok(());
    }
    let mut install = Command::new(build::cargo());
    install.args(["install", "cargo-fuzz", "--locked"]);
    build::run(&mut install, "cargo install cargo-fuzz")
}

struct House {
    /// The folder of the targets' sources and seeds.
    fuzz: PathBuf,
    builds: PathBuf,
}

impl House {
    fn cargo_fuzz(&self, task: &str) -> Command {
        let mut cargo = Command::new(build::cargo());
        // Sanitizers on the stable toolchain.
        cargo.env("RUSTC_BOOTSTRAP", "1").current_dir(&self.fuzz);
        cargo.args(["fuzz", task]);
        cargo
    }

    fn where_to(&self) -> [&std::ffi::OsStr; 2] {
        ["--target-dir".as_ref(), self.builds.as_os_str()]
    }

    fn targets(&self, only: &[String]) -> Result<Vec<String>> {
        let listed = self
            .cargo_fuzz("list")
            .output()
            .context("run cargo fuzz list")?;
        let text = String::from_utf8_lossy(&listed.stdout).into_owned();
        let all: Vec<String> = text.lines().map(str::to_owned).collect();
        if all.is_empty() {
            bail!("cargo fuzz lists no targets in {}", self.fuzz.display());
        }
        if let Some(unknown) = only.iter().find(|name| !all.contains(name)) {
            bail!(
                "there is no fuzz target {unknown:?}: there are {}",
                all.join(", ")
            );
        }
        Ok(if only.is_empty() { all } else { only.to_vec() })
    }

    /// The folder that the built targets lie in: one a platform.
    fn programs(&self) -> Result<PathBuf> {
        let mut verbose = Command::new("rustc");
        let told = verbose
            .arg("-vV")
            .output()
            .context("ask rustc for its host")?;
        let text = String::from_utf8_lossy(&told.stdout).into_owned();
        let host = text.lines().find_map(|line| line.strip_prefix("host: "));
        let host = host.context("rustc does not tell its host")?;
        Ok(self.builds.join(host).join("release"))
    }

    /// How many inputs a target took.
    fn fuzz(&self, programs: &Path, target: &str, seconds: u32) -> Result<u64> {
        let found = self.builds.join("corpus").join(target);
        let artifacts = self.fuzz.join("artifacts").join(target);
        for folder in [&found, &artifacts] {
            fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
        }
        let mut command = Command::new(programs.join(target));
        command.env("ASAN_OPTIONS", "detect_odr_violation=0");
        command.arg(format!("-max_total_time={seconds}"));
        command.arg(format!("-artifact_prefix={}/", artifacts.display()));
        command.args(["-print_final_stats=1", "-timeout=10"]);
        // What is new goes to the first.
        command
            .arg(&found)
            .arg(self.fuzz.join("corpus").join(target));
        let ran = command
            .output()
            .with_context(|| format!("run {}", programs.join(target).display()))?;
        let said = String::from_utf8_lossy(&ran.stderr).into_owned();
        if !ran.status.success() {
            let tail: Vec<&str> = said.lines().rev().take(30).collect();
            let tail: Vec<&str> = tail.into_iter().rev().collect();
            bail!(
                "{}; its input lies in {}\n{}",
                ran.status,
                artifacts.display(),
                tail.join("\n")
            );
        }
        let inputs = said
            .lines()
            .find_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
        let inputs = inputs.and_then(|number| number.trim().parse().ok());
        inputs.context("it does not say how many inputs it took")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_line(line: &str) -> Result<FuzzOptions> {
        read(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn time_and_targets_are_taken_and_the_rest_is_named() {
        let options = read_line("--only influx --seconds 5 --only pickle").expect("is understood");
        let only = ["influx", "pickle"].map(str::to_owned).into();
        assert_eq!(options, FuzzOptions { seconds: 5, only });
        for line in ["--seconds soon", "--only", "fast"] {
            assert!(read_line(line).is_err(), "{line}");
        }
    }
}
