use proptest::prelude::*;

use super::*;
use crate::buckets::Layout;
use crate::protobuf::{put_bytes, put_fixed64, put_number};
use crate::{Kind, Reject};

/// Encoded by opentelemetry-proto and Google's protobuf library for Python, the same request twice.
const PROTOBUF: &str = include_str!("golden/request.hex");
const JSON: &str = include_str!("golden/request.json");

fn golden() -> Vec<u8> {
    let digits: Vec<u32> = PROTOBUF.chars().filter_map(|c| c.to_digit(16)).collect();
    digits
        .chunks(2)
        .map(|pair| (pair[0] * 16 + pair[1]) as u8)
        .collect()
}

/// Each point as text, each refusal as its.
fn told(message: &[u8], rules: &Rules) -> Vec<String> {
    let mut out = Vec::new();
    let end = parse(message, rules, |point| {
        out.push(match point {
            Ok(point) => one(&point),
            Err(refused) => refused.text,
        });
    });
    out.extend(end.err().map(|refused| refused.text));
    out
}

fn one(point: &Point<'_>) -> String {
    let key = point
        .series_key("", None)
        .map_or_else(|refused| refused.text, |key| key.to_string());
    let temporality = match point.metric.temporality {
        None => "",
        Some(Temporality::Delta) => " delta",
        Some(Temporality::Cumulative) => " cumulative",
    };
    let value = match &point.value {
        Measured::Float(value) => value.to_string(),
        Measured::Buckets(buckets) => {
            let held: Vec<String> = buckets
                .positive
                .iter()
                .map(|b| format!("{}:{}", b.index, b.count))
                .collect();
            format!("{} in {}", buckets.count, held.join(","))
        }
        Measured::Summary {
            count,
            sum,
            quantiles,
        } => format!("{count} {sum} {quantiles:?}"),
        Measured::Stale => "stale".to_owned(),
    };
    format!(
        "{}{temporality} {key} = {value}",
        point.metric.kind.as_str()
    )
}

#[test]
fn golden_request() {
    let rules = Rules::default();
    let source = r#"instance="i-1",job="prod/shop""#;
    assert_eq!(
        told(&golden(), &rules),
        [
            r#"gauge queue_size{b_x="true",d="0.5",i="-5",instance="i-1",job="prod/shop",list="[\"q\\\"\",1]",map="{\"k\":1.5}",raw="/wA="} = -7"#.to_owned(),
            format!("counter delta http_requests_total{{{source}}} = 2.5"),
            format!("histogram cumulative http_server_duration_seconds{{{source}}} = 6 in 0:1,1:2,2:3"),
            format!("histogram delta exp_bytes{{{source}}} = 6 in 0:2,2:2"),
            format!("summary s{{{source}}} = 3 4.5 [(0.5, 1.5)]"),
            format!("gauge gone{{{source}}} = stale"),
        ]
    );
}

#[test]
fn json_is_the_same_request() {
    let rewritten = from_json(JSON.as_bytes()).unwrap();
    let rules = Rules::default();
    assert_eq!(told(&rewritten, &rules), told(&golden(), &rules));
    // The same in snake_case, with numbers for strings and names.
    let snake = JSON
        .replace("resourceMetrics", "resource_metrics")
        .replace("dataPoints", "data_points")
        .replace("timeUnixNano", "time_unix_nano")
        .replace("\"AGGREGATION_TEMPORALITY_DELTA\"", "1")
        .replace(
            "\"asInt\": \"-7\"",
            "\"as_int\": -7, \"unknown\": [{}], \"exemplars\": null",
        );
    assert_eq!(
        told(&from_json(snake.as_bytes()).unwrap(), &rules),
        told(&golden(), &rules)
    );
}

