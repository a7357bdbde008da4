//! The agent as a program over its life: configuration from several places, SIGHUP, the pages about it, SIGTERM.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};

use crate::taking::{Gateway, PATIENCE, get};

/// A running program with a configuration file; killed when dropped.
struct Program {
    child: Child,
    /// First word of what it printed to the rest of the line.
    said: HashMap<String, String>,
}

impl Program {
    fn start(config: &Path) -> Self {
        let mut command = weir(config, &["run"]);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut said = HashMap::new();
        for line in BufReader::new(child.stdout.as_mut().unwrap()).lines() {
            let line = line.unwrap();
            let (word, rest) = line.split_once(' ').unwrap_or((&line, ""));
            said.insert(word.to_owned(), rest.to_owned());
            if word == "ready" {
                return Self { child, said };
            }
        }
        panic!("it ended: {:?}", child.wait());
    }

    fn status(&self) -> SocketAddr {
        let url = &self.said["status"];
        url.trim_start_matches("http://")
            .trim_end_matches('/')
            .parse()
            .unwrap()
    }

    fn statsd(&self) -> SocketAddr {
        self.said["statsd"]
            .strip_prefix("udp ")
            .unwrap()
            .parse()
            .unwrap()
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits until its counters say so.
    fn wait_for(&self, counter: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !get(self.status(), "/metrics").contains(counter) {
            assert!(Instant::now() < deadline, "{counter}");
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    }

    fn asked(&self, config: &Path, args: &[&str]) -> String {
        let status = format!("status.listen={}", self.status());
        let args = [args, &["--set", &status]].concat();
        let output = weir(config, &args).output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn weir(config: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_weir-agent"));
    command
        .args(args)
        .arg("--config")
        .arg(config)
        .stderr(Stdio::piped());
    command
}

/// A folder with a configuration, and its path.
fn configured(gateway: &Gateway) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("agent.toml");
    std::fs::write(&file, text(gateway, "")).unwrap();
    (dir, file)
}

fn text(gateway: &Gateway, more: &str) -> String {
    format!(
        "gateways = [{:?}]\nhost = \"web01\"\ninterval = \"1s\"\n{more}\n[statsd]\nlisten = \"127.0.0.1:0\"\n[status]\nlisten = \"127.0.0.1:0\"\n[collectors]\ndisabled = {:?}\n",
        gateway.address,
        weir_agent::collect::NAMES
    )
}

fn say(to: SocketAddr, lines: &str) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.send_to(lines.as_bytes(), to).unwrap();
}

#[test]
fn a_reload_that_is_wrong_changes_nothing_and_says_so() {
    let mut gateway = Gateway::start();
    let (_dir, file) = configured(&gateway);
    let program = Program::start(&file);
    std::fs::write(&file, text(&gateway, "spoon = 1")).unwrap();
    program.signal(Signal::HUP);
    program.wait_for("weir_agent_reloads_total{result=\"refused\"} 1");
    let page = program.asked(Path::new("/dev/null"), &["status"]);
    assert!(
        page.contains("spoon") && page.contains("agent.toml:4:1"),
        "{page}"
    );
    say(program.statsd(), "hits:3|c");
    gateway.wait_until("hits{host=\"web01\"}", 3.0);
    std::fs::write(&file, text(&gateway, "")).unwrap();
    program.signal(Signal::HUP);
    program.wait_for("weir_agent_reloads_total{result=\"taken\"} 1");
    assert!(
        !get(program.status(), "/status").contains("spoon"),
        "it is over"
    );
}

#[test]
fn a_reload_disturbs_only_what_it_changes() {
    let mut gateway = Gateway::start();
    let (dir, file) = configured(&gateway);
    let program = Program::start(&file);
    say(program.statsd(), "hits:3|c");
    gateway.wait_until("hits{host=\"web01\"}", 3.0);
    // A drop-in that turns a source on: StatsD's totals and its port go on.
    let folder = dir.path().join("agent.conf.d");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(dir.path().join("x.prom"), "dropped 1\n").unwrap();
    let drop_in = format!("[textfile]\ndirectory = {:?}\n", dir.path());
    std::fs::write(folder.join("10-files.toml"), drop_in).unwrap();
    program.signal(Signal::HUP);
    gateway.wait_until("dropped{host=\"web01\"}", 1.0);
    say(program.statsd(), "hits:4|c");
    gateway.wait_until("hits{host=\"web01\"}", 7.0);
    // A label for all: a session of its own, and everything is called so.
    std::fs::write(folder.join("20-labels.toml"), "[labels]\npool = \"a\"\n").unwrap();
    program.signal(Signal::HUP);
    gateway.wait_until("dropped{host=\"web01\",pool=\"a\"}", 1.0);
    assert_eq!(gateway.goodbyes, 0, "it never left");
    assert!(gateway.hellos.len() >= 2, "{:?}", gateway.hellos);
}

#[test]
fn a_reload_leaves_for_another_gateway_without_loss() {
    let (mut first, mut second) = (Gateway::start(), Gateway::start());
    let (_dir, file) = configured(&first);
    let program = Program::start(&file);
    say(program.statsd(), "hits:3|c");
    first.wait_until("hits{host=\"web01\"}", 3.0);
    std::fs::write(&file, text(&second, "")).unwrap();
    program.signal(Signal::HUP);
    say(program.statsd(), "hits:4|c");
    second.wait_until("hits{host=\"web01\"}", 7.0);
}

#[test]
fn a_stop_ends_the_open_interval_and_says_goodbye() {
    let mut gateway = Gateway::start();
    let (_dir, file) = configured(&gateway);
    let hour = text(&gateway, "").replace("\"1s\"", "\"1h\"");
    std::fs::write(&file, hour).unwrap();
    let mut program = Program::start(&file);
    say(program.statsd(), "last:5|c");
    program.signal(Signal::TERM);
    assert_eq!(program.child.wait().unwrap().code(), Some(0));
    let rest = gateway.rest();
    assert!(rest.iter().any(|sample| sample.value == 5.0), "{rest:?}");
}

#[test]
fn pages_for_people() {
    let gateway = Gateway::start();
    let (dir, file) = configured(&gateway);
    let program = Program::start(&file);
    let page = program.asked(&file, &["status", "--over", "10ms"]);
    for word in [
        "weir-agent  0.1.0",
        "gateway ",
        "queue ",
        "statsd_udp",
        "collectors",
    ] {
        assert!(page.contains(word), "{word}: {page}");
    }
    let json = program.asked(&file, &["status", "--json"]);
    assert!(json.contains("\"queue_bytes\""), "{json}");

    std::fs::create_dir(dir.path().join("agent.conf.d")).unwrap();
    let drop_in = dir.path().join("agent.conf.d/token.toml");
    std::fs::write(&drop_in, "token = \"secret\"\n[labels]\npool = \"a\"\n").unwrap();
    let page = program.asked(&file, &["config"]);
    let line = |key: &str| {
        let found = page
            .lines()
            .find(|line| line.starts_with(&format!("{key} = ")));
        found.unwrap().to_owned()
    };
    assert!(line("host").ends_with("agent.toml:2:1"), "{page}");
    assert!(line("labels.pool").ends_with("token.toml:3:1"), "{page}");
    assert!(line("queue.max_bytes").ends_with("# default"), "{page}");
    assert!(
        line("status.listen").ends_with("# --set status.listen"),
        "{page}"
    );
    assert!(
        line("token").contains("(hidden)") && !page.contains("secret"),
        "{page}"
    );
    // It is a configuration itself.
    let again = dir.path().join("again.toml");
    std::fs::write(&again, &page).unwrap();
    assert!(weir(&again, &["check"]).output().unwrap().status.success());
    let defaults = program.asked(&file, &["config", "--defaults"]);
    assert!(defaults.contains("# "), "{defaults}");
}
