//! StatsD and DogStatsD at the gateway: real sockets, the field's clients, a query, and the ledger. A test of one of the
//! house's numbered faults has the number in its name.

use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::programs::{Gateway, eventually};
use crate::tools::{node, python_with, run};
use crate::web::{self, escape};

mod admitted;
mod agent;
mod clients;
mod etsy;
mod faults;

/// A gateway that takes StatsD, with an interval of a second.
fn gateway(sets: &[&str]) -> Gateway {
    let own = ["statsd.interval=1s", "statsd.origin=gw1"];
    Gateway::start(&[&own, sets].concat())
}

fn udp() -> UdpSocket {
    UdpSocket::bind("127.0.0.1:0").unwrap()
}

fn send(gateway: &Gateway, datagram: &[u8]) {
    udp().send_to(datagram, &gateway.statsd_udp).unwrap();
}

/// What a query answers: each series' labels and value.
fn ask(gateway: &Gateway, query: &str) -> Result<Vec<(Value, String)>, String> {
    let path = format!("/api/v1/query?query={}", escape(query));
    let answer = web::json(&gateway.http, &path)?;
    let found = answer["data"]["result"]
        .as_array()
        .ok_or(answer.to_string())?;
    let one = |found: &Value| {
        let value = found["value"][1].as_str().unwrap_or("a distribution");
        (found["metric"].clone(), value.to_owned())
    };
    Ok(found.iter().map(one).collect())
}

/// Waits until a query of one series has this value.
fn is(gateway: &Gateway, query: &str, expected: &str) {
    eventually(query, || match ask(gateway, query)?.as_slice() {
        [(_, value)] if value == expected => Ok(()),
        other => Err(format!("{other:?} is not {expected}")),
    });
}

fn account(gateway: &Gateway, protocol: &str) -> Result<Value, String> {
    let answer = web::json(&gateway.http, "/api/v1/status/ingest")?;
    let all = answer["data"]["protocols"]
        .as_array()
        .ok_or(answer.to_string())?;
    let found = all.iter().find(|one| one["protocol"] == protocol);
    found.cloned().ok_or(format!("no {protocol} in {answer}"))
}

fn count(account: &Value, key: &str) -> u64 {
    account[key].as_u64().unwrap()
}

fn sum(causes: &Value) -> u64 {
    let causes = causes.as_object().unwrap().values();
    causes.map(|count| count.as_u64().unwrap()).sum()
}

/// Waits until so many metrics are known, and checks that the sum closes.
fn received(gateway: &Gateway, protocol: &str, metrics: u64) -> Value {
    let account = eventually("everything is counted", || {
        let account = account(gateway, protocol)?;
        match count(&account, "received") == metrics {
            true => Ok(account),
            false => Err(account.to_string()),
        }
    });
    let known = count(&account, "stored")
        + count(&account, "aggregated")
        + sum(&account["rejected"])
        + sum(&account["dropped"]);
    assert_eq!(known, metrics, "{account}");
    account
}

fn now_s() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap().as_secs()
}

#[test]
fn every_kind_by_every_socket_is_one_series() {
    let dir = tempfile::tempdir().unwrap();
    let (datagrams, stream) = (dir.path().join("d.sock"), dir.path().join("s.sock"));
    let gateway = gateway(&[
        &format!("statsd.unix_listen={}", datagrams.display()),
        &format!("statsd.unix_stream_listen={}", stream.display()),
        "statsd.dialect=dogstatsd",
    ]);
    let packet = b"hits:1:2|c|@0.5|#k:v\nload:-5|g\nt:10|ms:20|h:30|d\nseen:a|s\nhits:-1|c|#k:v";
    send(&gateway, packet);
    let unix = UnixDatagram::unbound().unwrap();
    unix.send_to(packet, &datagrams).unwrap();
    let mut tcp = TcpStream::connect(&gateway.statsd_tcp).unwrap();
    tcp.write_all(packet).unwrap();
    drop(tcp);
    let mut unix = UnixStream::connect(&stream).unwrap();
    unix.write_all(&(packet.len() as u32).to_le_bytes())
        .unwrap();
    unix.write_all(packet).unwrap();
    for protocol in [
        "statsd_udp",
        "statsd_unix",
        "statsd_tcp",
        "statsd_unix_stream",
    ] {
        let account = received(&gateway, protocol, 8);
        assert_eq!(count(&account, "aggregated"), 8, "{account}");
    }
    is(&gateway, r#"hits{k="v",gateway="gw1"}"#, "24");
    is(&gateway, "hits_decrements", "4");
    is(&gateway, "load", "-5");
    is(&gateway, "t_count", "12");
    is(&gateway, "t_sum", "240");
    is(&gateway, "seen", "0");
    is(&gateway, "round(max_over_time(t_p50[1m]))", "20");
}

#[test]
fn a_stop_stores_the_open_interval_and_takes_the_socket_files_away() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("d.sock");
    let mut gateway = gateway(&[
        "statsd.interval=1h",
        &format!("statsd.unix_listen={}", path.display()),
    ]);
    for _ in 0..100 {
        send(&gateway, b"last:1|c");
    }
    let sender = UnixDatagram::unbound().unwrap();
    sender.send_to(b"last:1|c", &path).unwrap();
    gateway.program.stop();
    assert!(!path.exists());
    // One left behind by a gateway that was killed is in nobody's way.
    drop(UnixDatagram::bind(&path).unwrap());
    gateway.restart();
    is(&gateway, "last", "101");
}

