use proptest::prelude::*;

use super::*;
use crate::Kind;

/// Each family as its type and name, each sample as its key, value and time.
fn told(families: &[Family<'_>]) -> Vec<String> {
    let mut out = Vec::new();
    for family in families {
        out.push(format!("{} {}", family.kind.as_str(), family.name));
        for sample in &family.samples {
            let key =
                series_key(sample, &[]).map_or_else(|error| error.text, |key| key.to_string());
            let value = match &sample.value {
                Measured::Float(value) => go_float(*value),
                Measured::Native(buckets) => format!("native {}", buckets.count),
            };
            let time = sample
                .timestamp_ms
                .map_or_else(String::new, |time| format!(" @{time}"));
            out.push(format!("{key} {value}{time}"));
        }
    }
    out
}

fn text(input: &str) -> Vec<String> {
    match parse(input.as_bytes(), Format::Text) {
        Ok(families) => told(&families),
        Err(error) => vec![error.to_string()],
    }
}

fn open(input: &str) -> Vec<String> {
    match parse(input.as_bytes(), Format::OpenMetrics) {
        Ok(families) => told(&families),
        Err(error) => vec![format!("{}: {}", error.line, error.text)],
    }
}

#[test]
fn what_pythons_client_writes() {
    let plain = text(include_str!("golden/python.txt"));
    let strict = open(include_str!("golden/python.om"));
    for wanted in [
        r#"jobs_total{kind="a\"b\\c"} 3"#,
        r#"lat_seconds_bucket{le="+Inf"} 2"#,
        "lat_seconds_sum 0.7999999999999999",
        "rpc_count 1",
        r#"build_info{v="1"} 1"#,
    ] {
        assert!(
            plain.iter().any(|line| line == wanted),
            "{wanted} in {plain:#?}"
        );
        assert!(
            strict.iter().any(|line| line == wanted),
            "{wanted} in {strict:#?}"
        );
    }
    let families = parse(include_bytes!("golden/python.om"), Format::OpenMetrics).unwrap();
    let kinds: Vec<(&str, Kind)> = families.iter().map(|f| (&*f.name, f.kind)).collect();
    let wanted = [
        ("jobs", Kind::Counter),
        ("lat_seconds", Kind::Histogram),
        ("rpc", Kind::Summary),
        ("build", Kind::Info),
    ];
    assert_eq!(kinds, wanted);
    assert_eq!(families[0].help, "Jobs \\ done.\nReally.");
    assert_eq!(inconsistent(&families), None);
}

#[test]
fn text_forms() {
    let input = "# HELP m It's \\\\ and\\n so.\n#TYPE m gauge\n# any comment\n\n  m{a=\"1\",b=\"x\\\"y\\\\z\\n\",} \t +Inf 1700000000123\nm{} NaN\nother -0\nm -1e-3\n";
    assert_eq!(
        text(input),
        [
            "gauge m",
            r#"m{a="1",b="x\"y\\z\n"} +Inf @1700000000123"#,
            "m NaN",
            "m -0.001",
            "unknown other",
            "other -0",
        ]
    );
}

#[test]
fn quoted_names() {
    let input = "# TYPE \"my.metric\" counter\n{\"my.metric\", \"a.b\"=\"c\"} 1\n{\"b c\"} 2\nplain{\"x.y\"=\"z\"} 3\n";
    let wanted = [
        "counter my.metric",
        r#"my.metric{a.b="c"} 1"#,
        "unknown b c",
        "b c 2",
        "unknown plain",
        r#"plain{x.y="z"} 3"#,
    ];
    assert_eq!(text(input), wanted);
    let input = "# TYPE \"my.metric\" counter\n{\"my.metric_total\",\"a.b\"=\"c\"} 1\n# EOF\n";
    assert_eq!(
        open(input),
        ["counter my.metric", r#"my.metric_total{a.b="c"} 1"#]
    );
}

#[test]
fn histograms_and_summaries_keep_their_suffixed_series() {
    let input = "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum 3\nh_count 2\n# TYPE s summary\ns{quantile=\"0.5\"} 1\ns_sum 1\ns_bucket 4\n";
    assert_eq!(
        text(input),
        [
            "histogram h",
            r#"h_bucket{le="1"} 1"#,
            r#"h_bucket{le="+Inf"} 2"#,
            "h_sum 3",
            "h_count 2",
            "summary s",
            r#"s{quantile="0.5"} 1"#,
            "s_sum 1",
            "unknown s_bucket",
            "s_bucket 4",
        ]
    );
}

#[test]
fn mistakes_in_text_are_told_with_their_line() {
    for (input, wanted) in [
        ("a 1", "in line 1: unexpected end of input stream"),
        ("a 1\nb\n", "in line 2: expected float as value, got \"\""),
        ("a x\n", "in line 1: expected float as value, got \"x\""),
        ("a 0x1\n", "in line 1: expected float as value, got \"0x1\""),
        ("a 1_0\n", "in line 1: expected float as value, got \"1_0\""),
        (
            "a 1e309\n",
            "in line 1: expected float as value, got \"1e309\"",
        ),
        (
            "a 1 1.5\n",
            "in line 1: expected integer as timestamp, got \"1.5\"",
        ),
        (
            "a 1 2 3\n",
            "in line 1: spurious string after timestamp: \"3\"",
        ),
        (
            "a{b=\"c} 1\n",
            "in line 1: label value contains unescaped new-line or does not end",
        ),
        (
            "a{b=\"\\x\"} 1\n",
            "in line 1: invalid escape sequence '\\x'",
        ),
        (
            "a{b} 1\n",
            "in line 1: expected '=' after label name, found '}'",
        ),
        ("a{1=\"2\"} 1\n", "in line 1: invalid label name"),
        (
            "a{b=\"1\",b=\"2\"} 1\n",
            "in line 1: duplicate label name \"b\"",
        ),
        (
            "a{__name__=\"1\"} 1\n",
            "in line 1: label name \"__name__\" is reserved",
        ),
        ("{a=\"b\"} 1\n", "in line 1: metric name not set"),
        ("a{\"b\"} 1\n", "in line 1: metric name already set"),
        ("1a 1\n", "in line 1: invalid metric name"),
        ("# TYPE a foo\n", "in line 1: unknown metric type \"foo\""),
        (
            "# TYPE a gauge\n# TYPE a gauge\n",
            "in line 2: second TYPE line for metric name \"a\", or TYPE reported after samples",
        ),
        (
            "a 1\n# TYPE a gauge\n",
            "in line 2: second TYPE line for metric name \"a\", or TYPE reported after samples",
        ),
        (
            "# HELP a x\n# HELP a x\n",
            "in line 2: second HELP line for metric name \"a\"",
        ),
    ] {
        assert_eq!(
            text(input),
            [format!("text format parsing error {wanted}")],
            "{input:?}"
        );
    }
    let error = parse(b"a 1\nb{c=\"\xff\"} 1\n", Format::Text).unwrap_err();
    assert_eq!((error.line, error.reject), (2, crate::Reject::BadText));
}

#[test]
fn openmetrics_forms() {
    let input = "# TYPE c counter\n# UNIT d_seconds seconds\n# HELP c Say \\\"hi\\\"\nc_total{a=\"b # c\"} 17.0 1520879607.789 # {trace_id=\"x\"} 0.67 1520879607.789\nc_created 1.5\n# TYPE d_seconds gauge\nd_seconds 1\n# EOF\n";
    assert_eq!(
        open(input),
        [
            "counter c",
            r#"c_total{a="b # c"} 17 @1520879607789"#,
            "c_created 1.5",
            "gauge d_seconds",
            "d_seconds 1"
        ]
    );
    let families = parse(input.as_bytes(), Format::OpenMetrics).unwrap();
    assert_eq!(
        (&*families[0].help, &*families[1].unit),
        ("Say \"hi\"", "seconds")
    );
    assert_eq!(open("# EOF"), [""; 0]);
}

#[test]
fn mistakes_in_openmetrics() {
    for (input, wanted) in [
        ("a 1\n", "1: data does not end with # EOF"),
        ("", "1: data does not end with # EOF"),
        ("# EOF\na 1\n", "2: unexpected data after # EOF"),
        ("\n# EOF\n", "1: invalid metric name"),
        ("# some comment\n# EOF\n", "1: expected a valid start token"),
        (
            "# UNIT a seconds\n# EOF\n",
            "1: unit \"seconds\" not a suffix of metric \"a\"",
        ),
        (
            "# TYPE a untyped\n# EOF\n",
            "1: invalid metric type \"untyped\"",
        ),
        ("a  1\n# EOF\n", "1: expected float as value, got \"\""),
        ("a 1 NaN\n# EOF\n", "1: invalid timestamp \"NaN\""),
        ("a 1 # x\n# EOF\n", "1: expected labels of an exemplar"),
    ] {
        assert_eq!(open(input), [wanted], "{input:?}");
    }
}

fn golden() -> Vec<u8> {
    let digits: Vec<u32> = include_str!("golden/families.hex")
        .chars()
        .filter_map(|c| c.to_digit(16))
        .collect();
    digits
        .chunks(2)
        .map(|pair| (pair[0] * 16 + pair[1]) as u8)
        .collect()
}

/// Encoded by Google's protobuf library for Python.
#[test]
fn delimited_protobuf_gives_the_same() {
    let input = golden();
    let families = parse(&input, Format::Protobuf).unwrap();
    assert_eq!(
        told(&families),
        [
            "counter jobs_total",
            r#"jobs_total{kind="a"} 3"#,
            "histogram lat_seconds",
            r#"lat_seconds_bucket{le="0.25"} 1"#,
            r#"lat_seconds_bucket{le="1"} 2"#,
            r#"lat_seconds_bucket{le="+Inf"} 3"#,
            "lat_seconds_sum 1.5",
            "lat_seconds_count 3",
            "summary rpc",
            r#"rpc{quantile="0.5"} 2"#,
            "rpc_sum 4",
            "rpc_count 2",
            "histogram nat",
            "nat native 3",
        ]
    );
    assert_eq!(families[0].help, "Jobs.");
    assert!(parse(&input[..input.len() - 1], Format::Protobuf).is_err());
}

#[test]
fn labels_of_a_group_are_put_over_those_of_a_sample() {
    let families = parse(b"m{job=\"own\",a=\"b\"} 1\n", Format::Text).unwrap();
    let key = series_key(
        &families[0].samples[0],
        &[("job", "pushed"), ("instance", "")],
    )
    .unwrap();
    assert_eq!(key.to_string(), r#"m{a="b",job="pushed"}"#);
    let twice = parse(
        b"m{a=\"1\",b=\"2\"} 1\nm{b=\"2\",a=\"1\"} 2\n",
        Format::Text,
    )
    .unwrap();
    assert!(
        inconsistent(&twice)
            .unwrap()
            .text
            .contains("was collected before")
    );
}

#[test]
fn too_many_samples_are_refused() {
    let error = parse("a 1\n".repeat(MAX_SAMPLES + 1).as_bytes(), Format::Text).unwrap_err();
    assert_eq!(
        (error.line, error.reject),
        (MAX_SAMPLES + 1, crate::Reject::OverLimit)
    );
}

#[test]
fn content_types() {
    for (content_type, format) in [
        ("", Format::Text),
        ("text/plain; version=0.0.4", Format::Text),
        (
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Format::OpenMetrics,
        ),
        (
            "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited",
            Format::Protobuf,
        ),
        ("application/vnd.google.protobuf", Format::Text),
    ] {
        assert_eq!(Format::of_content_type(content_type), format);
    }
}

#[test]
fn floats_are_written_as_go_writes_them() {
    for (value, wanted) in [
        (0.005, "0.005"),
        (1.0, "1"),
        (1e6, "1e+06"),
        (123_456.0, "123456"),
        (1.5e-5, "1.5e-05"),
        (-0.0, "-0"),
        (2.5e300, "2.5e+300"),
    ] {
        assert_eq!(go_float(value), wanted);
    }
}

proptest! {
    #[test]
    fn hostile_input_never_panics(input in "([a-z_{}\"=,\\\\ #0-9.\n]|# TYPE |# HELP |# EOF\n|\u{e4}){0,80}", at in 0..500_usize, xor in 1..=255_u8) {
        for format in [Format::Text, Format::OpenMetrics, Format::Protobuf] {
            let _ = parse(input.as_bytes(), format).map(|families| told(&families));
        }
        let mut bent = golden();
        let at = at % bent.len();
        bent[at] ^= xor;
        let _ = parse(&bent, Format::Protobuf).map(|families| told(&families));
    }

    #[test]
    fn label_permutations_give_one_key(labels in prop::collection::btree_map("[a-z]{1,6}", "[a-z]{1,6}", 1..8).prop_flat_map(|map| {
        let labels: Vec<(String, String)> = map.into_iter().collect();
        (Just(labels.clone()), Just(labels).prop_shuffle())
    })) {
        let key = |labels: &[(String, String)]| {
            let inner: Vec<String> = labels.iter().map(|(k, v)| format!("{k}=\"{v}\"")).collect();
            let line = format!("m{{{}}} 1\n", inner.join(","));
            series_key(&parse(line.as_bytes(), Format::Text).unwrap()[0].samples[0], &[]).unwrap()
        };
        prop_assert_eq!(key(&labels.0), key(&labels.1));
    }
}
