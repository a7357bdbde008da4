use proptest::prelude::*;

use super::*;
use crate::Reject;

/// Each metric as `name=value@rate{k=v}`, each refusal as its reason.
fn told(datagram: &[u8]) -> Vec<String> {
    tell(parse(datagram, Dialect::default()))
}

fn tell(metrics: Metrics<'_>) -> Vec<String> {
    metrics
        .map(|metric| match metric {
            Ok(metric) => one(&metric),
            Err(reject) => reject.to_string(),
        })
        .collect()
}

fn one(metric: &Metric<'_>) -> String {
    let value = match metric.value {
        Value::Counter(number) => format!("c{number}"),
        Value::GaugeSet(number) => format!("g={number}"),
        Value::GaugeDelta(number) => format!("g+{number}"),
        Value::Timer(number) => format!("t{number}"),
        Value::Set(member) => format!("s{member}"),
    };
    let mut text = format!("{}:{value}", metric.name);
    if metric.rate < 1.0 {
        text += &format!("@{}", metric.rate);
    }
    for (key, value) in metric.tags.iter() {
        text += &format!(" {key}={value}");
    }
    if let Some(time_ms) = metric.timestamp_ms {
        text += &format!(" at {time_ms}");
    }
    text
}

#[test]
fn every_type() {
    assert_eq!(
        told(b"a:1|c\nb:2.5|g\nc:3|ms\nd:4|h\ne:5|d\nf:six|s\n"),
        ["a:c1", "b:g=2.5", "c:t3", "d:t4", "e:t5", "f:ssix"]
    );
}

#[test]
fn rates_and_fields_in_any_order() {
    assert_eq!(told(b"a:1|c|@0.1"), ["a:c1@0.1"]);
    assert_eq!(
        told(b"a:1|c|#k:v,bare,u:http://x|@0.5|c:ci-abc|T1656581400|card:low"),
        ["a:c1@0.5 k=v bare=true u=http://x"]
    );
    assert_eq!(told(b"a:1|c|c:in-1|#k:v"), ["a:c1 k=v"]);
    assert_eq!(told(b"a;x=1;y=2:3|g|#,z:4,"), ["a:g=3 x=1 y=2 z=4"]);
}

#[test]
fn several_values_of_one_or_of_many_types() {
    assert_eq!(
        told(b"a:1:2:3|ms|@0.5"),
        ["a:t1@0.5", "a:t2@0.5", "a:t3@0.5"]
    );
    assert_eq!(told(b"a:1|c:2|ms"), ["a:c1", "a:t2"]);
    assert_eq!(
        told(b"a:1|c|@0.1:2:3|ms:x|s|#k:v"),
        ["a:c1@0.1 k=v", "a:t2 k=v", "a:t3 k=v", "a:sx k=v"]
    );
}

#[test]
fn a_set_takes_any_text_whole() {
    assert_eq!(told(b"a:fe80::1|s"), ["a:sfe80::1"]);
    assert_eq!(told(b"a:#x|s|#k:v"), ["a:s#x k=v"]);
    assert_eq!(told(b"a:|s"), ["a:s0"]);
}

#[test]
fn a_sign_is_a_change_or_not_as_the_dialect_has_it() {
    let line = b"a:-5|g\na:+5|g\na:5|g";
    assert_eq!(told(line), ["a:g+-5", "a:g+5", "a:g=5"]);
    assert_eq!(
        tell(parse(line, Dialect::DATADOG)),
        ["a:g=-5", "a:g=5", "a:g=5"]
    );
}

#[test]
fn a_number_of_another_type_is_a_counters_where_etsy_reads() {
    let line = b"a:1|C\na:-2|kv|@0.5\na:3|\na:x|C\nb:4|h\nc:5|d";
    assert_eq!(
        tell(parse(line, Dialect::ETSY)),
        ["a:c1", "a:c-2@0.5", "a:c3", "bad_value", "b:t4", "c:t5"]
    );
    let refused = tell(parse(line, Dialect::DATADOG));
    assert_eq!(refused[..3], ["unknown_type"; 3]);
}

