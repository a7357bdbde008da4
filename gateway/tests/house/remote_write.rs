//! Remote write over a real socket: what is stored, and how each refusal is told.

use weir_wire::protobuf::{put_bytes, put_double, put_number};

use crate::programs::Gateway;
use crate::sending::{
    Answer, counted, gzip, labels, now_ms, post, sample, snappy, sums_close, within,
};
use crate::web::{self, query, single};

const V1: [&str; 3] = [
    "Content-Type: application/x-protobuf",
    "Content-Encoding: snappy",
    "X-Prometheus-Remote-Write-Version: 0.1.0",
];
const V2: [&str; 3] = [
    "Content-Type: application/x-protobuf;proto=io.prometheus.write.v2.Request",
    "Content-Encoding: snappy",
    "X-Prometheus-Remote-Write-Version: 2.0.0",
];

fn write(gateway: &Gateway, headers: &[&str], message: &[u8]) -> Answer {
    post(&gateway.http, "/api/v1/write", headers, &snappy(message))
}

fn written(answer: &Answer) -> [Option<&str>; 3] {
    ["Samples", "Histograms", "Exemplars"]
        .map(|what| answer.header(&format!("X-Prometheus-Remote-Write-{what}-Written")))
}

fn series(pairs: &[(&str, &str)], points: &[Vec<u8>]) -> Vec<u8> {
    within(1, &[labels(pairs), points.concat()].concat())
}

/// An integer native histogram of schema 0 with one bucket, `(0.5, 1]`.
fn histogram(count: u64, sum: f64, timestamp_ms: i64) -> Vec<u8> {
    let mut out = Vec::new();
    put_number(&mut out, 1, count);
    put_double(&mut out, 3, sum);
    let mut span = Vec::new();
    put_number(&mut span, 2, 1);
    put_bytes(&mut out, 11, &span);
    // Zigzag.
    put_number(&mut out, 12, count * 2);
    put_number(&mut out, 15, timestamp_ms as u64);
    out
}

