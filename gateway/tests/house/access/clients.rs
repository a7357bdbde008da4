//! The field's own clients show their tokens as they always do, and take a refusal for what it is.

use std::process::{Child, Command};

use super::{account, create};
use crate::programs::{Gateway, eventually};
use crate::tools::{debian, interpreter};

const INFLUX: &str = r#"
import sys
from influxdb_client import InfluxDBClient, Point
from influxdb_client.client.write_api import SYNCHRONOUS
from influxdb_client.rest import ApiException
def write(token):
    client = InfluxDBClient(url="http://" + sys.argv[1], token=token, org="o")
    assert client.ping(), "ping"
    point = Point("room").field("temperature", 11.5)
    client.write_api(write_options=SYNCHRONOUS).write(bucket="b", record=point)
write(sys.argv[2])
try:
    write("weir_wrong")
except ApiException as refused:
    print(refused.status)
"#;

const INFLUX_1: &str = r#"
import sys
from influxdb import InfluxDBClient
from influxdb.exceptions import InfluxDBClientError
host, port = sys.argv[1].split(":")
def write(token):
    client = InfluxDBClient(host, int(port), "anybody", token, database="db")
    client.create_database("db")
    client.write_points([{"measurement": "old", "fields": {"value": 7.25}}])
write(sys.argv[2])
try:
    write("weir_wrong")
except InfluxDBClientError as refused:
    print(refused.code)
"#;

#[test]
fn pythons_clients_of_influxdb_show_a_token_and_are_told_401() {
    let gateway = Gateway::start(&["http.auth=write"]);
    let python = interpreter();
    let web = create(&gateway, "web", "write");
    for program in [INFLUX, INFLUX_1] {
        let mut client = Command::new(&python);
        let said = client
            .args(["-c", program, &gateway.http, &web])
            .output()
            .unwrap();
        let errors = String::from_utf8_lossy(&said.stderr);
        assert_eq!(
            String::from_utf8_lossy(&said.stdout).trim(),
            "401",
            "{errors}"
        );
    }
    let web = account(&gateway, "", "influx_http", "web").unwrap();
    assert_eq!(web["stored"], 2, "{web}");
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn prometheus_reads_with_one_token_and_writes_with_another() {
    let gateway = Gateway::start(&["http.auth=all"]);
    let reader = create(&gateway, "reader", "read");
    let writer = create(&gateway, "writer", "write");
    let program = debian("prometheus", &["prometheus"]).join("usr/bin/prometheus");
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("prometheus.yml");
    let address = &gateway.http;
    let text = format!(
        "global: {{scrape_interval: 1s}}\n\
         scrape_configs:\n- job_name: weir\n  static_configs: [{{targets: ['{address}']}}]\n  \
         authorization: {{credentials: '{reader}'}}\n\
         remote_write:\n- url: http://{address}/api/v1/write\n  \
         authorization: {{credentials: '{writer}'}}\n"
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
    let headers = format!("Authorization: Bearer {reader}\r\n");
    eventually("what it scraped is stored under its token", || {
        let writer = account(&gateway, &headers, "remote_write", "writer")?;
        let stored = writer["stored"].as_u64() > Some(20);
        stored.then_some(()).ok_or(writer.to_string())
    });
}
