//! A server under measurement: how each is started, spoken to, asked and flushed. Each runs on free loopback ports with a
//! data directory of its own, and is killed by its process id when it is dropped.

mod by;
mod carbon;
mod debian;
mod etsy;
mod influx;
mod prometheus;
mod questions;
mod victoria;
mod weir;
mod whisper;

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

use crate::fleet::Protocol;
use crate::http::Client;
use crate::send::{PATIENCE, Target};
pub(crate) use debian::Packages;
pub(crate) use questions::{Dialect, Span, ask, points};
pub(crate) use whisper::count as count_files;

const START: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(10);
const WINDOW: u64 = 32;

/// What is known of a server before it runs.
pub(crate) trait Server {
    fn name(&self) -> &'static str;
    fn version(&self) -> String;
    /// How it is asked.
    fn dialect(&self) -> Dialect;
    /// What it is sent where nothing else is said.
    fn protocol(&self) -> Protocol;
    /// The command; files it needs are written into the house.
    fn command(&self, house: &House) -> Result<Command>;
    /// Answers 200 when it serves; `None`: it serves once its ingest port is open.
    fn ready_path(&self) -> Option<&'static str>;
    /// HTTP's path for samples.
    fn write_path(&self) -> &'static str {
        ""
    }
    /// What is still missing once it serves.
    fn prepare(&self, _client: &mut Client) -> Result<()> {
        Ok(())
    }
    /// Has everything written to its tables; the text says what could not be done.
    fn flush(&self, _running: &Running) -> Result<Option<String>> {
        Ok(None)
    }
}

/// weir-gateway.
pub(crate) fn weir(program: &Path, more: &[&str]) -> Result<Box<dyn Server>> {
    Ok(Box::new(weir::Weir::new(program, more)?))
}

/// The peers that Debian packages, by name.
pub(crate) fn peer(name: &str, packages: &Packages) -> Result<Box<dyn Server>> {
    Ok(match name {
        "VictoriaMetrics" => Box::new(victoria::Victoria::new(packages)?),
        "Prometheus" => Box::new(prometheus::Prometheus::new(packages)?),
        "InfluxDB" => Box::new(influx::Influx::new(packages)?),
        "carbon" => Box::new(carbon::Carbon::new(packages)?),
        other => bail!("nobody knows the peer {other:?}"),
    })
}

/// etsy's StatsD server, fetched below a folder.
pub(crate) fn etsy(folder: &Path) -> Result<Box<dyn Server>> {
    Ok(Box::new(etsy::Etsy::new(folder)?))
}

/// A server that is sent this protocol instead of its first.
pub(crate) fn by(server: Box<dyn Server>, protocol: Protocol) -> Box<dyn Server> {
    Box::new(by::By::new(server, protocol))
}

/// Where a server lives: its folder and its ports.
#[derive(Debug, Clone)]
pub(crate) struct House {
    pub(crate) folder: PathBuf,
    pub(crate) http: SocketAddr,
    pub(crate) lines: SocketAddr,
    pub(crate) frames: SocketAddr,
    pub(crate) other: SocketAddr,
}

impl House {
    /// # Errors
    /// When the folder cannot be made.
    pub(crate) fn new(folder: PathBuf) -> Result<Self> {
        fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
        // All held at once, so that they differ.
        let listeners = [(); 4].map(|()| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)));
        let mut free = listeners.into_iter().map(|listener| listener?.local_addr());
        let mut port = || free.next().context("no port")?.context("find a free port");
        Ok(Self {
            folder,
            http: port()?,
            lines: port()?,
            frames: port()?,
            other: port()?,
        })
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.join("data")
    }
}

/// A server that runs.
pub(crate) struct Running {
    child: Child,
    pub(crate) house: House,
}

impl Running {
    /// Returns as soon as the process exists.
    pub(crate) fn spawn(server: &dyn Server, house: House) -> Result<Self> {
        let log = File::options()
            .create(true)
            .append(true)
            .open(house.folder.join("log"))?;
        let mut command = server.command(&house)?;
        command.current_dir(&house.folder).stdin(Stdio::null());
        let child = command.stdout(log.try_clone()?).stderr(log).spawn();
        let child = child.with_context(|| format!("start {}", server.name()))?;
        Ok(Self { child, house })
    }

    /// Returns when it serves.
    pub(crate) fn start(server: &dyn Server, house: House) -> Result<Self> {
        let mut running = Self::spawn(server, house)?;
        running.wait_until_ready(server)?;
        if server.ready_path().is_some() {
            server.prepare(&mut running.client()?)?;
        }
        Ok(running)
    }

    pub(crate) fn wait_until_ready(&mut self, server: &dyn Server) -> Result<()> {
        let deadline = Instant::now() + START;
        while !self.is_ready(server) {
            let ended = self.child.try_wait()?;
            ensure!(
                ended.is_none(),
                "{} ended:\n{}",
                server.name(),
                self.log_tail()
            );
            let late = Instant::now() > deadline;
            ensure!(
                !late,
                "{} does not serve after {START:?}:\n{}",
                server.name(),
                self.log_tail()
            );
            thread::sleep(POLL);
        }
        Ok(())
    }

    fn is_ready(&self, server: &dyn Server) -> bool {
        match server.ready_path() {
            Some(path) => Client::connect(self.house.http, PATIENCE)
                .and_then(|mut client| client.get(path))
                .is_ok_and(|answer| answer.is_success()),
            None => TcpStream::connect(self.house.lines).is_ok(),
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn client(&self) -> Result<Client> {
        Client::connect(self.house.http, PATIENCE)
    }

    /// Where samples go.
    pub(crate) fn target(&self, server: &dyn Server, protocol: Protocol) -> Target {
        Target {
            protocol,
            address: match protocol {
                Protocol::Graphite | Protocol::Dotted => self.house.lines,
                Protocol::Frames => self.house.frames,
                Protocol::Influx | Protocol::RemoteWrite => self.house.http,
            },
            path: server.write_path().to_owned(),
            rate: 0.0,
            window: WINDOW,
        }
    }

    /// SIGKILL, as a crash would.
    pub(crate) fn kill(mut self) -> Result<House> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(self.house.clone())
    }

    /// SIGTERM and as long as it takes, within reason.
    pub(crate) fn stop(mut self) -> Result<House> {
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw);
        kill_process(pid.context("no process id")?, Signal::TERM)?;
        let deadline = Instant::now() + START;
        while self.child.try_wait()?.is_none() {
            ensure!(
                Instant::now() < deadline,
                "it does not stop:\n{}",
                self.log_tail()
            );
            thread::sleep(POLL);
        }
        Ok(self.house.clone())
    }

    fn log_tail(&self) -> String {
        let text = fs::read_to_string(self.house.folder.join("log")).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(12)..].join("\n")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Gone already after `kill` and `stop`; otherwise something failed before, and that is what gets told.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
