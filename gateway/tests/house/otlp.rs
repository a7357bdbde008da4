//! OTLP's metrics in JSON and protobuf.

use serde_json::{Value, json};

use crate::programs::Gateway;
use crate::sending::{Answer, gzip, now_ms, post, sums_close};
use crate::web::{query, single};

const JSON: &str = "Content-Type: application/json";

fn nanos(ms: i64) -> String {
    format!("{ms}000000")
}

fn request(metrics: &Value) -> Value {
    let attribute = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
    let resource = json!({"attributes": [
        attribute("service.name", "shop"),
        attribute("service.instance.id", "i1"),
        attribute("cloud.region", "eu"),
    ]});
    let scope = json!({"scope": {"name": "s"}, "metrics": metrics});
    json!({"resourceMetrics": [{"resource": resource, "scopeMetrics": [scope]}]})
}

fn export(gateway: &Gateway, metrics: &Value) -> Answer {
    let body = gzip(request(metrics).to_string().as_bytes());
    post(
        &gateway.http,
        "/v1/metrics",
        &[JSON, "Content-Encoding: gzip"],
        &body,
    )
}

#[test]
fn every_kind_is_stored() {
    let gateway = Gateway::start(&["otlp.resource_labels=[\"cloud.region\"]"]);
    let now = now_ms();
    let (start, then) = (nanos(now - 60_000), nanos(now));
    let route = json!([{"key": "http.route", "value": {"stringValue": "/"}}]);
    let delta = |from: i64, to: i64, value: &str| {
        json!({"name": "hits", "sum": {"aggregationTemporality": 1, "isMonotonic": true, "dataPoints": [
            {"startTimeUnixNano": nanos(from), "timeUnixNano": nanos(to), "asInt": value}]}})
    };
    let metrics = json!([
        {"name": "process.memory", "unit": "By", "gauge": {"dataPoints": [
            {"timeUnixNano": then, "asInt": "5"}]}},
        {"name": "no.time", "gauge": {"dataPoints": [{"asDouble": 1.5}]}},
        {"name": "http.requests", "sum": {"aggregationTemporality": 2, "isMonotonic": true, "dataPoints": [
            {"startTimeUnixNano": start, "timeUnixNano": then, "asInt": "10", "attributes": route}]}},
        {"name": "rpc.duration", "unit": "ms", "histogram": {"aggregationTemporality": 1, "dataPoints": [
            {"startTimeUnixNano": start, "timeUnixNano": then, "count": "3", "sum": 35.0,
             "explicitBounds": [10, 100], "bucketCounts": ["2", "1", "0"]}]}},
        {"name": "old", "summary": {"dataPoints": [{"timeUnixNano": then, "count": "4", "sum": 8.0,
            "quantileValues": [{"quantile": 0.5, "value": 2.0}]}]}},
        delta(now - 60_000, now - 30_000, "7"),
    ]);
    let answer = export(&gateway, &metrics);
    assert_eq!(
        (answer.status, answer.text().as_str()),
        (200, "{}"),
        "{answer:?}"
    );
    // Sent again, as after an answer that got lost; then the next interval.
    assert_eq!(export(&gateway, &metrics).status, 200);
    assert_eq!(
        export(&gateway, &json!([delta(now - 30_000, now, "5")])).status,
        200
    );
    let from = r#"{job="shop", instance="i1", cloud_region="eu"}"#;
    for (expr, value) in [
        (format!("process_memory_bytes{from}"), 5.0),
        ("no_time".to_owned(), 1.5),
        (r#"http_requests_total{http_route="/"}"#.to_owned(), 10.0),
        ("hits_total".to_owned(), 12.0),
        (
            "max_over_time(hits_total[5m]) - min_over_time(hits_total[5m])".to_owned(),
            12.0,
        ),
        (
            r#"rpc_duration_milliseconds_bucket{le="10"}"#.to_owned(),
            2.0,
        ),
        (
            r#"rpc_duration_milliseconds_bucket{le="+Inf"}"#.to_owned(),
            3.0,
        ),
        ("rpc_duration_milliseconds_count".to_owned(), 3.0),
        ("rpc_duration_milliseconds_sum".to_owned(), 35.0),
        ("histogram_count(rpc_duration_milliseconds)".to_owned(), 3.0),
        (r#"old{quantile="0.5"}"#.to_owned(), 2.0),
        ("old_count".to_owned(), 4.0),
    ] {
        assert_eq!(single(&gateway.http, &expr), Ok(value), "{expr}");
    }
    sums_close(&gateway.http, "otlp");
}

/// A monotonic delta sum of one point, over some time before now.
fn delta(name: &str, from: i64, to: i64, value: f64) -> Value {
    json!([{"name": name, "sum": {"aggregationTemporality": 1, "isMonotonic": true, "dataPoints": [
        {"startTimeUnixNano": nanos(from), "timeUnixNano": nanos(to), "asDouble": value}]}}])
}

#[test]
fn a_delta_sum_loses_nothing_when_the_gateway_begins_anew() {
    let mut gateway = Gateway::start(&[]);
    let now = now_ms();
    let put = |gateway: &Gateway, (from, to), value| {
        let sum = delta("hits", now - from, now - to, value);
        let answer = export(gateway, &sum);
        assert_eq!((answer.status, answer.text().as_str()), (200, "{}"));
    };
    put(&gateway, (40_000, 30_000), 10.0);
    put(&gateway, (30_000, 20_000), 5.0);
    gateway.program.kill();
    gateway.restart();
    put(&gateway, (20_000, 10_000), 2.0);
    let was = |expr: &str| single(&gateway.http, expr);
    assert_eq!(was("max_over_time(hits_total[5m])"), Ok(15.0));
    // What a query takes for a reset: 0 to 15, and from a new 0 to 2.
    assert_eq!(was("resets(hits_total[5m])"), Ok(1.0));
    assert_eq!(was("hits_total"), Ok(2.0));
    sums_close(&gateway.http, "otlp");
}

/// How many points were refused, and what was said.
fn refused(answer: &Answer) -> (u64, String) {
    assert_eq!(answer.status, 200, "{answer:?}");
    let told: Value = serde_json::from_slice(&answer.body).unwrap();
    let partial = &told["partialSuccess"];
    let count = partial["rejectedDataPoints"].as_str().unwrap_or("0");
    let message = partial["errorMessage"].as_str().unwrap_or_default();
    (count.parse().unwrap(), message.to_owned())
}

#[test]
fn a_delta_that_is_refused_leaves_its_series_as_it_was() {
    let gateway = Gateway::start(&[]);
    let now = now_ms();
    let put = |from, to, value: Value| {
        let mut sum = delta("hits", now - from, now - to, 0.0);
        sum[0]["sum"]["dataPoints"][0]["asDouble"] = value;
        refused(&export(&gateway, &sum))
    };
    for (from, to, value, words) in [
        // A clock that is an hour ahead, before anything else is known of the series.
        (60_000, -3_600_000, json!(9.0), "too far in the future"),
        (60_000, 50_000, json!("NaN"), "finite"),
        (60_000, 50_000, json!("Infinity"), "finite"),
        (60_000, 50_000, json!(-3.0), "negative"),
        (
            2_000_000_000,
            1_900_000_000,
            json!(9.0),
            "older than is kept",
        ),
    ] {
        let (count, message) = put(from, to, value.clone());
        assert_eq!(count, 1, "{value}: {message}");
        assert!(message.contains(words), "{value}: {message}");
    }
    let none = (0, String::new());
    assert_eq!(put(60_000, 50_000, json!(7.0)), none);
    assert_eq!(put(50_000, 40_000, json!(1.0)), none);
    assert_eq!(put(40_000, -3_600_000, json!(9.0)).0, 1);
    assert_eq!(put(40_000, 30_000, json!(2.0)), none);
    assert_eq!(single(&gateway.http, "hits_total"), Ok(10.0));
    sums_close(&gateway.http, "otlp");
}

#[test]
fn a_delta_counts_once_however_often_and_late_it_comes() {
    let gateway = Gateway::start(&[]);
    let now = now_ms();
    let put = |from, to, value| {
        let sum = delta("hits", now - from, now - to, value);
        refused(&export(&gateway, &sum)).0
    };
    assert_eq!(put(60_000, 50_000, 1.0), 0);
    assert_eq!(put(50_000, 40_000, 10.0), 0);
    // Exporters that send beside each other try again.
    assert_eq!(put(60_000, 50_000, 1.0), 1);
    assert_eq!(put(50_000, 40_000, 10.0), 0);
    assert_eq!(single(&gateway.http, "hits_total"), Ok(11.0));
    // This one overtook that before it.
    assert_eq!(put(30_000, 20_000, 300.0), 0);
    assert_eq!(put(40_000, 30_000, 200.0), 0);
    assert_eq!(put(40_000, 30_000, 200.0), 1);
    assert_eq!(single(&gateway.http, "hits_total"), Ok(511.0));
    sums_close(&gateway.http, "otlp");
}

#[test]
fn a_delta_whose_beginning_is_not_kept_any_more_is_taken() {
    let gateway = Gateway::start(&[]);
    let now = now_ms();
    let answer = export(&gateway, &delta("hits", 1, now, 5.0));
    assert_eq!(refused(&answer), (0, String::new()));
    assert_eq!(single(&gateway.http, "hits_total"), Ok(5.0));
}

#[test]
fn a_cumulative_histogram_from_a_wrong_clock_does_not_stop_its_series() {
    let gateway = Gateway::start(&["otlp.histograms=histogram"]);
    let now = now_ms();
    let put = |ago: i64, count: &str| {
        let metrics = json!([{"name": "took", "histogram": {"aggregationTemporality": 2, "dataPoints": [
            {"startTimeUnixNano": nanos(now - 3_600_000), "timeUnixNano": nanos(now - ago), "count": count, "sum": 4.0,
             "explicitBounds": [], "bucketCounts": [count]}]}}]);
        refused(&export(&gateway, &metrics)).0
    };
    assert_eq!(put(30_000, "100"), 0);
    assert_eq!(put(-3_600_000, "104"), 1);
    assert_eq!(put(20_000, "105"), 0);
    let count = "histogram_count(sum_over_time(took[5m]))";
    assert_eq!(single(&gateway.http, count), Ok(5.0));
}

#[test]
fn cumulative_histograms_become_those_of_intervals() {
    let gateway = Gateway::start(&["otlp.histograms=histogram"]);
    let now = now_ms();
    let at = |ms: i64, count: &str| {
        json!([{"name": "took", "exponentialHistogram": {"aggregationTemporality": 2, "dataPoints": [
            {"startTimeUnixNano": nanos(now - 3_600_000), "timeUnixNano": nanos(ms), "count": count, "sum": 4.0,
             "scale": 0, "zeroCount": "0", "positive": {"offset": 0, "bucketCounts": [count]}}]}}])
    };
    for (ms, count) in [
        (now - 30_000, "100"),
        (now - 20_000, "103"),
        (now - 10_000, "110"),
    ] {
        assert_eq!(export(&gateway, &at(ms, count)).status, 200);
    }
    assert_eq!(
        single(&gateway.http, "histogram_count(sum_over_time(took[5m]))"),
        Ok(10.0)
    );
}

/// FAULTS 11, 12.
#[test]
fn what_is_refused_is_told_in_the_form_of_the_request() {
    let gateway = Gateway::start(&["http.max_write=1MiB"]);
    let point = json!({"timeUnixNano": nanos(now_ms()), "asInt": "1"});
    let metrics = json!([
        {"name": "good", "gauge": {"dataPoints": [point]}},
        {"name": "bad", "sum": {"aggregationTemporality": 0, "dataPoints": [point]}},
    ]);
    let answer = export(&gateway, &metrics);
    let told: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(
        (answer.status, &told["partialSuccess"]["rejectedDataPoints"]),
        (200, &"1".into())
    );
    let message = told["partialSuccess"]["errorMessage"].as_str().unwrap();
    assert!(message.contains("temporality"), "{message}");
    assert_eq!(single(&gateway.http, "good"), Ok(1.0));
    let refused =
        |headers: &[&str], body: &[u8]| post(&gateway.http, "/v1/metrics", headers, body).status;
    assert_eq!(refused(&[JSON], b"{"), 400);
    assert_eq!(refused(&[JSON], "[".repeat(100_000).as_bytes()), 400);
    assert_eq!(
        refused(&["Content-Type: application/x-protobuf"], b"\xff"),
        400
    );
    assert_eq!(refused(&["Content-Type: application/x-protobuf"], b""), 200);
    assert_eq!(refused(&["Content-Type: text/plain"], b""), 415);
    let bomb = gzip(&vec![b' '; 2 << 20]);
    assert_eq!(refused(&[JSON, "Content-Encoding: gzip"], &bomb), 413);
}

#[test]
fn a_histogram_that_says_two_things_or_what_is_not_kept_is_refused() {
    let gateway = Gateway::start(&[]);
    let now = now_ms();
    let put = |count: &str, bounds: Value, counts: Value| {
        let metrics = json!([{"name": "took", "histogram": {"aggregationTemporality": 1, "dataPoints": [
            {"startTimeUnixNano": nanos(now - 10_000), "timeUnixNano": nanos(now), "count": count, "sum": 4.0,
             "explicitBounds": bounds, "bucketCounts": counts}]}}]);
        refused(&export(&gateway, &metrics))
    };
    let (count, message) = put("7", json!([1, 2]), json!(["1", "2", "3"]));
    assert_eq!(count, 1);
    assert!(message.contains("count is 7"), "{message}");
    assert!(query(&gateway.http, "took_count").unwrap().is_empty());
    assert_eq!(put("6", json!([1, 2]), json!(["1", "2", "3"])).0, 0);
    assert_eq!(single(&gateway.http, "histogram_count(took)"), Ok(6.0));
    // A distribution reaches from 0 on; bounds of any kind are classic series.
    let metrics = json!([{"name": "minus", "histogram": {"aggregationTemporality": 1, "dataPoints": [
        {"startTimeUnixNano": nanos(now - 10_000), "timeUnixNano": nanos(now), "count": "3", "sum": -8.0,
         "explicitBounds": [-4, 0], "bucketCounts": ["2", "0", "1"]}]}}]);
    let (count, message) = refused(&export(&gateway, &metrics));
    assert_eq!(count, 1);
    assert!(
        message.contains("2 of a histogram's 3 observations"),
        "{message}"
    );
    assert!(query(&gateway.http, "minus").unwrap().is_empty());
    let below = r#"minus_bucket{le="-4"}"#;
    assert_eq!(single(&gateway.http, below), Ok(2.0));
    sums_close(&gateway.http, "otlp");
}