#[test]
fn a_time_is_a_counters_or_a_gauges() {
    let line = b"a:1|c|T1656581400\na:2:3|g|#k:v|T1|c:ci-x\na:1|ms|T1\na:1|c|T0\na:1|g|T-1\na:1|c|Tx\na:1|c|T4102444801";
    assert_eq!(
        tell(parse(line, Dialect::DATADOG)),
        [
            "a:c1 at 1656581400000",
            "a:g=2 k=v at 1000",
            "a:g=3 k=v at 1000",
            "unsupported",
            "bad_timestamp",
            "bad_timestamp",
            "bad_timestamp",
            "bad_timestamp",
        ]
    );
    assert_eq!(told(b"a:1|c|Tx"), ["a:c1"], "passed over elsewhere");
}

#[test]
fn a_service_check_is_a_gauge_of_its_status() {
    let line = b"_sc|db.up|0\n_sc|db.up|2|d:1656581400|h:web|#k:v,b|m:no | #x:y\n_sc|db|4\n_sc|db\n_sc||0\n_sc|db|1|d:x";
    assert_eq!(
        tell(parse(line, Dialect::DATADOG)),
        [
            "db.up:g=0",
            "db.up:g=2 k=v b=true host=web at 1656581400000",
            "bad_value",
            "malformed",
            "bad_name",
            "bad_timestamp",
        ]
    );
    assert_eq!(
        tell(parse(b"_e{1,1}:a|b", Dialect::DATADOG)),
        ["unsupported"]
    );
}

#[test]
fn names_are_cleaned_as_etsy_does() {
    assert_eq!(
        told("a b  /c.d-e_(f)\u{e9}:1|c".as_bytes()),
        ["a_b_-c.d-e_f:c1"]
    );
    assert_eq!(told(b"(:1|c"), ["bad_name"]);
    assert_eq!(told(b":1|c"), ["bad_name"]);
}

#[test]
fn what_is_refused_and_why() {
    let cases: [(&[u8], &str); 22] = [
        (b"a", "malformed"),
        (b"a:1", "malformed"),
        (b"a:1|", "unknown_type"),
        (b"a:1|kv", "unknown_type"),
        (b"a:1|C", "unknown_type"),
        (b"a:|c", "bad_value"),
        (b"a:x|g", "bad_value"),
        (b"a:1x|ms", "bad_value"),
        (b"a:nan|g", "not_finite"),
        (b"a:-inf|g", "not_finite"),
        (b"a:1e309|c", "not_finite"),
        (b"a:1|c|@0", "bad_rate"),
        (b"a:1|c|@-1", "bad_rate"),
        (b"a:1|c|@nan", "bad_rate"),
        (b"a:1|c|@1.1", "bad_rate"),
        (b"a:1|c|@", "bad_rate"),
        (b"a\xff:1|c", "bad_text"),
        (b"a:1\0|c", "bad_text"),
        (b"a\tb:1|c", "bad_text"),
        (b"_e{5,4}:title|text", "unsupported"),
        (b"_sc|db|0", "unsupported"),
        (b"garbage", "malformed"),
    ];
    for (line, reason) in cases {
        assert_eq!(told(line), [reason], "{}", line.escape_ascii());
    }
}

#[test]
fn good_neighbours_stand() {
    assert_eq!(
        told(b"a:1|c\r\n\n\xff\nb:1:x:2|c\nc:1|z:2|g\n\r\nd:1|c|@2:4|ms\ncut:1"),
        [
            "a:c1",
            "bad_text",
            "b:c1",
            "bad_value",
            "b:c2",
            "unknown_type",
            "c:g=2",
            "bad_rate",
            "d:t4",
            "malformed"
        ]
    );
    assert_eq!(told(b""), [""; 0]);
}

#[test]
fn a_line_too_long_is_refused_whole() {
    let mut long = b"a:".to_vec();
    long.resize(MAX_LINE_BYTES + 1, b'1');
    long.extend_from_slice(b"\nb:1|c");
    assert_eq!(told(&long), ["too_long", "b:c1"]);
    let tagged = format!("a:1|c|#k:{}", "x".repeat(MAX_LINE_BYTES));
    assert_eq!(told(tagged.as_bytes()), ["too_long"]);
    let longest = format!("{:>1$}", "b:1|c", MAX_LINE_BYTES);
    assert_eq!(told(longest.as_bytes()), ["b:c1"]);
}

