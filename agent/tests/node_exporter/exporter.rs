//! A running node_exporter out of Debian's package, on a port the system chose, and what it shows.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use weir_agent::collect::CollectConfig;
use weir_agent::config::Config;
use weir_wire::SeriesKey;
use weir_wire::exposition::{self, Format, Measured};

use crate::tools;

pub(crate) type Values = HashMap<SeriesKey, f64>;

/// Killed when dropped.
pub(crate) struct Exporter {
    child: Child,
    /// One connection for all time: each would count among the host's sockets, and the agent's rounds would see none.
    stream: BufReader<TcpStream>,
}

impl Exporter {
    /// Of a command that becomes node_exporter.
    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
        let mut said = Vec::new();
        let address = loop {
            let Some(Ok(line)) = log.next() else {
                panic!("node_exporter ended: {said:#?}");
            };
            if line.contains("Listening on") {
                break line.rsplit_once("address=").unwrap().1.trim().to_owned();
            }
            said.push(line);
        };
        std::thread::spawn(move || log.for_each(drop));
        let stream = BufReader::new(TcpStream::connect(address).unwrap());
        Self { child, stream }
    }

    pub(crate) fn scrape(&mut self) -> Values {
        let body = self.get("/metrics");
        let mut values = Values::new();
        for family in exposition::parse(&body, Format::Text).unwrap() {
            for sample in &family.samples {
                let Measured::Float(value) = sample.value else {
                    panic!("{} is no number", sample.name);
                };
                if sample.name.starts_with("node_") {
                    values.insert(exposition::series_key(sample, &[]).unwrap(), value);
                }
            }
        }
        assert!(!values.is_empty());
        values
    }

    /// A body in chunks, as all that are long.
    fn get(&mut self, path: &str) -> Vec<u8> {
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        self.stream.get_mut().write_all(request.as_bytes()).unwrap();
        let status = self.line();
        assert!(status.contains(" 200 "), "{status}");
        let mut is_chunked = false;
        loop {
            let header = self.line().to_lowercase();
            if header.is_empty() {
                break;
            }
            is_chunked |= header == "transfer-encoding: chunked";
        }
        assert!(is_chunked);
        let mut body = Vec::new();
        loop {
            let length = usize::from_str_radix(&self.line(), 16).unwrap();
            let start = body.len();
            body.resize(start + length, 0);
            self.stream.read_exact(&mut body[start..]).unwrap();
            assert!(self.line().is_empty());
            if length == 0 {
                return body;
            }
        }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stream.read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn path() -> PathBuf {
    let root = tools::debian("node-exporter", &["prometheus-node-exporter"]);
    root.join("usr/bin/prometheus-node-exporter")
}

/// The agent's own defaults.
pub(crate) fn defaults() -> CollectConfig {
    Config::load(None, std::iter::empty(), &[]).unwrap().collect
}

/// What makes node_exporter leave out the same as the agent, and listen on loopback.
pub(crate) fn arguments(config: &CollectConfig) -> Vec<String> {
    let none_if_empty = |pattern: &str| match pattern {
        "" => "^$".to_owned(),
        pattern => pattern.to_owned(),
    };
    let mut arguments = vec![
        "--web.listen-address=127.0.0.1:0".to_owned(),
        // It would count among the host's sockets.
        "--no-collector.netdev.netlink".to_owned(),
        // A speed of -1 is none.
        "--collector.netclass.ignore-invalid-speed".to_owned(),
    ];
    for (flag, pattern) in [
        ("filesystem.mount-points-exclude", &config.mount_exclude),
        ("filesystem.fs-types-exclude", &config.fs_type_exclude),
        ("netdev.device-exclude", &config.net_exclude),
        ("arp.device-exclude", &config.net_exclude),
        ("netclass.ignored-devices", &config.net_exclude),
        ("diskstats.device-exclude", &config.disk_exclude),
        ("netstat.fields", &config.netstat_include),
        // This one it wraps in ^(?:...)$ by itself.
        (
            "systemd.unit-exclude",
            &format!(".*(?:{})", config.unit_exclude),
        ),
    ] {
        arguments.push(format!("--collector.{flag}={}", none_if_empty(pattern)));
    }
    arguments
}