#[test]
fn version_one_is_stored_with_metadata_and_stale_marks() {
    let gateway = Gateway::start(&[]);
    let now = now_ms();
    let mut said = Vec::new();
    put_number(&mut said, 1, 1);
    put_bytes(&mut said, 2, b"rw_total");
    put_bytes(&mut said, 4, b"What was written.");
    let message = [
        series(
            &[("__name__", "rw_total"), ("host", "a")],
            &[sample(1.0, now - 1_000), sample(2.0, now)],
        ),
        series(&[("__name__", "rw_nan")], &[sample(f64::NAN, now)]),
        series(&[("__name__", "rw_inf")], &[sample(f64::INFINITY, now)]),
        series(
            &[("__name__", "rw_gone")],
            &[sample(1.0, now - 1_000), sample(weir_wire::stale(), now)],
        ),
        within(3, &said),
    ]
    .concat();
    let answer = write(&gateway, &V1, &message);
    assert_eq!(answer.status, 204, "{answer:?}");
    assert_eq!(written(&answer), [Some("6"), Some("0"), Some("0")]);
    assert_eq!(single(&gateway.http, r#"rw_total{host="a"}"#), Ok(2.0));
    assert_eq!(single(&gateway.http, "rw_inf"), Ok(f64::INFINITY));
    assert!(single(&gateway.http, "rw_nan").unwrap().is_nan());
    assert!(query(&gateway.http, "rw_gone").unwrap().is_empty());
    let metadata = web::json(&gateway.http, "/api/v1/metadata?metric=rw_total").unwrap();
    let known = &metadata["data"]["rw_total"][0];
    assert_eq!(
        (&known["type"], &known["help"]),
        (&"counter".into(), &"What was written.".into())
    );
    // The same again changes nothing.
    assert_eq!(write(&gateway, &V1, &message).status, 204);
    sums_close(&gateway.http, "remote_write");
}

#[test]
fn version_two_is_stored() {
    let gateway = Gateway::start(&[]);
    let now = now_ms();
    let mut message = Vec::new();
    for symbol in ["", "__name__", "rw2_total", "host", "b", "Help of it."] {
        put_bytes(&mut message, 4, symbol.as_bytes());
    }
    let mut one = within(1, &[1, 2, 3, 4]);
    one.extend(sample(5.0, now));
    let mut said = Vec::new();
    put_number(&mut said, 1, 1);
    put_number(&mut said, 3, 5);
    one.extend(within(5, &said));
    // References past the symbols: this series only is refused.
    let mut bad = within(1, &[1, 99]);
    bad.extend(sample(5.0, now));
    message.extend([within(5, &one), within(5, &bad)].concat());
    let answer = write(&gateway, &V2, &message);
    assert_eq!(answer.status, 400, "{answer:?}");
    assert_eq!(written(&answer), [Some("1"), Some("0"), Some("0")]);
    assert!(
        answer.text().contains("out of range of the symbols"),
        "{}",
        answer.text()
    );
    assert_eq!(single(&gateway.http, r#"rw2_total{host="b"}"#), Ok(5.0));
    let metadata = web::json(&gateway.http, "/api/v1/metadata").unwrap();
    assert_eq!(metadata["data"]["rw2_total"][0]["help"], "Help of it.");
}

#[test]
fn a_message_of_the_other_version_is_refused_by_name() {
    let gateway = Gateway::start(&[]);
    let now = now_ms();
    let one = series(&[("__name__", "rw")], &[sample(1.0, now)]);
    let mut two = Vec::new();
    for symbol in ["", "__name__", "rw"] {
        put_bytes(&mut two, 4, symbol.as_bytes());
    }
    let empty = within(1, &[1, 2]);
    two.extend(within(5, &[empty.clone(), sample(1.0, now)].concat()));
    for (headers, message, words) in [
        (&V2, &one, "proto=prometheus.WriteRequest"),
        (&V1, &two, "proto=io.prometheus.write.v2.Request"),
    ] {
        let answer = write(&gateway, headers, message);
        assert_eq!(answer.status, 400, "{answer:?}");
        assert!(answer.text().contains(words), "{words}: {}", answer.text());
    }
    let malformed = ["protocol=\"remote_write\"", "reason=\"malformed\""];
    let rejected = || counted(&gateway.http, "weir_ingest_rejected_total", &malformed);
    assert_eq!(rejected(), 2.0);
    assert!(query(&gateway.http, "rw").unwrap().is_empty());
    // Version 2.0 wants something in every series, and takes the others.
    let answer = write(&gateway, &V2, &[two, within(5, &empty)].concat());
    assert_eq!(answer.status, 400, "{answer:?}");
    let words = "at least one sample or histogram";
    assert!(answer.text().contains(words), "{}", answer.text());
    assert_eq!(rejected(), 3.0);
    assert_eq!(single(&gateway.http, "rw"), Ok(1.0));
    sums_close(&gateway.http, "remote_write");
}

#[test]
fn native_histograms_become_those_of_intervals() {
    let gateway = Gateway::start(&[]);
    let now = now_ms();
    let name = [("__name__", "rw_seconds")];
    let put = |count, sum, at| {
        let message = series(&name, &[within(4, &histogram(count, sum, at))]);
        let answer = write(&gateway, &V1, &message);
        assert_eq!(answer.status, 204, "{answer:?}");
        assert_eq!(written(&answer)[1], Some("1"));
    };
    put(100, 75.0, now - 30_000);
    put(110, 82.0, now - 20_000);
    put(110, 82.0, now - 20_000);
    put(140, 100.0, now - 10_000);
    let count = single(
        &gateway.http,
        "histogram_count(sum_over_time(rw_seconds[5m]))",
    );
    assert_eq!(count, Ok(40.0));
    let sum = single(
        &gateway.http,
        "histogram_sum(sum_over_time(rw_seconds[5m]))",
    );
    assert_eq!(sum, Ok(25.0));
    // The first is what the second is measured by, and of the third the second holds all.
    let of = |what: &str| {
        let name = format!("weir_ingest_{what}_total");
        counted(&gateway.http, &name, &["protocol=\"remote_write\""])
    };
    assert_eq!(
        (of("received"), of("stored"), of("aggregated")),
        (4.0, 2.0, 2.0)
    );
}

#[test]
fn what_is_invalid_is_told_and_the_rest_stored() {
    let gateway = Gateway::start(&[]);
    let now = now_ms();
    let point = [sample(1.0, now)];
    let message = [
        series(&[("__name__", "rw_good")], &point),
        series(&[("host", "nameless")], &point),
        series(&[("__name__", "rw_twice"), ("a", "1"), ("a", "2")], &point),
        series(&[("__name__", "rw_early")], &[sample(1.0, now + 3_600_000)]),
        series(&[("__name__", "rw_unit")], &[sample(1.0, -5)]),
    ]
    .concat();
    let answer = write(&gateway, &V1, &message);
    assert_eq!(answer.status, 400, "{answer:?}");
    assert_eq!(written(&answer)[0], Some("1"));
    let text = answer.text();
    for words in [
        "nameless",
        "duplicated label a",
        "too far in the future",
        "timestamp -5",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert_eq!(single(&gateway.http, "rw_good"), Ok(1.0));
    sums_close(&gateway.http, "remote_write");
}

/// FAULTS 11, 12, 13.
#[test]
fn hostile_requests_are_refused_whole() {
    let gateway = Gateway::start(&["http.max_write=2MiB"]);
    let refused = |headers: &[&str], body: &[u8], status: u16, words: &str| {
        let answer = post(&gateway.http, "/api/v1/write", headers, body);
        assert_eq!(answer.status, status, "{words}: {answer:?}");
        assert!(answer.text().contains(words), "{words}: {}", answer.text());
    };
    let good = snappy(&series(&[("__name__", "x")], &[sample(1.0, now_ms())]));
    refused(
        &["Content-Type: text/plain"],
        &good,
        415,
        "application/x-protobuf",
    );
    let gzipped = [
        "Content-Type: application/x-protobuf",
        "Content-Encoding: gzip",
    ];
    refused(&gzipped, &gzip(b"x"), 415, "snappy");
    refused(&V1, b"nonsense", 400, "snappy");
    refused(&V1, &snappy(b"\x0a\xff"), 400, "damaged");
    // It claims to unpack to four gigabytes.
    refused(&V1, b"\xff\xff\xff\xff\x0f\x00", 413, "http.max_write");
    // A bomb: 3 MiB of nothing.
    refused(&V1, &snappy(&vec![0; 3 << 20]), 413, "http.max_write");
    refused(&V1, &vec![0; (2 << 20) + 1], 413, "http.max_write");
    // A million empty series in 2 MB.
    refused(
        &V1,
        &snappy(&[0x0a, 0].repeat(1_000_000)),
        400,
        "500000 series",
    );
    assert!(query(&gateway.http, "x").unwrap().is_empty());
    let labels = ["protocol=\"remote_write\"", "reason=\"malformed\""];
    assert!(counted(&gateway.http, "weir_ingest_rejected_total", &labels) >= 2.0);
    assert_eq!(write(&gateway, &V1, b"").status, 204);
}

#[test]
fn without_room_it_says_when_to_come_again() {
    let gateway = Gateway::start(&["store.disk_reserve=1000000GiB"]);
    let message = series(&[("__name__", "x")], &[sample(1.0, now_ms())]);
    let answer = crate::programs::eventually("507", || {
        let answer = write(&gateway, &V1, &message);
        if answer.status == 507 {
            Ok(answer)
        } else {
            Err(format!("{answer:?}"))
        }
    });
    assert!(answer.header("Retry-After").is_some(), "{answer:?}");
    assert!(answer.text().contains("disk_reserve"), "{}", answer.text());
    // OpenTelemetry's exporters come again after 503 only.
    let point = r#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":"x","gauge":{"dataPoints":[{"asInt":"1"}]}}]}]}]}"#;
    let json = ["Content-Type: application/json"];
    let answer = post(&gateway.http, "/v1/metrics", &json, point.as_bytes());
    assert_eq!(answer.status, 503, "{answer:?}");
    assert!(answer.header("Retry-After").is_some(), "{answer:?}");
    // A push that is not on disk is no push.
    let answer = post(&gateway.http, "/metrics/job/j", &[], b"x 1\n");
    assert_eq!(answer.status, 507, "{answer:?}");
    let groups = web::json(&gateway.http, "/api/v1/metrics").unwrap();
    assert!(groups["data"][0].get("x").is_none(), "{groups}");
    for protocol in ["remote_write", "otlp", "pushgateway"] {
        sums_close(&gateway.http, protocol);
    }
}
