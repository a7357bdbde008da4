//! Owns one started program: its log, whether it still runs, and its orderly end within a bound.
//! In a process group of its own, so that a Ctrl-C on the terminal reaches only us and the order of stopping stays ours.

use std::{
    fs::{self, File},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};

const POLL: Duration = Duration::from_millis(50);

/// A program that was started from here. Dropped while it runs, it is killed.
pub(crate) struct Program {
    /// As the user knows it.
    pub(crate) name: &'static str,
    log: PathBuf,
    child: Child,
}

/// How a program ended after it was asked to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stopped {
    /// By itself, with this status.
    ByItself(ExitStatus),
    /// It was late and was killed.
    Killed,
}

impl Program {
    /// Both of its outputs go to `log`; the log of the run before is kept beside it as `*.log.old`.
    ///
    /// # Errors
    /// When the log cannot be written or the program cannot be started.
    pub(crate) fn start(name: &'static str, command: &mut Command, log: &Path) -> Result<Self> {
        // There is none before the first run.
        let _ = fs::rename(log, log.with_extension("log.old"));
        let file = File::create(log).with_context(|| format!("create {}", log.display()))?;
        let copy = file
            .try_clone()
            .with_context(|| format!("open {} twice", log.display()))?;
        let child = command
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(copy)
            .process_group(0)
            .spawn()
            .with_context(|| format!("start {name} ({})", command.get_program().display()))?;
        Ok(Self {
            name,
            log: log.to_owned(),
            child,
        })
    }

    /// None while it runs.
    ///
    /// # Errors
    /// When the system does not tell.
    pub(crate) fn exit_status(&mut self) -> Result<Option<ExitStatus>> {
        self.child
            .try_wait()
            .with_context(|| format!("ask for {}", self.name))
    }

    /// The last `lines` lines of its log, indented.
    pub(crate) fn log_tail(&self, lines: usize) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        tail(&String::from_utf8_lossy(&text), lines)
    }

    /// SIGTERM, then up to `patience` for it to end, then SIGKILL.
    ///
    /// # Errors
    /// When the system refuses a signal or does not tell.
    pub(crate) fn stop(mut self, patience: Duration) -> Result<Stopped> {
        if let Some(status) = self.exit_status()? {
            return Ok(Stopped::ByItself(status));
        }
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let pid = pid.with_context(|| format!("{} has no process id", self.name))?;
        kill_process(pid, Signal::TERM).with_context(|| format!("ask {} to stop", self.name))?;
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            if let Some(status) = self.exit_status()? {
                return Ok(Stopped::ByItself(status));
            }
            thread::sleep(POLL);
        }
        self.child
            .kill()
            .with_context(|| format!("kill {}", self.name))?;
        self.child
            .wait()
            .with_context(|| format!("wait for {}", self.name))?;
        Ok(Stopped::Killed)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Already gone after `stop`; otherwise something failed before, and that is what gets reported.
        let _ = self.child.kill();
    }
}

fn tail(text: &str, lines: usize) -> String {
    let all: Vec<&str> = text.lines().collect();
    let from = all.len().saturating_sub(lines);
    all.iter()
        .skip(from)
        .map(|line| format!("    {line}\n"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    fn start(script: &str, name: &'static str) -> (Program, PathBuf) {
        let log =
            std::env::temp_dir().join(format!("weir-xtask-{name}-{}.log", std::process::id()));
        let mut command = Command::new("sh");
        let program = Program::start(name, command.args(["-c", script]), &log).expect("starts");
        (program, log)
    }

    fn wait_for_log(program: &Program, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !program.log_tail(9).contains(text) {
            assert!(Instant::now() < deadline, "{text} is not in the log");
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn remove(log: &Path) {
        fs::remove_file(log).expect("removed");
    }

    #[test]
    fn the_tail_has_the_last_lines() {
        assert_eq!(tail("a\nb\nc\n", 2), "    b\n    c\n");
        assert_eq!(tail("a", 2), "    a\n");
        assert_eq!(tail("", 2), "");
    }

    #[test]
    fn a_program_that_ends_leaves_its_status_and_its_words() {
        let (mut program, log) = start("echo to stdout; echo to stderr >&2; exit 3", "ends");
        wait_for_log(&program, "to stderr");
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = program.exit_status().expect("is told") {
                break status;
            }
            assert!(Instant::now() < deadline);
            thread::sleep(Duration::from_millis(5));
        };
        assert_eq!(status.code(), Some(3));
        assert_eq!(program.log_tail(9), "    to stdout\n    to stderr\n");
        remove(&log);
    }

    #[test]
    fn one_that_listens_to_sigterm_stops_by_itself() {
        let (program, log) = start(
            "trap 'exit 7' TERM; echo up; while :; do sleep 0.01; done",
            "listens",
        );
        wait_for_log(&program, "up");
        match program.stop(PATIENCE).expect("stops") {
            Stopped::ByItself(status) => assert_eq!(status.code(), Some(7)),
            Stopped::Killed => panic!("was killed"),
        }
        remove(&log);
    }

    #[test]
    fn one_that_does_not_is_killed() {
        let (program, log) = start(
            "trap '' TERM; echo up; while :; do sleep 0.01; done",
            "deaf",
        );
        wait_for_log(&program, "up");
        let stopped = program.stop(Duration::from_millis(100)).expect("stops");
        assert_eq!(stopped, Stopped::Killed);
        remove(&log);
    }
}
