//! What hostile, broken and slow HTTP does: FAULTS 5, 6, 11, 13, 14, 16 to 19, by every protocol that comes by HTTP. The good
//! neighbour is stored, the refusal is told and counted.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::json;

use crate::programs::Gateway;
use crate::sending::{
    Answer, counted, gzip, labels, now_ms, post, sample, send, snappy, sums_close, within,
};
use crate::web::single;

const JSON: &str = "Content-Type: application/json";

/// Sends these bytes and reads until the other side is done; longer than a minute is a failure.
fn talk(address: &str, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    let patience = Some(Duration::from_secs(60));
    stream.set_read_timeout(patience).unwrap();
    // It may be closed before all is written.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    let waited = read.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock);
    assert!(!waited, "still open: {answer:?}");
    String::from_utf8_lossy(&answer).into_owned()
}

fn otlp(points: &[(i64, f64)]) -> Vec<u8> {
    let point = |(ms, value): &(i64, f64)| json!({"timeUnixNano": format!("{ms}000000"), "asDouble": value});
    let points: Vec<_> = points.iter().map(point).collect();
    let metric = json!({"name": "otel", "gauge": {"dataPoints": points}});
    let all = json!({"resourceMetrics": [{"scopeMetrics": [{"metrics": [metric]}]}]});
    all.to_string().into_bytes()
}

fn written(points: &[(i64, f64)]) -> Vec<u8> {
    let samples: Vec<u8> = points
        .iter()
        .flat_map(|(ms, value)| sample(*value, *ms))
        .collect();
    let series = [labels(&[("__name__", "prometheus")]), samples].concat();
    snappy(&within(1, &series))
}

/// The same points by every protocol with times, and the name each has then.
fn by_all(gateway: &Gateway, points: &[(i64, f64)]) -> Vec<(&'static str, &'static str, Answer)> {
    let lines = |form: &dyn Fn(i64, f64) -> String| -> Vec<u8> {
        let all: String = points.iter().map(|(ms, value)| form(*ms, *value)).collect();
        all.into_bytes()
    };
    let influx = lines(&|ms, value| format!("influx v={value} {ms}\n"));
    let collectd = |(ms, value): &(i64, f64)| {
        json!({"values": [value], "dstypes": ["gauge"], "dsnames": ["value"],
               "time": *ms as f64 / 1_000.0, "host": "h", "plugin": "p", "type": "p"})
    };
    let collectd: Vec<_> = points.iter().map(collectd).collect();
    let put = |(ms, value): &(i64, f64)| json!({"metric": "tsdb", "timestamp": ms, "value": value, "tags": {"a": "b"}});
    let put: Vec<_> = points.iter().map(put).collect();
    let text = |value: Vec<serde_json::Value>| json!(value).to_string().into_bytes();
    let http = &gateway.http;
    vec![
        (
            "influx_http",
            "influx_v",
            post(http, "/write?precision=ms", &[], &influx),
        ),
        (
            "opentsdb_http",
            "tsdb",
            post(http, "/api/put?details", &[JSON], &text(put)),
        ),
        (
            "collectd",
            "collectd_p",
            post(http, "/collectd", &[JSON], &text(collectd)),
        ),
        (
            "remote_write",
            "prometheus",
            post(http, "/api/v1/write", &[], &written(points)),
        ),
        (
            "otlp",
            "otel",
            post(http, "/v1/metrics", &[JSON], &otlp(points)),
        ),
    ]
}

/// FAULTS 17, 18.
#[test]
fn times_that_cannot_be_are_told_and_the_neighbour_is_stored() {
    let gateway = Gateway::start(&["store.raw=1h"]);
    let now = now_ms();
    let points = [
        (now - 5_000, 1.0),
        (now + 3_600_000, 2.0),
        (now - 7_200_000, 3.0),
    ];
    for (protocol, series, answer) in by_all(&gateway, &points) {
        let told = answer.text();
        // OTLP says so in a partial success.
        let status = if protocol == "otlp" { 200 } else { 400 };
        assert_eq!(answer.status, status, "{protocol}: {told}");
        assert!(told.contains("future"), "{protocol}: {told}");
        assert!(told.contains("older than"), "{protocol}: {told}");
        assert_eq!(single(&gateway.http, series), Ok(1.0), "{protocol}");
        for reason in ["too_early", "too_old"] {
            let labels = [
                &*format!("protocol=\"{protocol}\""),
                &*format!("reason=\"{reason}\""),
            ];
            let refused = counted(&gateway.http, "weir_ingest_rejected_total", &labels);
            assert_eq!(refused, 1.0, "{protocol} {reason}");
        }
        sums_close(&gateway.http, protocol);
    }
}

