//! The field's own clients, as packaged, against a started gateway: what each sends, a query returns. Packages are fetched once
//! into the target folder; nothing is installed on the machine.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use crate::programs::{Gateway, eventually, gateway_path};
use crate::web::{self, escape};

/// Beside the builds, so that a clean checkout finds it again.
fn kept() -> PathBuf {
    let dir = gateway_path().with_file_name("clients");
    std::fs::create_dir_all(&dir).unwrap();
    dir
}

pub(crate) fn run(command: &mut Command) {
    let said = command.output().unwrap();
    assert!(
        said.status.success(),
        "{command:?}\n{}{}",
        String::from_utf8_lossy(&said.stdout),
        String::from_utf8_lossy(&said.stderr)
    );
}

/// Held while a package is fetched, so that tests beside each other fetch it once.
fn fetching(name: &str) -> std::fs::File {
    let lock = std::fs::File::create(kept().join(format!("{name}.lock"))).unwrap();
    lock.lock().unwrap();
    lock
}

/// A Python with these packages.
pub(crate) fn python(packages: &[&str]) -> PathBuf {
    let dir = kept().join(packages.join("-"));
    let program = dir.join("bin/python");
    let _alone = fetching(&packages.join("-"));
    if !dir.join("complete").exists() {
        run(Command::new("python3").args(["-m", "venv"]).arg(&dir));
        let mut pip = Command::new(&program);
        run(pip.args(["-m", "pip", "install", "--quiet"]).args(packages));
        std::fs::write(dir.join("complete"), "").unwrap();
    }
    program
}

/// A folder with this package of npm's.
pub(crate) fn node(package: &str) -> PathBuf {
    let dir = kept().join(format!("node-{package}"));
    let _alone = fetching(&format!("node-{package}"));
    if !dir.join("complete").exists() {
        std::fs::create_dir_all(&dir).unwrap();
        let mut npm = Command::new("npm");
        npm.args([
            "install",
            "--silent",
            "--no-audit",
            "--no-fund",
            "--omit=optional",
        ]);
        run(npm.arg("--prefix").arg(&dir).arg(package));
        std::fs::write(dir.join("complete"), "").unwrap();
    }
    dir
}

/// A Debian package's files, unpacked.
fn debian(package: &str) -> PathBuf {
    let dir = kept().join(package);
    if !dir.join("complete").exists() {
        std::fs::create_dir_all(&dir).unwrap();
        let fetch = |dir: &Path| {
            let mut apt = Command::new("apt-get");
            apt.args(["download", package]).current_dir(dir);
            apt.output().unwrap().status.success()
        };
        if !fetch(&dir) {
            run(Command::new("apt-get").arg("update"));
            assert!(fetch(&dir), "apt-get download {package}");
        }
        let archives = std::fs::read_dir(&dir).unwrap();
        let archive = archives
            .map(|one| one.unwrap().path())
            .find(|path| path.extension().is_some_and(|end| end == "deb"))
            .unwrap();
        run(Command::new("dpkg").arg("-x").arg(archive).arg(&dir));
        std::fs::write(dir.join("complete"), "").unwrap();
    }
    dir
}

fn value(gateway: &Gateway, query: &str) -> Option<String> {
    let path = format!("/api/v1/query?query={}", escape(query));
    let answer = web::json(&gateway.http, &path).ok()?;
    let found = answer["data"]["result"][0]["value"][1].as_str()?;
    Some(found.to_owned())
}

fn port(address: &str) -> &str {
    address.rsplit(':').next().unwrap()
}

const INFLUX: &str = r#"
import sys
from influxdb_client import InfluxDBClient, Point
from influxdb_client.client.write_api import SYNCHRONOUS
client = InfluxDBClient(url="http://" + sys.argv[1], token="t", org="o")
assert client.ping(), "ping"
points = [Point("room").tag("at", "cellar").field("temperature", 11.5).field("people", 2)]
client.write_api(write_options=SYNCHRONOUS).write(bucket="b", record=points)
"#;

const INFLUX_1: &str = r#"
import sys
from influxdb import InfluxDBClient
host, port = sys.argv[1].split(":")
client = InfluxDBClient(host, int(port), database="db")
client.create_database("db")
client.write_points([{"measurement": "old", "tags": {"at": "attic"}, "fields": {"value": 7.25}}])
"#;

const GRAPHYTE: &str = r#"
import sys, graphyte
sender = graphyte.Sender("127.0.0.1", port=int(sys.argv[1]), prefix="site")
sender.send("visits", 42, tags={"page": "home"})
sender.stop()
"#;

#[test]
fn pythons_clients_are_taken_as_they_are() {
    let gateway = Gateway::start(&[]);
    let python = python(&["influxdb-client", "influxdb", "graphyte"]);
    for (program, to) in [
        (INFLUX, gateway.http.as_str()),
        (INFLUX_1, gateway.http.as_str()),
        (GRAPHYTE, port(&gateway.graphite_tcp)),
    ] {
        run(Command::new(&python).args(["-c", program, to]));
    }
    for (query, expected) in [
        (r#"room_temperature{at="cellar"}"#, "11.5"),
        (r#"room_people{at="cellar"}"#, "2"),
        (r#"old_value{at="attic"}"#, "7.25"),
        (r#"{__name__="site.visits",page="home"}"#, "42"),
    ] {
        eventually(query, || match value(&gateway, query) {
            Some(found) if found == expected => Ok(()),
            other => Err(format!("{other:?}")),
        });
    }
}

pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn prometheus_itself_writes_here() {
    let gateway = Gateway::start(&[]);
    let program = debian("prometheus").join("usr/bin/prometheus");
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("prometheus.yml");
    // It scrapes the gateway, and sends what it found back.
    let text = format!(
        "global: {{scrape_interval: 1s}}\nscrape_configs:\n- job_name: weir\n  static_configs: [{{targets: ['{}']}}]\nremote_write:\n- url: http://{}/api/v1/write\n",
        gateway.http, gateway.http
    );
    std::fs::write(&config, text).unwrap();
    let _running = Running(
        Command::new(program)
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}/data", dir.path().display()))
            .arg("--web.listen-address=127.0.0.1:0")
            .arg("--log.level=error")
            .spawn()
            .unwrap(),
    );
    let query = format!(r#"up{{job="weir",instance="{}"}}"#, gateway.http);
    eventually("up of the scrape", || match value(&gateway, &query) {
        Some(found) if found == "1" => Ok(()),
        other => Err(format!("{other:?}")),
    });
    let stored = r#"weir_ingest_stored_total{job="weir",protocol="remote_write"}"#;
    eventually("a counter of ours", || {
        value(&gateway, stored).ok_or_else(|| "not there".to_owned())
    });
}
