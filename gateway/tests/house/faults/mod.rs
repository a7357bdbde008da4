//! What bad input and overload come to, each case with its number in the list of faults: the sender is told where its
//! protocol has words, a counter goes up, the neighbours are stored, and the books close.

mod input;
mod numbers;
mod overload;
mod ports;
mod spool;
mod time;
mod transport;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream, UdpSocket};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::programs::{Gateway, eventually};
use crate::sending::{labels, sample, snappy, within};
use crate::web;

fn now_s() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap().as_secs()
}

/// Sends, ends its side, and gives back all that is said until the other side is ended too.
fn tcp(address: &str, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).unwrap();
    let patience = Some(Duration::from_secs(30));
    stream.set_read_timeout(patience).unwrap();
    // It may be cut off in the middle.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(Shutdown::Write);
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
            panic!("{address} neither answers nor ends")
        }
        _ => answer,
    }
}

fn said(address: &str, bytes: &[u8]) -> String {
    String::from_utf8_lossy(&tcp(address, bytes)).into_owned()
}

fn udp(gateway: &Gateway, bytes: &[u8]) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.send_to(bytes, &gateway.graphite_udp).unwrap();
}

/// `{name, room="cellar"}` as `prometheus.WriteRequest`, in snappy.
fn write_request(name: &str, samples: &[(u64, f64)]) -> Vec<u8> {
    let labels = labels(&[("__name__", name), ("room", "cellar")]);
    let samples = samples
        .iter()
        .flat_map(|(at_s, value)| sample(*value, *at_s as i64 * 1_000));
    snappy(&within(
        1,
        &labels.into_iter().chain(samples).collect::<Vec<u8>>(),
    ))
}

const SNAPPY: &str = "Content-Type: application/x-protobuf\r\nContent-Encoding: snappy\r\n\
    X-Prometheus-Remote-Write-Version: 0.1.0\r\n";

/// A protocol's account, which closes: `received = stored + rejected + dropped + aggregated`.
fn account(gateway: &Gateway, protocol: &str) -> Result<Value, String> {
    let answer = web::json(&gateway.http, "/api/v1/status/ingest")?;
    let all = answer["data"]["protocols"].as_array().unwrap();
    for one in all {
        let count = |key: &str| one[key].as_u64().unwrap_or(0);
        let sum = |causes: &Value| -> u64 {
            let causes = causes.as_object().unwrap().values();
            causes.map(|count| count.as_u64().unwrap()).sum()
        };
        let known =
            count("stored") + count("aggregated") + sum(&one["rejected"]) + sum(&one["dropped"]);
        assert_eq!(count("received"), known, "{one}");
    }
    let found = all.iter().find(|one| one["protocol"] == protocol);
    found.cloned().ok_or(format!("no {protocol} in {answer}"))
}

/// What was stored, and what was refused by which causes, once so much was received.
fn books(gateway: &Gateway, protocol: &str, received: u64) -> (u64, Vec<(String, u64)>) {
    let account = eventually(&format!("{received} by {protocol}"), || {
        let account = account(gateway, protocol)?;
        let waiting = account["waiting"].as_u64().unwrap_or(0);
        let all = account["received"] == received && waiting == 0;
        all.then(|| account.clone()).ok_or(account.to_string())
    });
    let rejected = account["rejected"].as_object().unwrap();
    let rejected = rejected
        .iter()
        .map(|(cause, count)| (cause.clone(), count.as_u64().unwrap()));
    let mut rejected: Vec<_> = rejected.filter(|(_, count)| *count > 0).collect();
    rejected.sort();
    (account["stored"].as_u64().unwrap(), rejected)
}

fn causes(causes: &[(&str, u64)]) -> Vec<(String, u64)> {
    let mut causes: Vec<_> = causes
        .iter()
        .map(|(cause, count)| ((*cause).to_owned(), *count))
        .collect();
    causes.sort();
    causes
}

/// Bytes that the gateway's process holds in memory.
fn resident_bytes(gateway: &Gateway) -> u64 {
    let path = format!("/proc/{}/status", gateway.program.pid().as_raw_nonzero());
    let status = std::fs::read_to_string(path).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib << 10
}
