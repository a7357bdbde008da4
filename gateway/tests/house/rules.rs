//! Rules over what comes in: dotted paths to labels, and one series of many.

use std::io::Write;
use std::net::TcpStream;
use std::path::Path;

use serde_json::Value;

use crate::programs::{Gateway, eventually};
use crate::web;
use crate::web::{get, post};

fn send(gateway: &Gateway, lines: &str) {
    let mut stream = TcpStream::connect(&gateway.graphite_tcp).unwrap();
    stream.write_all(lines.as_bytes()).unwrap();
}

/// The values of an instant query, with their label `host`.
fn values(gateway: &Gateway, query: &str) -> Vec<(String, String)> {
    let (status, body) = get(&gateway.http, &format!("/api/v1/query?query={query}")).unwrap();
    assert_eq!(status, 200, "{body}");
    let answer: Value = serde_json::from_str(&body).unwrap();
    let found = answer["data"]["result"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    found
        .map(|one| (text(&one["metric"]["host"]), text(&one["value"][1])))
        .collect()
}

fn wait_for(gateway: &Gateway, query: &str, expected: &[(&str, &str)]) {
    eventually(query, || {
        let found = values(gateway, query);
        let same = found
            .iter()
            .map(|(host, value)| (host.as_str(), value.as_str()));
        if same.eq(expected.iter().copied()) {
            Ok(())
        } else {
            Err(format!("{found:?}"))
        }
    });
}

fn write(dir: &Path, rules: &str) {
    std::fs::write(dir.join("m.yml"), rules).unwrap();
}

#[test]
fn paths_are_mapped_and_rules_are_read_again() {
    let rules = tempfile::tempdir().unwrap();
    write(
        rules.path(),
        "mappings:\n- {match: servers.*.load, name: load, labels: {host: $1}}\n- {match: debug.*, action: drop}\n",
    );
    let config = rules.path().join("gateway.toml");
    std::fs::write(
        &config,
        "http.admin = true\ngraphite.mappings = \"m.yml\"\n",
    )
    .unwrap();
    let gateway = Gateway::start_with(&config);
    // One connection for all of it: what it learnt must be forgotten.
    let mut stream = TcpStream::connect(&gateway.graphite_tcp).unwrap();
    stream
        .write_all(b"servers.web01.load 1 -1\ndebug.x 1 -1\nother 5 -1\n")
        .unwrap();
    wait_for(&gateway, "load", &[("web01", "1")]);
    wait_for(&gateway, "other", &[("", "5")]);
    let (_, metrics) = get(&gateway.http, "/metrics").unwrap();
    let line = r#"weir_ingest_rejected_total{protocol="graphite_tcp",reason="unwanted"} 1"#;
    assert!(metrics.contains(line), "{metrics}");

    write(rules.path(), "mappings:\n- {match: servers.b*, name: x}\n");
    let (status, told) = post(&gateway.http, "/-/reload", "").unwrap();
    assert_eq!(status, 500);
    assert!(told.contains("m.yml:2:11"), "{told}");
    send(&gateway, "servers.web02.load 2 -1\n");
    wait_for(&gateway, "load", &[("web01", "1"), ("web02", "2")]);

    write(
        rules.path(),
        "mappings:\n- {match: servers.*.load, name: node_load, labels: {host: $1}}\n",
    );
    let (status, told) = post(&gateway.http, "/-/reload", "").unwrap();
    assert_eq!((status, told.as_str()), (200, ""));
    // The connection finds out when it has handed something over.
    eventually("the new name", || {
        stream.write_all(b"servers.web01.load 3 -1\n").unwrap();
        match values(&gateway, "node_load").as_slice() {
            [(host, value)] if host == "web01" && value == "3" => Ok(()),
            found => Err(format!("{found:?}")),
        }
    });
}

#[test]
fn rules_that_are_read_again_hold_for_statsds_names_that_are_alive() {
    let rules = tempfile::tempdir().unwrap();
    let named =
        |name: &str| format!("mappings:\n- {{match: a.*, name: {name}, labels: {{x: $1}}}}\n");
    write(rules.path(), &named("old"));
    let config = rules.path().join("gateway.toml");
    let text = "http.admin = true\ngraphite.mappings = \"m.yml\"\nstatsd.interval = \"1s\"\n";
    std::fs::write(&config, text).unwrap();
    let gateway = Gateway::start_with(&config);
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let hit = || socket.send_to(b"a.s:1|c", &gateway.statsd_udp).unwrap();
    hit();
    let is = |query: &str, wanted: f64| {
        eventually(query, || match web::single(&gateway.http, query) {
            Ok(value) if value == wanted => Ok(()),
            other => Err(format!("{other:?}")),
        });
    };
    is(r#"old{x="s"}"#, 1.0);
    write(rules.path(), &named("new"));
    assert_eq!(post(&gateway.http, "/-/reload", "").unwrap().0, 200);
    hit();
    is(r#"new{x="s"}"#, 1.0);
    write(rules.path(), "mappings:\n- {match: a.*, action: drop}\n");
    assert_eq!(post(&gateway.http, "/-/reload", "").unwrap().0, 200);
    hit();
    eventually("the third is not wanted", || {
        let (_, metrics) = get(&gateway.http, "/metrics")?;
        let line = r#"weir_ingest_rejected_total{protocol="statsd_udp",reason="unwanted"} 1"#;
        match metrics.contains(line) {
            true => Ok(()),
            false => Err(metrics),
        }
    });
    is(r#"old{x="s"}"#, 1.0);
    is(r#"new{x="s"}"#, 1.0);
}

/// The sum of a counter's lines for Graphite over TCP.
fn counted(metrics: &str, name: &str) -> u64 {
    let wanted = format!("weir_ingest_{name}_total{{protocol=\"graphite_tcp\"");
    let lines = metrics.lines().filter(|line| line.starts_with(&wanted));
    let values = lines.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap());
    values.sum()
}

#[test]
fn series_become_one_and_the_books_close() {
    let rules = tempfile::tempdir().unwrap();
    let file = rules.path().join("aggregation.yml");
    std::fs::write(
        &file,
        "- {match: req, interval: 1s, by: [dc], outputs: [count_series, max], keep: false, grace: 0s}\n",
    )
    .unwrap();
    let config = rules.path().join("gateway.toml");
    std::fs::write(
        &config,
        "http.admin = true\naggregation.rules = [\"aggregation.yml\"]\n",
    )
    .unwrap();
    let mut gateway = Gateway::start_with(&config);
    // Until a whole interval was told in which both hosts were heard.
    eventually("both hosts in one", || {
        send(&gateway, "req;dc=a;host=1 3 -1\nreq;dc=a;host=2 4 -1\n");
        match values(&gateway, "req:count_series==2").as_slice() {
            [_] => Ok(()),
            found => Err(format!("{found:?}")),
        }
    });
    wait_for(&gateway, "req:max", &[("", "4")]);
    eventually("the books", || {
        let (_, metrics) = get(&gateway.http, "/metrics").unwrap();
        let of = |name| counted(&metrics, name);
        let outcomes = of("stored") + of("rejected") + of("dropped") + of("aggregated");
        if of("aggregated") > 0 && of("received") == outcomes {
            Ok(())
        } else {
            Err(metrics)
        }
    });
    std::fs::write(&file, "- {match: req, interval: 1s, outputs: [median]}\n").unwrap();
    let (status, told) = post(&gateway.http, "/-/reload", "").unwrap();
    assert_eq!(status, 500);
    assert!(told.contains("aggregation.yml:1:"), "{told}");
    gateway.program.stop();
}
