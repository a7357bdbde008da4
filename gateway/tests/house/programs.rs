//! Starts, kills and restarts the two programs, on ports the system chose.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

/// A started program; killed when dropped, so that a failing test leaves nothing behind.
pub(crate) struct Program {
    child: Child,
    /// The words it printed at its start: first word to the rest of the line.
    pub(crate) said: HashMap<String, String>,
    log: Arc<Mutex<String>>,
}

impl Program {
    fn start(path: &Path, args: &[String]) -> Self {
        Self::start_until(path, args, "ready")
    }

    /// Returns once it printed a line that begins with this word.
    fn start_until(path: &Path, args: &[String], last: &str) -> Self {
        Self::start_to(path, args, last, Stdio::piped())
    }

    fn start_to(path: &Path, args: &[String], last: &str, log: Stdio) -> Self {
        Self::try_start(path, args, last, log).unwrap_or_else(|(why, _)| panic!("{why}"))
    }

    /// What it logged, where it ended before it said the word.
    fn try_start(
        path: &Path,
        args: &[String],
        last: &str,
        log: Stdio,
    ) -> Result<Self, (String, String)> {
        let mut child = Command::new(path)
            .args(args)
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let log = child.stderr.take().map(follow).unwrap_or_default();
        let mut said = HashMap::new();
        for line in BufReader::new(child.stdout.as_mut().unwrap()).lines() {
            let line = line.unwrap();
            let (word, rest) = line.split_once(' ').unwrap_or((&line, ""));
            said.insert(word.to_owned(), rest.to_owned());
            if word == last {
                return Ok(Self { child, said, log });
            }
        }
        let ended = child.wait();
        let why = format!("{} ended before it said {last}: {ended:?}", path.display());
        // The last lines may be on their way still.
        std::thread::sleep(Duration::from_millis(50));
        let logged = log.lock().unwrap().clone();
        Err((why, logged))
    }

    /// What it logged so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub(crate) fn pid(&self) -> rustix::process::Pid {
        rustix::process::Pid::from_child(&self.child)
    }

    /// SIGTERM, and the exit code must be 0.
    pub(crate) fn stop(&mut self) {
        let pid = self.pid();
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        self.ended_well();
    }

    pub(crate) fn ended_well(&mut self) {
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}");
    }
}

/// Keeps what is logged, and shows it as it comes.
fn follow(log: ChildStderr) -> Arc<Mutex<String>> {
    let kept = Arc::new(Mutex::new(String::new()));
    let keeping = Arc::clone(&kept);
    std::thread::spawn(move || {
        for line in BufReader::new(log).lines().map_while(Result::ok) {
            eprintln!("{line}");
            let mut kept = keeping.lock().unwrap();
            kept.push_str(&line);
            kept.push('\n');
        }
    });
    kept
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn gateway_path() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_weir-gateway"))
}

/// The agent's program is another package's: built beside the gateway's, once a test process, unless whoever runs the
/// tests has built the whole workspace and says so.
pub(crate) fn agent_path() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let built = BUILT.get_or_init(|| {
        let beside = gateway_path().with_file_name("weir-agent");
        if std::env::var_os("HOUSE_AGENT_IS_BUILT").is_some() && beside.exists() {
            return beside;
        }
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "--quiet", "--package", "weir-agent"]);
        if !cfg!(debug_assertions) {
            build.arg("--release");
        }
        assert!(build.status().unwrap().success());
        beside
    });
    built.clone()
}

/// Every port that a gateway opens.
const PORTS: [&str; 6] = [
    "http.listen",
    "frames.listen",
    "graphite.listen",
    "graphite.pickle_listen",
    "opentsdb.listen",
    "statsd.listen",
];

/// A gateway with its directory; it keeps its ports over restarts.
pub(crate) struct Gateway {
    pub(crate) program: Program,
    pub(crate) dir: tempfile::TempDir,
    own: Vec<String>,
    pub(crate) http: String,
    pub(crate) frames: String,
    pub(crate) graphite_tcp: String,
    pub(crate) graphite_udp: String,
    pub(crate) pickle: String,
    pub(crate) opentsdb: String,
    pub(crate) statsd_tcp: String,
    pub(crate) statsd_udp: String,
    /// Where it was asked for.
    pub(crate) influx_udp: Option<String>,
}

impl Gateway {
    pub(crate) fn start(sets: &[&str]) -> Self {
        let pairs = sets
            .iter()
            .flat_map(|set| ["--set".to_owned(), (*set).to_owned()]);
        Self::start_by(pairs.collect())
    }

    /// The same with everything it has to say in a file.
    pub(crate) fn start_logging(sets: &[&str], log: &Path) -> Self {
        let pairs = sets
            .iter()
            .flat_map(|set| ["--set".to_owned(), (*set).to_owned()]);
        let log = Stdio::from(std::fs::File::create(log).unwrap());
        Self::start_with_log(pairs.collect(), "trace", log)
    }

    /// With a file of its own beside what the tests set.
    pub(crate) fn start_with(config: &Path) -> Self {
        Self::start_by(vec!["--config".to_owned(), config.display().to_string()])
    }

