//! The wrong protocol on a port: one clear error, in the stranger's own words where it has any, and in the log.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use weir_wire::frame::{self, Frame, Hello, RefuseCode};

use super::{books, causes, now_s, said, tcp};
use crate::programs::{Gateway, eventually};
use crate::web;

const HTTP: &[u8] = b"GET /metrics HTTP/1.1\r\nHost: weir\r\n\r\n";
/// The front of a handshake of TLS 1.3.
const TLS: &[u8] = b"\x16\x03\x01\x00\xc8\x01\x00\x00\xc4\x03\x03aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
/// A TLS alert record, fatal.
const ALERT: &[u8] = b"\x15\x03\x01\x00\x02\x02";

fn hello() -> Vec<u8> {
    let mut bytes = Vec::new();
    let hello = Hello {
        version: frame::VERSION,
        token: String::new(),
        agent: "stranger".into(),
        boot: 1,
        interval_ms: 1_000,
        labels: Vec::new(),
    };
    frame::encode(&Frame::Hello(hello), &mut bytes);
    bytes
}

fn logged(gateway: &Gateway, words: &str) {
    eventually(&format!("{words:?} in the log"), || {
        let log = gateway.program.log();
        log.contains(words).then_some(()).ok_or(log)
    });
}

/// FAULTS 14. OpenTSDB's port speaks HTTP too, as there.
#[test]
fn http_on_any_other_port_is_answered_in_http() {
    let gateway = Gateway::start(&[]);
    for (port, speaks) in [
        (&gateway.graphite_tcp, "Graphite's lines"),
        (&gateway.pickle, "Graphite's pickles"),
        (&gateway.frames, "agents' frames"),
    ] {
        let answer = said(port, HTTP);
        assert!(answer.starts_with("HTTP/1.1 400 "), "{speaks}: {answer}");
        let words = format!("this port speaks {speaks}, and this is HTTP: send it to http.listen");
        assert!(answer.contains(&words), "{answer}");
        logged(&gateway, &words);
    }
    for protocol in ["graphite_tcp", "graphite_pickle"] {
        let refused = causes(&[("malformed", 1)]);
        assert_eq!(books(&gateway, protocol, 1), (0, refused), "{protocol}");
    }
    let (_, metrics) = web::get(&gateway.http, "/metrics").unwrap();
    let counted = r#"weir_frames_sessions_failed_total{reason="protocol"} 1"#;
    assert!(metrics.contains(counted), "{metrics}");
}

/// FAULTS 14.
#[test]
fn tls_on_a_plain_port_is_answered_with_an_alert() {
    let gateway = Gateway::start(&[]);
    for port in [
        &gateway.graphite_tcp,
        &gateway.pickle,
        &gateway.opentsdb,
        &gateway.frames,
    ] {
        let answer = tcp(port, TLS);
        assert!(answer.starts_with(ALERT), "{port}: {answer:?}");
    }
    logged(&gateway, "this is TLS: connect without it");
    // The HTTP port ends it in its own way.
    let answer = said(&gateway.http, TLS);
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 400"),
        "{answer}"
    );
    assert_eq!(web::get(&gateway.http, "/-/healthy").unwrap().0, 200);
}