#[test]
fn times_and_details() {
    let message = golden();
    let mut seen = 0;
    parse(&message, &Rules::default(), |point| {
        let point = point.unwrap();
        seen += 1;
        assert_eq!(point.timestamp_ms, 1_700_000_000_123);
        if let Measured::Buckets(buckets) = &point.value
            && let Layout::Explicit { bounds } = &buckets.layout
        {
            assert_eq!(bounds, &[0.5, 1.0]);
            assert_eq!(
                (buckets.min, buckets.max, buckets.sum),
                (Some(0.1), Some(3.0), Some(7.5))
            );
            assert_eq!(point.start_timestamp_ms, Some(1_700_000_000_000));
            let histogram = buckets.to_histogram().histogram;
            assert_eq!(
                (histogram.count(), histogram.sum(), histogram.max()),
                (6, 7.5, 3.0)
            );
            let key = point.series_key("_bucket", Some(("le", "0.5"))).unwrap();
            assert_eq!(
                (key.name(), key.get("le")),
                ("http_server_duration_seconds_bucket", Some("0.5"))
            );
        }
    })
    .unwrap();
    assert_eq!(seen, 6);
}

#[test]
fn exponential_buckets_are_numbered_as_prometheus_does() {
    // OTLP's offset -1 at scale 1 is (2^-0.5, 1], number 0 there and here.
    let message = golden();
    parse(&message, &Rules::default(), |point| {
        let point = point.unwrap();
        if point.metric.name == "exp_bytes"
            && let Measured::Buckets(buckets) = &point.value
        {
            assert_eq!(buckets.layout, Layout::Exponential { scale: 1 });
            assert_eq!((buckets.zero_count, buckets.negative[0].index), (1.0, 4));
            assert_eq!(buckets.to_histogram().clamped, 1);
        }
    })
    .unwrap();
}