    fn start_by(own: Vec<String>) -> Self {
        Self::start_with_log(own, "warn", Stdio::piped())
    }

    fn start_with_log(own: Vec<String>, level: &str, log: Stdio) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let any = PORTS.map(|key| format!("{key}=127.0.0.1:0"));
        let args = arguments(&own, level, dir.path(), &any);
        let program = Program::start_to(&gateway_path(), &args, "ready", log);
        let word = |key: &str| program.said[key].clone();
        let (graphite, statsd) = (word("graphite"), word("statsd"));
        let graphite: Vec<&str> = graphite.split(' ').collect();
        let statsd: Vec<&str> = statsd.split(' ').collect();
        Self {
            http: word("page")
                .trim_start_matches("http://")
                .trim_end_matches('/')
                .to_owned(),
            frames: word("frames"),
            graphite_tcp: graphite[1].to_owned(),
            graphite_udp: graphite[3].to_owned(),
            pickle: word("pickle"),
            opentsdb: word("opentsdb"),
            statsd_tcp: statsd[1].to_owned(),
            statsd_udp: statsd[3].to_owned(),
            influx_udp: program.said.get("influx").cloned(),
            own,
            program,
            dir,
        }
    }

    /// Starts it again on the same directory and ports. UDP comes on the port of TCP then.
    pub(crate) fn restart(&mut self) {
        self.restart_until("ready");
    }

    /// The same, and returns once it printed a line that begins with this word.
    pub(crate) fn restart_until(&mut self, last: &str) {
        let ports = [
            format!("http.listen={}", self.http),
            format!("frames.listen={}", self.frames),
            format!("graphite.listen={}", self.graphite_tcp),
            format!("graphite.pickle_listen={}", self.pickle),
            format!("opentsdb.listen={}", self.opentsdb),
            format!("statsd.listen={}", self.statsd_tcp),
        ];
        let arguments = arguments(&self.own, "warn", self.dir.path(), &ports);
        // Another test may have been given one of its ports meanwhile.
        let until = Instant::now() + Duration::from_secs(60);
        self.program = loop {
            match Program::try_start(&gateway_path(), &arguments, last, Stdio::piped()) {
                Ok(program) => break program,
                Err((_, logged)) if logged.contains("in use") && Instant::now() < until => {}
                Err((why, _)) => panic!("{why}"),
            }
        };
        self.graphite_udp = self.graphite_tcp.clone();
        self.statsd_udp = self.statsd_tcp.clone();
    }
}

fn arguments(own: &[String], level: &str, dir: &Path, sets: &[String]) -> Vec<String> {
    let data_dir = format!("data_dir={}", dir.display());
    let pairs = sets
        .iter()
        .cloned()
        .chain([data_dir])
        .flat_map(|set| ["--set".to_owned(), set]);
    let log = ["--log-level".to_owned(), level.to_owned()];
    own.iter().cloned().chain(log).chain(pairs).collect()
}

/// An agent for a gateway, with an interval of one second.
pub(crate) fn start_agent(gateway: &Gateway, host: &str) -> Program {
    start_agent_with(gateway, host, &[])
}

/// The same with more keys.
pub(crate) fn start_agent_with(gateway: &Gateway, host: &str, more: &[&str]) -> Program {
    let sets = [
        format!("gateways=[\"{}\"]", gateway.frames),
        format!("host={host}"),
        "interval=1s".to_owned(),
        "statsd.listen=127.0.0.1:0".to_owned(),
        "status.listen=127.0.0.1:0".to_owned(),
        format!("spool.dir={}", agent_spool(gateway, host).display()),
    ];
    let sets = sets
        .into_iter()
        .chain(more.iter().map(|set| (*set).to_owned()));
    let pairs = sets.flat_map(|set| ["--set".to_owned(), set]);
    let args: Vec<String> = ["--log-level".to_owned(), "warn".to_owned()]
        .into_iter()
        .chain(pairs)
        .collect();
    Program::start(&agent_path(), &args)
}

/// Where such an agent spools: beside the gateway's data, and gone with them.
pub(crate) fn agent_spool(gateway: &Gateway, host: &str) -> PathBuf {
    gateway.dir.path().join(format!("agent-{host}"))
}

/// Runs a command of a program to its end: exit code, and what it printed.
pub(crate) fn run(path: &Path, args: &[&str]) -> (i32, String) {
    let output = Command::new(path).args(args).output().unwrap();
    let mut text = String::from_utf8(output.stdout).unwrap();
    output.stderr.as_slice().read_to_string(&mut text).unwrap();
    (output.status.code().unwrap(), text)
}

/// Asks again until the answer is there; a test fails with the last answer after half a minute.
pub(crate) fn eventually<T: std::fmt::Debug>(
    what: &str,
    mut ask: impl FnMut() -> Result<T, String>,
) -> T {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        match ask() {
            Ok(answer) => return answer,
            Err(last) if Instant::now() > deadline => panic!("{what}: {last}"),
            Err(_) => std::thread::sleep(Duration::from_millis(50)),
        }
    }
}