/// FAULTS 14.
#[test]
fn lines_and_frames_on_each_others_ports_are_named() {
    let gateway = Gateway::start(&[]);
    let lines = format!("a.b 1 {0}\na.c 1 {0}\n", now_s());
    match frame::decode(&tcp(&gateway.frames, lines.as_bytes())) {
        Ok(Some((Frame::Refuse(refuse), _))) => {
            assert_eq!(refuse.code, RefuseCode::Malformed);
            assert!(
                refuse
                    .message
                    .contains("this is lines of text: send them to graphite.listen"),
                "{}",
                refuse.message
            );
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(said(&gateway.pickle, lines.as_bytes()), "");
    logged(
        &gateway,
        "this port speaks Graphite's pickles, and this is lines of text",
    );
    assert_eq!(said(&gateway.graphite_tcp, &hello()), "");
    logged(
        &gateway,
        "this port speaks Graphite's lines, and this is an agent's frames: send them to frames.listen",
    );
    for (protocol, port) in [("lines", lines.as_bytes()), ("frames", hello().as_slice())] {
        let answer = said(&gateway.http, port);
        assert!(answer.starts_with("HTTP/1.1 400"), "{protocol}: {answer}");
    }
    // Lines that begin like HTTP are lines.
    let line = format!("GET.requests;path=/ 1 {}\n", now_s());
    tcp(&gateway.graphite_tcp, line.as_bytes());
    assert_eq!(web::single(&gateway.http, "GET.requests"), Ok(1.0));
}

/// Sends a request that is not well formed, and gives back the status.
fn status(gateway: &Gateway, request: &[u8]) -> u16 {
    let answer = said(&gateway.http, request);
    let word = answer.split(' ').nth(1);
    let status = word.and_then(|word| word.parse().ok());
    status.unwrap_or_else(|| panic!("no status: {answer:.300}"))
}

/// FAULTS 13: what two servers may read in two ways is taken by none.
#[test]
fn smuggled_requests_and_ten_thousand_headers_are_refused() {
    let gateway = Gateway::start(&[]);
    let smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";
    let both = format!(
        "POST /write HTTP/1.1\r\nHost: a\r\nContent-Length: {}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{smuggled}",
        5 + smuggled.len()
    );
    let answer = said(&gateway.http, both.as_bytes());
    // As RFC 9112, 6.3: refused, or read by the chunks alone and the connection closed behind them.
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
    for headers in [
        "Content-Length: 5\r\nContent-Length: 6\r\n",
        "Content-Length: 5, 6\r\n",
        "Content-Length: -1\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: 99999999999999999999\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Content-Length : 5\r\n",
        "Content\0Length: 5\r\n",
        "A: b\r\n folded: c\r\nContent-Length: 5\r\n",
    ] {
        let request =
            format!("POST /write HTTP/1.1\r\nHost: a\r\nConnection: close\r\n{headers}\r\nm v=1");
        let answer = status(&gateway, request.as_bytes());
        assert!((400..500).contains(&answer), "{answer}: {headers:?}");
    }
    let many: String = (0..10_000).map(|n| format!("X-{n}: y\r\n")).collect();
    let request = format!("GET / HTTP/1.1\r\nHost: a\r\n{many}\r\n");
    assert!((400..500).contains(&status(&gateway, request.as_bytes())));
    let long = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(1 << 20));
    assert!((400..500).contains(&status(&gateway, long.as_bytes())));
    assert!(web::query(&gateway.http, "m_v").unwrap().is_empty());
}

/// FAULTS 13: who sends nothing more holds nobody up; how long such a one may stay is the listener's own limit.
#[test]
fn slow_heads_and_bodies_hold_no_worker() {
    let gateway = Gateway::start(&[]);
    let mut slow = Vec::new();
    for n in 0..300 {
        let mut stream = TcpStream::connect(&gateway.http).unwrap();
        let begun: &[u8] = match n % 2 {
            0 => b"GET / HTTP/1.1\r\nHost: a\r\nX-",
            _ => b"POST /write HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nm v",
        };
        stream.write_all(begun).unwrap();
        slow.push(stream);
    }
    for _ in 0..20 {
        assert_eq!(web::get(&gateway.http, "/-/healthy").unwrap().0, 200);
    }
    let (status, _) = web::post_bytes(&gateway.http, "/write", "", b"quick v=1\n").unwrap();
    assert_eq!(status, 204);
    let quiet = slow.iter_mut().all(|stream| {
        stream
            .set_read_timeout(Some(Duration::from_millis(1)))
            .unwrap();
        !matches!(stream.read(&mut [0; 20]), Ok(1..))
    });
    assert!(quiet, "none was answered as if it had been whole");
}