#[test]
fn rules_keep_names_and_promote_attributes() {
    let rules = Rules {
        names: Names::Otel,
        promote: Promote::Only(vec!["k8s.pod.name".to_owned()]),
        scope_labels: true,
    };
    let wanted = r#"counter delta http.requests{instance="i-1",job="prod/shop",k8s.pod.name="p1",otel_scope_name="lib",otel_scope_version="1.2"} = 2.5"#;
    assert_eq!(told(&golden(), &rules)[1], wanted);
    let rules = Rules {
        promote: Promote::All,
        ..Rules::default()
    };
    assert!(told(&golden(), &rules)[1].contains(r#"service_name="shop",service_namespace="prod""#));
}

#[test]
fn metric_names() {
    for (name, unit, kind, wanted) in [
        (
            "http.server.duration",
            "s",
            Kind::Histogram,
            "http_server_duration_seconds",
        ),
        ("requests", "", Kind::Counter, "requests_total"),
        ("requests_total", "", Kind::Counter, "requests_total"),
        ("cpu.usage", "1", Kind::Gauge, "cpu_usage_ratio"),
        ("items", "1", Kind::Counter, "items_total"),
        (
            "throughput",
            "By/s",
            Kind::Gauge,
            "throughput_bytes_per_second",
        ),
        (
            "requests",
            "1/s",
            Kind::Counter,
            "requests_per_second_total",
        ),
        ("m", "By/{custom}", Kind::Gauge, "m_bytes"),
        ("m", "{custom}", Kind::Gauge, "m"),
        (
            "response_time_seconds",
            "s",
            Kind::Gauge,
            "response_time_seconds",
        ),
        ("a__b@@c", "u__v", Kind::Gauge, "a_b_c_u_v"),
        (
            "m",
            "unit@with#special/chars",
            Kind::Gauge,
            "m_unit_with_special_per_chars",
        ),
        ("123", "", Kind::Gauge, "_123"),
        ("@#$%", "", Kind::Gauge, ""),
    ] {
        assert_eq!(
            metric_name(name, unit, kind, Names::Prometheus),
            wanted,
            "{name} {unit}"
        );
    }
}

#[test]
fn label_names() {
    for (name, wanted) in [
        ("label:with.dots", "label_with_dots"),
        ("special$chars)", "special_chars_"),
        ("123label", "key_123label"),
        ("_one", "key_one"),
        ("__two", "__two"),
        ("a__b", "a__b"),
        ("\u{3088}", ""),
        ("", ""),
    ] {
        assert_eq!(label_name(name, Names::Prometheus), wanted);
        assert_eq!(label_name(name, Names::Otel), name);
    }
}

fn attribute(out: &mut Vec<u8>, number: u32, key: &str, value: &[u8]) {
    let mut any = Vec::new();
    put_bytes(&mut any, 1, value);
    let mut pair = Vec::new();
    put_bytes(&mut pair, 1, key.as_bytes());
    put_bytes(&mut pair, 2, &any);
    put_bytes(out, number, &pair);
}

/// A request with one metric whose data are as given.
fn request(name: &str, number: u32, data: &[u8]) -> Vec<u8> {
    let mut metric = Vec::new();
    put_bytes(&mut metric, 1, name.as_bytes());
    put_bytes(&mut metric, number, data);
    let within = |inner: &[u8], number: u32| {
        let mut out = Vec::new();
        put_bytes(&mut out, number, inner);
        out
    };
    within(&within(&within(&metric, 2), 2), 1)
}

fn gauge(points: &[Vec<u8>]) -> Vec<u8> {
    let mut data = Vec::new();
    for point in points {
        put_bytes(&mut data, 1, point);
    }
    request("m", 5, &data)
}

#[test]
fn attributes_that_become_one_label_are_joined() {
    let mut point = Vec::new();
    attribute(&mut point, 7, "a_b", b"2");
    put_fixed64(&mut point, 6, 5);
    attribute(&mut point, 7, "a.b", b"1");
    attribute(&mut point, 7, "__name__", b"other");
    assert_eq!(
        told(&gauge(&[point]), &Rules::default()),
        [r#"gauge m{a_b="1;2"} = 5"#]
    );
}

#[test]
fn bad_points_are_refused_and_good_neighbours_stand() {
    let mut good = Vec::new();
    put_fixed64(&mut good, 6, 5);
    assert_eq!(
        told(&gauge(&[Vec::new(), good]), &Rules::default()),
        ["a point without a value", "gauge m = 5"]
    );
    let sum = request("m", 7, &[0x0a, 0x00]);
    assert_eq!(
        told(&sum, &Rules::default()),
        [r#"metric "m": invalid temporality, it must be delta or cumulative"#]
    );
    let mut data = vec![0x10, 0x02];
    let mut point = Vec::new();
    put_bytes(&mut point, 6, &[0; 16]);
    put_bytes(&mut data, 1, &point);
    assert_eq!(
        told(&request("m", 9, &data), &Rules::default()),
        ["a histogram with 0 bounds has 2 buckets"]
    );
    let nameless = request("", 5, &[0x0a, 0x00]);
    assert_eq!(
        told(&nameless, &Rules::default()),
        [r#"nothing of the metric name "" can stay"#]
    );
}

#[test]
fn identities_differ_where_series_differ() {
    let mut points = Vec::new();
    for (key, value) in [("a", "1"), ("a", "2"), ("b", "1")] {
        let mut point = Vec::new();
        attribute(&mut point, 7, key, value.as_bytes());
        put_fixed64(&mut point, 6, 5);
        points.push(point);
    }
    points.push(points[0].clone());
    let mut seen = Vec::new();
    parse(&gauge(&points), &Rules::default(), |point| {
        seen.push(point.unwrap().identity(&mut Vec::new()).to_vec());
    })
    .unwrap();
    assert_eq!(seen[0], seen[3]);
    assert!(seen[0] != seen[1] && seen[0] != seen[2] && seen[1] != seen[2]);
}

/// FAULTS 12.
#[test]
fn bombs_are_refused() {
    let empty: Vec<u8> = [0x0a, 0x00].repeat(1_000_000);
    let refused = parse(&empty, &Rules::default(), |_| {}).unwrap_err();
    assert_eq!(refused.reject, Reject::OverLimit);
    let deep = "[".repeat(100_000);
    assert_eq!(
        from_json(deep.as_bytes()).unwrap_err().reject,
        Reject::Malformed
    );
    for nest in [r#"{"resourceMetrics":["#, r#"{"x":["#] {
        assert_eq!(
            from_json(nest.repeat(100_000).as_bytes())
                .unwrap_err()
                .reject,
            Reject::Malformed
        );
    }
    let values = r#"{"arrayValue":{"values":["#.repeat(60);
    let nested = format!(
        r#"{{"resourceMetrics":[{{"resource":{{"attributes":[{{"key":"k","value":{values}{}}}]}}}}]}}"#,
        "]}}".repeat(60)
    );
    assert_eq!(
        from_json(nested.as_bytes()).unwrap_err().reject,
        Reject::Malformed
    );
    let mut value = Vec::new();
    for _ in 0..100 {
        let mut list = Vec::new();
        put_bytes(&mut list, 1, &value);
        value.clear();
        put_bytes(&mut value, 5, &list);
    }
    let mut pair = Vec::new();
    put_bytes(&mut pair, 1, b"k");
    put_bytes(&mut pair, 2, &value);
    let mut point = Vec::new();
    put_bytes(&mut point, 7, &pair);
    put_fixed64(&mut point, 6, 5);
    assert_eq!(
        told(&gauge(&[point]), &Rules::default()),
        ["gauge an attribute is nested deeper than 16 = 5"]
    );
}

#[test]
fn wrong_json_is_told_with_its_place() {
    for bad in [
        "",
        "[]",
        "{\"resourceMetrics\":{}}",
        "{\"resourceMetrics\":[1]}",
        "{} {}",
        r#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"name":5}]}]}]}"#,
        r#"{"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"gauge":{"dataPoints":[{"timeUnixNano":"x"}]}}]}]}]}"#,
    ] {
        let refused = from_json(bad.as_bytes()).unwrap_err();
        assert!(
            refused.text.starts_with("JSON: ") && refused.text.contains("line 1"),
            "{bad}: {}",
            refused.text
        );
    }
    assert_eq!(from_json(b"{}").unwrap(), b"");
}

#[test]
fn answers() {
    assert_eq!(accepted(0, "", false), b"");
    assert_eq!(accepted(0, "", true), b"{}");
    assert_eq!(accepted(3, "no", false), b"\x0a\x06\x08\x03\x12\x02no");
    let json: serde_json::Value = serde_json::from_slice(&accepted(3, "no", true)).unwrap();
    assert_eq!(json["partialSuccess"]["rejectedDataPoints"], "3");
    assert_eq!(
        error_status(ErrorCode::InvalidArgument, "no", false),
        b"\x08\x03\x12\x02no"
    );
    let json: serde_json::Value =
        serde_json::from_slice(&error_status(ErrorCode::Unavailable, "x", true)).unwrap();
    assert_eq!((&json["code"], &json["message"]), (&14.into(), &"x".into()));
}

#[test]
fn floats_in_attributes() {
    for (value, wanted) in [
        (0.5, "0.5"),
        (1e21, "1e21"),
        (3.0, "3"),
        (1e-7, "1e-7"),
        (f64::NAN, "NaN"),
    ] {
        assert_eq!(attributes::float_text(value), wanted);
    }
}

proptest! {
    #[test]
    fn hostile_bytes_never_panic(at in 0..2_000_usize, xor in 1..=255_u8, noise in prop::collection::vec(any::<u8>(), 0..100)) {
        let mut bent = golden();
        let place = at % bent.len();
        bent[place] ^= xor;
        told(&bent, &Rules::default());
        told(&noise, &Rules { scope_labels: true, promote: Promote::All, ..Rules::default() });
        let mut json = JSON.as_bytes().to_vec();
        let place = at % json.len();
        json[place] ^= xor;
        if let Ok(message) = from_json(&json) {
            told(&message, &Rules::default());
        }
        let mut unlikely = Vec::new();
        put_number(&mut unlikely, 1, 5);
        let read = parse(&unlikely, &Rules::default(), |_| {});
        prop_assert!(read.is_err());
    }

    #[test]
    fn permutations_of_attributes_give_one_key(attributes in prop::collection::btree_map("[a-z]{1,6}", "[a-z]{1,6}", 1..8).prop_flat_map(|map| {
        let all: Vec<(String, String)> = map.into_iter().collect();
        (Just(all.clone()), Just(all).prop_shuffle())
    })) {
        let key = |all: &[(String, String)]| {
            let mut point = Vec::new();
            for (name, value) in all {
                attribute(&mut point, 7, name, value.as_bytes());
            }
            put_fixed64(&mut point, 6, 5);
            told(&gauge(&[point]), &Rules::default())
        };
        prop_assert_eq!(key(&attributes.0), key(&attributes.1));
    }
}