#[test]
fn clean_names_are_not_copied() {
    let metric = parse(b"a.b:1|c", Dialect::default()).next().unwrap();
    assert!(matches!(
        metric.unwrap().name,
        std::borrow::Cow::Borrowed("a.b")
    ));
    assert_eq!(
        parse(b"x", Dialect::default()).next(),
        Some(Err(Reject::Malformed))
    );
}

/// What a plain line is without the shortcut.
fn slowly(line: &[u8], dialect: Dialect) -> Vec<Result<Metric<'_>, Reject>> {
    let Ok(Some(mut rest)) = line::Line::begin(line, dialect) else {
        return Vec::new();
    };
    std::iter::from_fn(|| rest.next(dialect)).collect()
}

#[test]
fn plain_lines_are_read_at_a_glance() {
    for line in [
        "a.b:1|c",
        "a:-1.5|g",
        "a:+1|g",
        "a:1e3|ms|@0.5",
        "a:x.y|s",
        "a:1|d|#k:v,b",
        "a:1|c|@0.1|#k:v",
    ] {
        assert!(
            plain::metric(line.as_bytes(), Dialect::ETSY).is_some(),
            "{line}"
        );
    }
    for line in [
        "",
        "a",
        ":1|c",
        "a:1:2|c",
        "a:1|c:2|g",
        "a b:1|c",
        "a:1|x",
        "a:1|c|@2",
        "a:1|c|@0|#k:v",
        "a:nan|g",
        "a:1|c\r",
        "_sc|a:1|c",
        "a:1|c|T1",
        "a:1|c|#k|c:x",
        "a:|s",
        "a;k=v:1|c",
    ] {
        assert!(
            plain::metric(line.as_bytes(), Dialect::DATADOG).is_none(),
            "{line}"
        );
    }
}

proptest! {
    #[test]
    fn a_glance_and_a_reading_are_the_same(text in "[ab_.]{0,3}:?[0-9.+e|:-]{0,4}\\|?(c|g|ms|s|d|x)?(\\|@[0-9.]{0,3})?(\\|#[a,:|T1]{0,6})?") {
        for dialect in [Dialect::default(), Dialect::ETSY, Dialect::DATADOG] {
            if let Some(metric) = plain::metric(text.as_bytes(), dialect) {
                prop_assert_eq!(slowly(text.as_bytes(), dialect), vec![Ok(metric)]);
            }
        }
    }

    #[test]
    fn hostile_bytes_never_panic_and_always_end(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        for dialect in [Dialect::default(), Dialect::ETSY, Dialect::DATADOG] {
            let found = parse(&bytes, dialect).count();
            prop_assert!(found <= bytes.len() + 1);
        }
    }

    #[test]
    fn hostile_shapes_never_panic(text in "[a-c:|@#,;=.0-9+\n_es{T-]{0,80}") {
        let both = [Dialect::ETSY, Dialect::DATADOG].map(|dialect| parse(text.as_bytes(), dialect));
        for metric in both.into_iter().flatten().flatten() {
            prop_assert!(!metric.name.is_empty());
            prop_assert!(metric.rate > 0.0 && metric.rate <= 1.0);
            let _ = metric.tags.iter().count();
        }
    }

    #[test]
    fn what_was_written_is_read(value in -1e9..1e9_f64, rate in 0.001..1.0_f64, tag in "[a-z]{1,8}") {
        let line = format!("n:{value}|c|@{rate}|#k:{tag}");
        let metric = parse(line.as_bytes(), Dialect::default()).next().unwrap().unwrap();
        prop_assert_eq!(metric.value, Value::Counter(value));
        prop_assert_eq!(metric.rate, rate);
        prop_assert_eq!(metric.tags.iter().collect::<Vec<_>>(), vec![("k", tag.as_str())]);
    }
}
