//! One run of the gateway's program: started on ports the system chooses, watched, ended by force. What it says goes
//! into a log that all runs share.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

const READY: Duration = Duration::from_secs(60);
const STOP: Duration = Duration::from_secs(60);
/// So slow that agents get through before the journal is read back.
const SLOW_START: &str = "replay.group=sleep:100";
const FREEZE: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(5);

/// How to start one.
#[derive(Debug, Clone)]
pub(crate) struct Launch {
    pub(crate) program: PathBuf,
    pub(crate) data: PathBuf,
    pub(crate) log: PathBuf,
    /// `section.key=value` beside the harness's own.
    pub(crate) sets: Vec<String>,
    /// What the environment's FAILPOINTS says, where it says anything.
    pub(crate) failpoints: Option<String>,
}

/// A gateway that is running, or has just ended.
pub(crate) struct Gateway {
    child: Child,
    pub(crate) http: String,
    pub(crate) frames: SocketAddr,
}

/// What a start came to.
pub(crate) enum Started {
    Ready(Gateway),
    /// It ended before it was ready.
    Ended(ExitStatus),
}

impl Launch {
    /// Starts it and waits until it is ready.
    pub(crate) fn start(&self) -> Result<Started> {
        self.start_until("ready")
    }

    /// Starts it so that it is not ready for long, and waits until it takes what is sent.
    pub(crate) fn start_slowly(&self) -> Result<Started> {
        let own = self.failpoints.as_deref().unwrap_or_default();
        let slow = Self {
            failpoints: Some(format!("{own};{SLOW_START}")),
            ..self.clone()
        };
        slow.start_until("frames")
    }

    /// Waits for a line that begins with this word; `ready` comes last.
    fn start_until(&self, last: &str) -> Result<Started> {
        let (mut child, said) = self.spawn()?;
        let deadline = Instant::now() + READY;
        let (mut http, mut frames) = (None, None);
        loop {
            let line = match said.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => line,
                Err(RecvTimeoutError::Disconnected) => return Ok(Started::Ended(child.wait()?)),
                Err(RecvTimeoutError::Timeout) => {
                    kill(&mut child)?;
                    bail!("the gateway was not ready in {READY:?}");
                }
            };
            match line.split_once(' ') {
                Some(("page", url)) => http = Some(address(url)),
                Some(("frames", at)) => frames = Some(at.parse()?),
                _ => {}
            }
            if line.split(' ').next() == Some(last) {
                break;
            }
        }
        Ok(Started::Ready(Gateway {
            child,
            http: http.context("the gateway named no page")?,
            frames: frames.context("the gateway named no port for frames")?,
        }))
    }

    /// Starts it and ends it again while it is still starting.
    pub(crate) fn start_and_kill(&self, after: Duration) -> Result<()> {
        let (mut child, _said) = self.spawn()?;
        std::thread::sleep(after);
        kill(&mut child)
    }

    /// A command of the program's own, such as `store check DIR`; its exit code and what it printed.
    pub(crate) fn command(&self, args: &[&str]) -> Result<(Option<i32>, String)> {
        let output = Command::new(&self.program).args(args).output()?;
        let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.push_str(&String::from_utf8_lossy(&output.stderr));
        Ok((output.status.code(), text))
    }

    fn spawn(&self) -> Result<(Child, Receiver<String>)> {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.log)?;
        let mut command = Command::new(&self.program);
        for set in self.own_sets().iter().chain(&self.sets) {
            command.args(["--set", set]);
        }
        command.env_remove("FAILPOINTS");
        if let Some(failpoints) = &self.failpoints {
            command.env("FAILPOINTS", failpoints);
        }
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .with_context(|| format!("start {}", self.program.display()))?;
        let out = child
            .stdout
            .take()
            .context("the gateway has no standard output")?;
        Ok((child, lines(out)))
    }

    fn own_sets(&self) -> Vec<String> {
        let ports = ["http", "frames"].map(|section| format!("{section}.listen=127.0.0.1:0"));
        let rest = [
            "graphite.listen=".to_owned(),
            "graphite.pickle_listen=".to_owned(),
            "opentsdb.listen=".to_owned(),
            "store.window=60s".to_owned(),
            "query.timeout=60s".to_owned(),
            // Its samples are of now: each would hold a segment of the journal until its window is over, minutes later.
            "presence.beat=24h".to_owned(),
            "http.admin=true".to_owned(),
            format!("data_dir={}", self.data.display()),
        ];
        ports.into_iter().chain(rest).collect()
    }
}

impl Gateway {
    /// SIGKILL.
    pub(crate) fn kill(mut self) -> Result<()> {
        kill(&mut self.child)
    }

    /// SIGSTOP; on return no thread of it runs, but for what the kernel still does for one.
    pub(crate) fn freeze(&self) -> Result<()> {
        kill_process(Pid::from_child(&self.child), Signal::STOP)?;
        let deadline = Instant::now() + FREEZE;
        while !all_still(self.child.id())? {
            if Instant::now() >= deadline {
                bail!("the gateway did not stand still in {FREEZE:?}");
            }
        }
        Ok(())
    }

    /// SIGTERM, and it must end well.
    pub(crate) fn stop(mut self) -> Result<()> {
        kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        match self.wait(STOP)? {
            Some(status) if status.success() => Ok(()),
            Some(status) => bail!("asked to stop, the gateway ended with {status}"),
            None => bail!("asked to stop, the gateway did not in {STOP:?}"),
        }
    }

    /// How it ended; `None` while it runs on.
    pub(crate) fn wait(&mut self, patience: Duration) -> Result<Option<ExitStatus>> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(Some(status));
            }
            if Instant::now() >= deadline {
                return Ok(None);
            }
            std::thread::sleep(POLL);
        }
    }

    /// # Errors
    /// When it has ended.
    pub(crate) fn must_live(&mut self) -> Result<()> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => bail!("the gateway ended by itself with {status}"),
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Text that was added to a log since the last look.
pub(crate) struct Tail {
    path: PathBuf,
    at: u64,
}

impl Tail {
    pub(crate) fn new(path: &Path) -> Self {
        let at = path.metadata().map_or(0, |meta| meta.len());
        Self {
            path: path.to_owned(),
            at,
        }
    }

    pub(crate) fn read(&mut self) -> String {
        let mut bytes = Vec::new();
        let read = File::open(&self.path).and_then(|mut file| {
            file.seek(SeekFrom::Start(self.at))?;
            file.read_to_end(&mut bytes)
        });
        self.at += read.unwrap_or(0) as u64;
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// Whether each thread is stopped, or waits in the kernel for a disk.
fn all_still(process: u32) -> Result<bool> {
    for task in std::fs::read_dir(format!("/proc/{process}/task"))? {
        let Ok(stat) = std::fs::read_to_string(task?.path().join("stat")) else {
            // It has ended meanwhile.
            continue;
        };
        let state = stat
            .rsplit(") ")
            .next()
            .and_then(|rest| rest.chars().next());
        if !matches!(state, Some('T' | 'D')) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn kill(child: &mut Child) -> Result<()> {
    child.kill()?;
    child.wait()?;
    Ok(())
}

fn address(url: &str) -> String {
    url.trim_start_matches("http://")
        .trim_end_matches('/')
        .to_owned()
}

/// The lines of a pipe, until it is closed; read to the end, so that the program never waits for its reader.
fn lines(out: ChildStdout) -> Receiver<String> {
    let (send, receive) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(out).lines().map_while(Result::ok) {
            if send.send(line).is_err() {
                continue;
            }
        }
    });
    receive
}