#[test]
fn dialects_disagree_by_listener() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("d.sock");
    let gateway = gateway(&[&format!("statsd.unix_listen={}", path.display())]);
    let packet = b"g:10|g\ng:-3|g\nother:4|kv\n_sc|db|1";
    send(&gateway, packet);
    let account = received(&gateway, "statsd_udp", 4);
    assert_eq!(account["rejected"]["unsupported"], 1);
    is(&gateway, "g", "7");
    is(&gateway, "other", "4");
    let sender = UnixDatagram::unbound().unwrap();
    sender.send_to(packet, &path).unwrap();
    let account = received(&gateway, "statsd_unix", 4);
    assert_eq!(account["rejected"]["unknown_type"], 1);
    is(&gateway, "g", "-3");
    is(&gateway, "db", "1");
}

#[test]
fn a_given_time_is_stored_as_given_apart_from_what_is_aggregated() {
    let gateway = gateway(&["statsd.dialect=dogstatsd"]);
    let at = now_s() - 60;
    let text = format!(
        "jobs:3|c|T{at}|#gateway:mine\njobs:4|c|T{}\njobs:1|c\ntemp:-4.5|g|T{at}\nbad:1|ms|T{at}\nold:1|c|T1000",
        at + 1
    );
    send(&gateway, text.as_bytes());
    let account = received(&gateway, "statsd_udp", 6);
    assert_eq!(count(&account, "stored"), 3, "{account}");
    assert_eq!(account["rejected"]["unsupported"], 1);
    assert_eq!(account["rejected"]["too_old"], 1);
    is(&gateway, r#"sum_over_time(jobs{gateway=""}[5m])"#, "7");
    is(&gateway, r#"jobs{gateway="gw1"}"#, "1");
    is(&gateway, &format!("temp @ {at}"), "-4.5");
}

#[test]
fn several_gateways_own_a_part_each() {
    let (one, two) = (gateway(&[]), gateway(&["statsd.origin=gw2"]));
    for gateway in [&one, &two] {
        send(gateway, b"parts:2|c|#gateway:gw1");
    }
    is(&one, r#"parts{gateway="gw1"}"#, "2");
    is(&two, r#"parts{gateway="gw2"}"#, "2");
}

#[test]
fn etsys_names_are_reached_by_graphites_api() {
    let gateway = gateway(&[
        "statsd.naming=graphite",
        "statsd.origin=",
        "statsd.graphite.percentiles=[90,-10]",
        "statsd.graphite.histogram=[{metric='api',bins=[10,inf]}]",
    ]);
    let packet: Vec<String> = (1..=10).map(|n| format!("api.t:{n}|ms")).collect();
    send(&gateway, packet.join("\n").as_bytes());
    send(&gateway, b"api.hits:3|c\nbroken\nload:4|g\nusers:x|s");
    let path = "/render?format=json&from=-1min&target=";
    for (target, expected) in [
        ("stats_counts.api.hits", 3.0),
        ("stats.api.hits", 3.0),
        ("stats.timers.api.t.mean_90", 5.0),
        ("stats.timers.api.t.lower_top10", 10.0),
        ("stats.timers.api.t.histogram.bin_10", 9.0),
        ("stats.timers.api.t.count_ps", 10.0),
        ("stats.gauges.load", 4.0),
        ("stats.sets.users.count", 1.0),
        ("stats_counts.statsd.bad_lines_seen", 1.0),
        ("stats_counts.statsd.packets_received", 2.0),
    ] {
        eventually(target, || {
            let answer = web::json(&gateway.http, &format!("{path}{target}"))?;
            let points = answer[0]["datapoints"]
                .as_array()
                .ok_or(answer.to_string())?;
            let found = points.iter().any(|point| point[0] == expected);
            found.then_some(()).ok_or(answer.to_string())
        });
    }
}

#[test]
fn what_datadogs_clients_say_of_themselves_is_in_the_ledger() {
    let gateway = gateway(&["statsd.dialect=dogstatsd"]);
    send(
        &gateway,
        b"datadog.dogstatsd.client.metrics:41|c|#client:go\ndatadog.dogstatsd.client.packets_dropped:2|c|#client:go",
    );
    let account = received(&gateway, "statsd_udp", 2);
    assert_eq!(account["client"]["sent"], 41, "{account}");
    assert_eq!(account["client"]["dropped"], 2, "{account}");
}
