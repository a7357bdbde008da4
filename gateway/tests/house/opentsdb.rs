//! OpenTSDB's port and its HTTP API; Graphite's pickles, which are a port of their own too.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use crate::programs::Gateway;
use crate::sending::{counted, now_ms, post, send, sums_close};
use crate::web::single;

/// Sends bytes, ends the stream, and gives what was answered.
pub(crate) fn talk(address: &str, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    stream.write_all(bytes).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    answer
}

#[test]
fn telnet_lines_are_stored_and_mistakes_told() {
    let gateway = Gateway::start(&[]);
    let now = now_ms() / 1_000;
    let text = format!(
        "version\nput tsd.cpu {now} 42.5 host=a dc=x\r\nput tsd.cpu {now} 1\nput tsd.cpu {now} ten host=a\n\
         put tsd.bad {now} 1 host=a b\nnonsense\nrollup x\nput tsd.late {now} 7 host=b\nexit\nput tsd.after {now} 1 a=b\n"
    );
    let answer = talk(&gateway.opentsdb, text.as_bytes());
    let answer = String::from_utf8(answer).unwrap();
    let lines: Vec<&str> = answer.lines().collect();
    assert!(lines[0].starts_with("weir-gateway "), "{answer}");
    for words in [
        "put: illegal argument: not enough arguments (need least 4, got 3)",
        "put: invalid value: ",
        "put: illegal argument: invalid tag: b",
        "unknown command: nonsense.  Try `help'.",
        "error: rollups are made here",
    ] {
        assert!(
            lines.iter().any(|line| line.starts_with(words)),
            "{words}: {answer}"
        );
    }
    assert_eq!(
        single(&gateway.http, r#"tsd.cpu{host="a", dc="x"}"#),
        Ok(42.5)
    );
    assert_eq!(single(&gateway.http, "tsd.late"), Ok(7.0));
    assert!(single(&gateway.http, "tsd.after").is_err());
    sums_close(&gateway.http, "opentsdb_telnet");
}

/// A client that waits for its answer gets it while the connection is open.
#[test]
fn answers_come_at_once() {
    let gateway = Gateway::start(&[]);
    let mut stream = TcpStream::connect(gateway.opentsdb.clone()).unwrap();
    stream.write_all(b"help\n").unwrap();
    let mut line = String::new();
    BufReader::new(&stream).read_line(&mut line).unwrap();
    assert!(line.contains("put"), "{line}");
}

#[test]
fn put_by_http_on_either_port() {
    let gateway = Gateway::start(&[]);
    let now = now_ms() / 1_000;
    for (at, address) in [gateway.http.clone(), gateway.opentsdb.clone()]
        .iter()
        .enumerate()
    {
        let json = format!(
            r#"[{{"metric":"tsd.http","timestamp":{now},"value":"{at}","tags":{{"host":"h{at}"}}}},
                {{"metric":"tsd.http","timestamp":{now},"value":1,"tags":{{}}}}]"#
        );
        let answer = post(address, "/api/put?details", &[], json.as_bytes());
        assert_eq!(answer.status, 400, "{answer:?}");
        let told: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!((&told["failed"], &told["success"]), (&1.into(), &1.into()));
        assert_eq!(told["errors"][0]["error"], "Missing tags");
        assert_eq!(told["errors"][0]["datapoint"]["value"], 1);
        let expr = format!(r#"tsd.http{{host="h{at}"}}"#);
        assert_eq!(single(&gateway.http, &expr), Ok(at as f64));
        let one = format!(r#"{{"metric":"m","timestamp":{now},"value":1,"tags":{{"a":"b"}}}}"#);
        assert_eq!(post(address, "/api/put", &[], one.as_bytes()).status, 204);
        let summary = post(address, "/api/put?summary&sync", &[], one.as_bytes());
        assert_eq!(summary.text(), r#"{"failed":0,"success":1}"#);
        let version = send(address, "GET", "/api/version", &[], b"");
        assert!(
            version.text().contains("short_revision"),
            "{}",
            version.text()
        );
        assert_eq!(post(address, "/api/put", &[], b"[]").status, 400);
        assert_eq!(post(&gateway.opentsdb, "/write", &[], b"a b=1").status, 404);
        // FAULTS 12.
        let deep = "[".repeat(100_000);
        assert_eq!(post(address, "/api/put", &[], deep.as_bytes()).status, 400);
    }
    sums_close(&gateway.http, "opentsdb_http");
}

/// FAULTS 1, 3: a megabyte without a newline costs only itself, and so does what is no text.
#[test]
fn a_line_without_end_is_told_and_the_next_is_taken() {
    let gateway = Gateway::start(&[]);
    let now = now_ms() / 1_000;
    let mut bytes = vec![b'x'; 1 << 20];
    bytes.extend(format!("\n\r\n\0\0\n\nput tsd.next {now} 1 a=b\n").into_bytes());
    let answer = String::from_utf8(talk(&gateway.opentsdb, &bytes)).unwrap();
    assert!(answer.starts_with("error: too_long"), "{answer}");
    assert_eq!(single(&gateway.http, "tsd.next"), Ok(1.0));
    sums_close(&gateway.http, "opentsdb_telnet");
}

/// `[("p.q", (time, value)), ("p.q", (time, "x"))]` in protocol 2, written by hand.
pub(crate) fn pickled(path: &str, time_s: i64, value: f64) -> Vec<u8> {
    let mut pickle = vec![0x80, 2, b']', b'('];
    for good in [true, false] {
        pickle.push(b'X');
        pickle.extend((path.len() as u32).to_le_bytes());
        pickle.extend(path.as_bytes());
        pickle.push(b'J');
        pickle.extend((time_s as i32).to_le_bytes());
        if good {
            pickle.push(b'G');
            pickle.extend(value.to_be_bytes());
        } else {
            pickle.extend(b"X\x01\0\0\0x");
        }
        pickle.extend([0x86, 0x86]);
    }
    pickle.extend(b"e.");
    let mut whole = (pickle.len() as u32).to_be_bytes().to_vec();
    whole.extend(pickle);
    whole
}

/// FAULTS 9.
#[test]
fn pickles_are_stored_and_code_is_not_run() {
    let gateway = Gateway::start(&[]);
    let (now, port) = (now_ms() / 1_000, gateway.pickle.clone());
    let two = [pickled("p.q;k=v", now, 5.5), pickled("p.r", -1, 6.5)].concat();
    assert!(talk(&port, &two).is_empty());
    assert_eq!(single(&gateway.http, r#"p.q{k="v"}"#), Ok(5.5));
    assert_eq!(single(&gateway.http, "p.r"), Ok(6.5));
    let bad = ["protocol=\"graphite_pickle\"", "reason=\"bad_value\""];
    assert_eq!(
        counted(&gateway.http, "weir_ingest_rejected_total", &bad),
        2.0
    );

    let ran = gateway.dir.path().join("the-pickle-ran");
    let code = format!("cos\nsystem\n(S'touch {}'\ntR.", ran.display());
    let mut whole = (code.len() as u32).to_be_bytes().to_vec();
    whole.extend(code.into_bytes());
    whole.extend(pickled("p.behind", now, 1.0));
    talk(&port, &whole);
    talk(&port, &[0x80, 0, 0, 0, 1, 2, 3]);
    assert!(single(&gateway.http, "p.behind").is_err());
    assert!(!ran.exists());
    for reason in ["unsupported", "too_long"] {
        let labels = [
            "protocol=\"graphite_pickle\"",
            &format!("reason=\"{reason}\""),
        ];
        let labels: Vec<&str> = labels.iter().map(|label| &**label).collect();
        assert_eq!(
            counted(&gateway.http, "weir_ingest_rejected_total", &labels),
            1.0,
            "{reason}"
        );
    }
    sums_close(&gateway.http, "graphite_pickle");
}
