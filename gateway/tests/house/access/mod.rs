//! Who may come in, and how much: tokens, TLS, signatures, networks, rates and priorities, against a started gateway.

mod clients;
mod datagrams;
mod limits;
mod tls;
mod tokens;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::programs::{Gateway, eventually, gateway_path, run};
use crate::web;

fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.unwrap().as_millis() as u64
}

fn token_file(gateway: &Gateway) -> PathBuf {
    gateway.dir.path().join("tokens.toml")
}

/// `weir-gateway token ...` on this gateway's file; what it printed.
fn token(gateway: &Gateway, words: &[&str]) -> String {
    let file = token_file(gateway);
    let all = [&["token", "--file", file.to_str().unwrap()], words].concat();
    let (code, text) = run(&gateway_path(), &all);
    assert_eq!(code, 0, "{text}");
    text.trim().to_owned()
}

/// Makes a token and waits until the gateway knows it.
fn create(gateway: &Gateway, name: &str, scope: &str) -> String {
    let made = token(gateway, &["create", name, "--scope", scope]);
    let all = token(gateway, &["list"]).lines().count() - 1;
    let known = format!("weir_access_tokens {all}");
    eventually("the token is known", || {
        let headers = format!("X-Api-Key: {made}\r\n");
        match web::get_with(&gateway.http, "/metrics", &headers)? {
            // It is, and is not good for reading.
            (403, _) => Ok(()),
            (_, body) if body.contains(&known) => Ok(()),
            (_, body) => Err(body),
        }
    });
    made
}

/// Sends lines and waits for the close; what was answered.
fn lines(address: &str, text: &str) -> String {
    converse(TcpStream::connect(address).unwrap(), text.as_bytes())
}

fn converse(mut stream: TcpStream, bytes: &[u8]) -> String {
    // It may be closed already.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(Shutdown::Write);
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    answer
}

/// The account of a source by a protocol.
fn account(
    gateway: &Gateway,
    headers: &str,
    protocol: &str,
    source: &str,
) -> Result<Value, String> {
    let (_, body) = web::get_with(&gateway.http, "/api/v1/status/ingest", headers)?;
    let all: Value = serde_json::from_str(&body).map_err(|error| error.to_string())?;
    let protocols = all["data"]["protocols"].as_array().ok_or(body.clone())?;
    let of_protocol = protocols.iter().find(|one| one["protocol"] == protocol);
    let sources = of_protocol.and_then(|one| one["sources"].as_array());
    let found = sources.and_then(|all| all.iter().find(|one| one["source"] == source));
    found.cloned().ok_or(body)
}

/// What `weir_access_refused_total` says.
fn refused(gateway: &Gateway, headers: &str, listener: &str, reason: &str) -> u64 {
    let (_, text) = web::get_with(&gateway.http, "/metrics", headers).unwrap();
    let name = format!("weir_access_refused_total{{listener=\"{listener}\",reason=\"{reason}\"}} ");
    let line = text.lines().find_map(|line| line.strip_prefix(&name));
    line.map_or(0, |number| number.parse().unwrap())
}