/// FAULTS 19.
#[test]
fn what_is_sent_again_changes_nothing_and_another_value_replaces() {
    let gateway = Gateway::start(&[]);
    let at = now_ms() - 5_000;
    for value in [1.0, 1.0, 2.0] {
        for (protocol, series, answer) in by_all(&gateway, &[(at, value)]) {
            assert!(answer.status < 300, "{protocol}: {answer:?}");
            assert_eq!(single(&gateway.http, series), Ok(value), "{protocol}");
        }
    }
    for protocol in [
        "influx_http",
        "opentsdb_http",
        "collectd",
        "remote_write",
        "otlp",
    ] {
        let label = format!("protocol=\"{protocol}\"");
        let of = |what: &str| {
            counted(
                &gateway.http,
                &format!("weir_ingest_{what}_total"),
                &[&label],
            )
        };
        assert_eq!((of("duplicates"), of("replaced")), (1.0, 1.0), "{protocol}");
    }
}

/// FAULTS 5: a thousand labels, a megabyte of a value, a name twice, an empty one.
#[test]
fn labels_past_the_bounds_are_refused_by_name() {
    let gateway = Gateway::start(&[]);
    let at = now_ms();
    let many: Vec<(String, String)> = (0..1_000)
        .map(|n| (format!("l{n}"), "v".to_owned()))
        .collect();
    let long = vec![("l".to_owned(), "v".repeat(1 << 20))];
    let twice = vec![
        ("l".to_owned(), "1".to_owned()),
        ("l".to_owned(), "2".to_owned()),
    ];
    for (what, pairs) in [("many", many), ("long", long), ("twice", twice)] {
        let tags: String = pairs
            .iter()
            .map(|(name, value)| format!(",{name}={value}"))
            .collect();
        let line = format!("bad{tags} v=1 {at}\ngood,is={what} v=1 {at}\n");
        let answer = post(&gateway.http, "/write?precision=ms", &[], line.as_bytes());
        assert_eq!(answer.status, 400, "{what}: {answer:?}");
        assert!(
            answer.text().contains("line 1"),
            "{what}: {}",
            answer.text()
        );
        let labelled: Vec<(&str, &str)> = pairs.iter().map(|(a, b)| (&**a, &**b)).collect();
        let named = [vec![("__name__", "bad")], labelled].concat();
        let bad = within(1, &[labels(&named), sample(1.0, at)].concat());
        let good = [
            labels(&[("__name__", "rw_good"), ("is", what)]),
            sample(1.0, at),
        ]
        .concat();
        let message = snappy(&[bad, within(1, &good)].concat());
        let answer = post(&gateway.http, "/api/v1/write", &[], &message);
        assert_eq!(answer.status, 400, "{what}: {answer:?}");
        for series in ["good_v", "rw_good"] {
            let expr = format!("{series}{{is=\"{what}\"}}");
            assert_eq!(single(&gateway.http, &expr), Ok(1.0), "{expr}");
        }
    }
    assert_eq!(
        single(&gateway.http, r#"count({__name__=~"bad.*"}) or vector(0)"#),
        Ok(0.0)
    );
    sums_close(&gateway.http, "influx_http");
    sums_close(&gateway.http, "remote_write");
}

/// FAULTS 6: what is no finite number is refused where the protocol's own server refuses it, and kept where it is a value.
#[test]
fn numbers_have_one_outcome_each() {
    let gateway = Gateway::start(&[]);
    let at = now_ms();
    let digits = "9".repeat(400);
    for (text, influx, tsdb, pushed) in [
        ("NaN", 400, 400, 200),
        ("+Inf", 400, 400, 200),
        ("1e309", 400, 400, 400),
        (&*digits, 400, 400, 400),
        ("-0", 204, 204, 200),
        ("9223372036854775808", 204, 400, 200),
    ] {
        let line = format!("n v={text} {at}\n");
        let answer = post(&gateway.http, "/write?precision=ms", &[], line.as_bytes());
        assert_eq!(answer.status, influx, "influx {text}: {answer:?}");
        let put = json!({"metric": "n", "timestamp": at, "value": text, "tags": {"a": "b"}});
        let answer = post(
            &gateway.http,
            "/api/put",
            &[JSON],
            put.to_string().as_bytes(),
        );
        assert_eq!(answer.status, tsdb, "opentsdb {text}: {answer:?}");
        let text = format!("n {text}\n");
        let answer = send(&gateway.http, "PUT", "/metrics/job/n", &[], text.as_bytes());
        assert_eq!(answer.status, pushed, "pushed {text}: {answer:?}");
    }
}

/// FAULTS 13: heads that never end, bodies that never come. Each is given up, and meanwhile everybody else is answered.
#[test]
fn slow_requests_are_given_up_and_hold_nobody() {
    let gateway = Gateway::start(&[]);
    let endless = b"POST /write HTTP/1.1\r\nX: ";
    let mut stalled = Vec::new();
    for _ in 0..500 {
        let mut stream = TcpStream::connect(&gateway.http).unwrap();
        stream.write_all(endless).unwrap();
        stalled.push(stream);
    }
    let body_missing = b"POST /write HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nm v=";
    let form_missing = b"POST /api/v1/query HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\
        Content-Type: application/x-www-form-urlencoded\r\n\r\nquery=";
    std::thread::scope(|scope| {
        let body = scope.spawn(|| talk(&gateway.http, body_missing));
        let form = scope.spawn(|| talk(&gateway.http, form_missing));
        let head = scope.spawn(|| talk(&gateway.http, endless));
        let tsdb = scope.spawn(|| talk(&gateway.opentsdb, b"POST /api/put HTTP/1.1\r\nX: "));
        let answer = post(&gateway.http, "/write", &[], b"good v=1\n");
        assert_eq!(answer.status, 204, "{answer:?}");
        let body = body.join().unwrap();
        assert!(body.starts_with("HTTP/1.1 408"), "{body}");
        let form = form.join().unwrap();
        assert!(form.starts_with("HTTP/1.1 4"), "{form}");
        head.join().unwrap();
        tsdb.join().unwrap();
    });
    assert_eq!(single(&gateway.http, "good_v"), Ok(1.0));
    sums_close(&gateway.http, "influx_http");
}

/// FAULTS 13: two lengths, ten thousand headers. FAULTS 14: another protocol's words.
#[test]
fn what_is_no_request_is_answered_once_and_closed() {
    let gateway = Gateway::start(&[]);
    let headers = "X: y\r\n".repeat(10_000);
    for (what, bytes) in [
        ("lines", "servers.a.load 1 1700000000\n\n".to_owned()),
        ("telnet", "put m 1700000000 1 a=b\n\n".to_owned()),
        ("many headers", format!("POST /write HTTP/1.1\r\nHost: h\r\n{headers}\r\n")),
        (
            "two lengths",
            "POST /write HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 40\r\n\r\nm v=1".to_owned(),
        ),
    ] {
        let answer = talk(&gateway.http, bytes.as_bytes());
        let known = ["HTTP/1.1 400", "HTTP/1.1 431"].iter().any(|status| answer.starts_with(status));
        assert!(known, "{what}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{what}: {answer}");
    }
    // Length and chunks: the chunks hold, and nothing behind them is a request.
    let smuggled = "POST /write HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n\
        0\r\n\r\nPOST /write HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 4\r\n\r\nm v=";
    let answer = talk(&gateway.http, smuggled.as_bytes());
    assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{answer}");
    assert!(answer.contains("connection: close"), "{answer}");
}

/// Memory in use, in bytes.
fn memory(gateway: &Gateway) -> u64 {
    let pid = gateway.program.pid().as_raw_nonzero();
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kilobytes = line.unwrap().split_whitespace().nth(1).unwrap();
    kilobytes.parse::<u64>().unwrap() << 10
}

/// FAULTS 11: what unpacks to a quarter of a gigabyte is refused before it is there.
#[test]
fn bombs_of_any_packing_cost_no_memory() {
    let gateway = Gateway::start(&[]);
    let plain = vec![b' '; 256 << 20];
    let mut deflate = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    deflate.write_all(&plain).unwrap();
    let packed = [
        ("gzip", gzip(&plain)),
        ("deflate", deflate.finish().unwrap()),
        ("zstd", zstd::encode_all(&*plain, 1).unwrap()),
        ("snappy", snappy(&plain)),
    ];
    // Whatever the paths need is there from now on.
    let paths = [
        "/write",
        "/v1/metrics",
        "/collectd",
        "/metrics/job/j",
        "/api/put",
    ];
    for path in paths {
        post(&gateway.http, path, &[JSON], b"x");
    }
    let before = memory(&gateway);
    for (encoding, bomb) in &packed[..3] {
        assert!(bomb.len() < 2 << 20, "{encoding}");
        let header = format!("Content-Encoding: {encoding}");
        for path in paths {
            let answer = post(&gateway.http, path, &[JSON, &header], bomb);
            assert_eq!(answer.status, 413, "{encoding} {path}: {answer:?}");
        }
    }
    let grown = memory(&gateway) - before;
    assert!(grown < 16 << 20, "{grown}");
    let answer = post(&gateway.http, "/api/v1/write", &[], &packed[3].1);
    assert_eq!(answer.status, 413, "{answer:?}");
}

/// FAULTS 16: who names ever new series is told so, and what exists is taken.
#[test]
fn series_without_end_are_refused_and_those_that_exist_are_taken() {
    let gateway = Gateway::start(&["guard.new_series_per_metric=10"]);
    let at = now_ms();
    let write = |from: usize, to: usize, value: f64| {
        let one = |n: usize| {
            let series = [
                labels(&[("__name__", "m"), ("id", &n.to_string())]),
                sample(value, at),
            ];
            within(1, &series.concat())
        };
        let message: Vec<u8> = (from..to).flat_map(one).collect();
        post(&gateway.http, "/api/v1/write", &[], &snappy(&message))
    };
    assert_eq!(write(0, 5, 1.0).status, 204);
    let answer = write(0, 100, 2.0);
    assert_eq!(answer.status, 429, "{answer:?}");
    assert!(answer.header("Retry-After").is_some(), "{answer:?}");
    assert_eq!(single(&gateway.http, "sum(m{id=~\"[0-4]\"})"), Ok(10.0));
    let series = single(&gateway.http, "count(m)").unwrap();
    assert!((5.0..20.0).contains(&series), "{series}");
    let known = crate::web::json(&gateway.http, "/api/v1/status/cardinality").unwrap();
    assert!(known.to_string().contains("\"m\""), "{known}");
    sums_close(&gateway.http, "remote_write");
}
