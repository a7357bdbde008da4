use proptest::prelude::*;

use super::*;
use crate::{Reject, SeriesKey};

/// What a line says, as `series=value@ms`, the command's name, or the answer to what is wrong.
fn told(line: &str) -> String {
    told_by(line.as_bytes(), Rules::default()).unwrap_or_else(|fault| fault.to_string())
}

fn told_by(line: &[u8], rules: Rules) -> Result<String, Fault> {
    match parse(line, rules)? {
        Some(Command::Put(put)) => {
            let key = series_key(put.identity)?;
            Ok(format!("{key}={}@{}", put.value, put.timestamp_ms))
        }
        other => Ok(format!("{other:?}")),
    }
}

fn reject(line: &str) -> Reject {
    told_by(line.as_bytes(), Rules::default())
        .unwrap_err()
        .reject
}

#[test]
fn a_put() {
    assert_eq!(
        told("put sys.cpu.user 1613707265 42.5 host=web01 cpu=0\r"),
        r#"sys.cpu.user{cpu="0",host="web01"}=42.5@1613707265000"#
    );
    // Spaces between and behind tags are let pass, and the same tag twice is one.
    assert_eq!(
        told("put m 1613707265 1  a=b   a=b "),
        r#"m{a="b"}=1@1613707265000"#
    );
    assert_eq!(
        told("put a-b_c/d.\u{e9}9 1613707265 1 k=v"),
        "a-b_c/d.\u{e9}9{k=\"v\"}=1@1613707265000"
    );
}

#[test]
fn the_other_commands() {
    let command = |line: &'static str| parse(line.as_bytes(), Rules::default()).unwrap();
    assert_eq!(command("version"), Some(Command::Version));
    assert_eq!(command("help\r"), Some(Command::Help));
    assert_eq!(command("exit"), Some(Command::Exit));
    assert_eq!(command("stats jvm"), Some(Command::Stats));
    assert_eq!(command("dropcaches"), Some(Command::DropCaches));
    assert_eq!(command("rollup 1h-sum m 1 2 a=b"), Some(Command::Rollup));
    assert_eq!(command("histogram m 1 x a=b"), Some(Command::Histogram));
    assert_eq!(command("diediedie"), Some(Command::Unknown(b"diediedie")));
    assert_eq!(command("PUT m 1 2 a=b"), Some(Command::Unknown(b"PUT")));
    assert_eq!(command(" put m 1 2 a=b"), Some(Command::Unknown(b"")));
    assert_eq!(command(""), None);
    assert_eq!(command("\r"), None);
    assert_eq!(
        unknown_command(b"x\x1b\xff"),
        "unknown command: x?\u{fffd}.  Try `help'."
    );
    assert!(is_http(b'P') && !is_http(b'p'));
}

/// FAULTS 20.
#[test]
fn timestamps() {
    let ms = |stamp: &str| told(&format!("put m {stamp} 1 k=v"));
    let good = [
        ("1", 1_000_i64),
        ("1613707265", 1_613_707_265_000),
        ("4102444799", 4_102_444_799_000),
        ("1613707265123", 1_613_707_265_123),
        ("1613707265.123", 1_613_707_265_123),
        ("1613707265.5", 1_613_707_265_500),
        ("1613707265.05", 1_613_707_265_050),
    ];
    for (stamp, expected) in good {
        assert_eq!(ms(stamp), format!("m{{k=\"v\"}}=1@{expected}"), "{stamp}");
    }
    let bad = [
        ("0", "put: illegal argument: invalid timestamp: 0"),
        ("-5", "put: illegal argument: invalid timestamp: -5"),
        ("", "put: invalid value: Empty string"),
        ("x", "put: invalid value: Invalid character 'x' in x"),
        (
            "16137072x5",
            "put: invalid value: Invalid character 'x' in 16137072x5",
        ),
        ("now", "put: invalid value: Invalid character 'n' in now"),
        (".", "put: invalid value: Empty string"),
        (
            "99999999999999999999",
            "put: invalid value: Value too long: 99999999999999999999",
        ),
        (
            "9999999999999999999",
            "put: invalid value: Overflow in 9999999999999999999",
        ),
    ];
    for (stamp, answer) in bad {
        assert_eq!(ms(stamp), answer);
        assert_eq!(
            reject(&format!("put m {stamp} 1 k=v")),
            Reject::BadTimestamp
        );
    }
    // Faults, number 20: the unit is guessed.
    let bad_unit = [
        ("16137072651", ""),
        ("4102444800000", ""),
        ("1613707265.1234", ""),
        ("1.5.5", ""),
        ("44444444444444444.5", "; it looks like nanoseconds"),
        ("1613707265000000", "; it looks like microseconds"),
        ("1613707265000000000", "; it looks like nanoseconds"),
    ];
    for (stamp, guess) in bad_unit {
        let answer = ms(stamp);
        assert!(
            answer.starts_with(&format!(
                "put: illegal argument: bad timestamp={stamp}: give"
            )),
            "{answer}"
        );
        assert!(
            answer.ends_with(&format!("before the year 2100{guess}")),
            "{answer}"
        );
    }
}

/// FAULTS 6.
#[test]
fn values() {
    let value = |text: &str| {
        let line = format!("put m 1 {text} k=v");
        parse(line.as_bytes(), Rules::default()).map(|command| match command {
            Some(Command::Put(put)) => put.value,
            other => panic!("{other:?}"),
        })
    };
    let good = [
        ("0", 0.0),
        ("-0.0", -0.0),
        ("+7", 7.0),
        ("-7", -7.0),
        ("9007199254740993", 9_007_199_254_740_992.0),
        ("9223372036854775807", 9_223_372_036_854_775_807.0),
        ("-9223372036854775808", -9_223_372_036_854_775_808.0),
        ("1.25", 1.25),
        ("1e3", 1000.0),
        ("-1.5E-3", -0.0015),
        ("9223372036854775808.0", 9_223_372_036_854_775_808.0),
    ];
    for (text, expected) in good {
        assert_eq!(
            value(text).unwrap().to_bits(),
            f64::to_bits(expected),
            "{text}"
        );
    }
    let bad = [
        (
            "x",
            Reject::BadValue,
            "put: invalid value: Invalid character 'x' in x",
        ),
        (
            "1x",
            Reject::BadValue,
            "put: invalid value: Invalid character 'x' in 1x",
        ),
        (
            "+",
            Reject::BadValue,
            "put: invalid value: Just a sign, no value: +",
        ),
        (
            "NaN",
            Reject::NotFinite,
            "put: invalid value: Invalid character 'N' in NaN",
        ),
        (
            "-Infinity",
            Reject::NotFinite,
            "put: invalid value: Invalid character 'I' in -Infinity",
        ),
        (
            "1.x",
            Reject::BadValue,
            "put: invalid value: For input string: \"1.x\"",
        ),
        (
            "true",
            Reject::BadValue,
            "put: invalid value: For input string: \"true\"",
        ),
        (
            "1e309",
            Reject::NotFinite,
            "put: illegal argument: value is NaN or Infinite: 1e309",
        ),
        (
            "9223372036854775808",
            Reject::BadValue,
            "put: invalid value: Overflow in 9223372036854775808",
        ),
        (
            "99999999999999999999",
            Reject::BadValue,
            "put: invalid value: Value too long: 99999999999999999999",
        ),
        ("", Reject::BadValue, "put: illegal argument: empty value"),
    ];
    for (text, reject, answer) in bad {
        let fault = value(text).unwrap_err();
        assert_eq!((fault.to_string().as_str(), fault.reject), (answer, reject));
    }
}

#[test]
fn shapes_that_are_refused() {
    let many: String = (0..65).map(|n| format!(" t{n}=1")).collect();
    let many = format!("put m 1 2{many}");
    let cases = [
        (
            "put",
            "not enough arguments (need least 4, got 0)",
            Reject::Malformed,
        ),
        (
            "put m",
            "not enough arguments (need least 4, got 1)",
            Reject::Malformed,
        ),
        (
            "put m 1 2",
            "not enough arguments (need least 4, got 3)",
            Reject::Malformed,
        ),
        ("put  1 2 a=b", "empty metric name", Reject::BadName),
        (
            "put m 1 2 ",
            "Need at least one tag (metric=m, tags={})",
            Reject::BadLabels,
        ),
        ("put m 1 2 a", "invalid tag: a", Reject::BadLabels),
        ("put m 1 2 a=", "invalid tag: a=", Reject::BadLabels),
        ("put m 1 2 =b", "invalid tag: =b", Reject::BadLabels),
        ("put m 1 2 a=b=c", "invalid tag: a=b=c", Reject::BadLabels),
        (
            "put m 1 2 a=b c=d a=e",
            "duplicate tag: a=e, tags={a=b, c=d}",
            Reject::BadLabels,
        ),
        (
            "put m:x 1 2 a=b",
            "Invalid metric name (\"m:x\"): illegal character: :",
            Reject::BadName,
        ),
        (
            "put m 1 2 a,b=c",
            "Invalid tag name (\"a,b\"): illegal character: ,",
            Reject::BadLabels,
        ),
        (
            "put m 1 2 a=b@c",
            "Invalid tag value (\"b@c\"): illegal character: @",
            Reject::BadLabels,
        ),
        (
            "put m\u{1} 1 2 a=b",
            "Invalid metric name (\"m?\"): illegal character: ?",
            Reject::BadText,
        ),
        (
            "put m 1 2 __name__=b",
            "__name__ stands for the name and is no label",
            Reject::BadLabels,
        ),
        (many.as_str(), "more than 64 labels", Reject::BadLabels),
    ];
    for (line, message, cause) in cases {
        assert_eq!(told(line), format!("put: illegal argument: {message}"));
        assert_eq!(reject(line), cause, "{line}");
    }
    let long = format!("put {} 1 2 a=b", "m".repeat(70_000));
    assert_eq!(reject(&long), Reject::TooLong);
    let long = format!("put {} 1 2 a=b", "m".repeat(3_000));
    assert_eq!(reject(&long), Reject::BadName);
    let long = format!("put m 1 2 {}", "a".repeat(3_000));
    assert_eq!(
        told(&long),
        format!("put: illegal argument: invalid tag: {}...", "a".repeat(256))
    );
    assert_eq!(
        told_by(b"put m\xff 1 2 a=b", Rules::default())
            .unwrap_err()
            .reject,
        Reject::BadText
    );
}

#[test]
fn tags_may_be_left_out_where_the_rules_say_so() {
    let rules = Rules {
        require_tags: false,
    };
    for line in ["put m 1 2", "put m 1 2 "] {
        assert_eq!(told_by(line.as_bytes(), rules).unwrap(), "m=2@1000");
    }
    let fault = told_by(b"put m 1", rules).unwrap_err();
    assert_eq!(
        fault.to_string(),
        "put: illegal argument: not enough arguments (need least 3, got 2)"
    );
    let points = datapoints(br#"{"metric":"m","timestamp":1,"value":2}"#).unwrap();
    let put = points[0].read(rules).unwrap();
    assert_eq!(json_series_key(put.identity).unwrap().to_string(), "m");
}

#[test]
fn a_hash_is_of_all_words() {
    let hash = |metric: &'static [u8], tags: &'static [u8]| Identity { metric, tags }.hash();
    assert_eq!(hash(b"m", b"a=b"), hash(b"m", b"a=b"));
    assert_ne!(hash(b"m", b"a=b"), hash(b"n", b"a=b"));
    assert_ne!(hash(b"m", b"a=b"), hash(b"m", b"a=c"));
}

/// Each datapoint of a body as `series=value@ms`, or as its `details`.
fn put(body: &str) -> Vec<String> {
    let one = |point: &Datapoint<'_>| {
        let put = point.read(Rules::default())?;
        let key = json_series_key(put.identity)?;
        Ok(format!("{key}={}@{}", put.value, put.timestamp_ms))
    };
    let points = datapoints(body.as_bytes()).unwrap();
    let told =
        |told: Result<String, Fault>| told.unwrap_or_else(|fault| fault.details().to_owned());
    points.iter().map(|point| told(one(point))).collect()
}

#[test]
fn one_datapoint_or_many() {
    let one = r#" {"metric":"sys.cpu","timestamp":1613707265,"value":18.5,"tags":{"host":"web01","dc":"lga"}} "#;
    assert_eq!(
        put(one),
        [r#"sys.cpu{dc="lga",host="web01"}=18.5@1613707265000"#]
    );
    let many = r#"[
        {"metric":"a","timestamp":1613707265123,"value":"7","tags":{"k":"v"},"other":[{"x":null}]},
        {"tags":{"k":5,"b":true},"value":-1e3,"timestamp":"1613707265","metric":"\u0061\u002e"}
    ]"#;
    assert_eq!(
        put(many),
        [
            r#"a{k="v"}=7@1613707265123"#,
            r#"a.{b="true",k="5"}=-1000@1613707265000"#
        ]
    );
}

#[test]
fn details_of_bad_datapoints_beside_good_ones() {
    let full = |metric: &str, timestamp: &str, value: &str, tags: &str| {
        format!(r#"{{"metric":{metric},"timestamp":{timestamp},"value":{value},"tags":{tags}}}"#)
    };
    let tags = r#"{"k":"v"}"#;
    let cases = [
        (full("\"\"", "1", "1", tags), "Metric name was empty"),
        (full("null", "1", "1", tags), "Metric name was empty"),
        ("{}".to_owned(), "Metric name was empty"),
        (full("\"m\"", "0", "1", tags), "Invalid timestamp"),
        (full("\"m\"", "-1", "1", tags), "Invalid timestamp"),
        (full("\"m\"", "null", "1", tags), "Invalid timestamp"),
        (full("\"m\"", "\"x\"", "1", tags), "Invalid timestamp"),
        (full("\"m\"", "[1]", "1", tags), "Invalid timestamp"),
        (full("\"m\"", "1", "\"\"", tags), "Empty value"),
        (full("\"m\"", "1", "null", tags), "Empty value"),
        (
            full("\"m\"", "1", "\"x\"", tags),
            "Unable to parse value to a number",
        ),
        (
            full("\"m\"", "1", "true", tags),
            "Unable to parse value to a number",
        ),
        (
            full("\"m\"", "1", "\"NaN\"", tags),
            "Unable to parse value to a number",
        ),
        (
            full("\"m\"", "1", "1e309", tags),
            "value is NaN or Infinite: 1e309",
        ),
        (
            full("\"m\"", "1", "{}", tags),
            "Unable to parse the given JSON",
        ),
        (full("\"m\"", "1", "1", "null"), "Missing tags"),
        (full("\"m\"", "1", "1", "{ }"), "Missing tags"),
        (
            full("\"m\"", "1", "1", "[1]"),
            "Unable to parse the given JSON",
        ),
        (
            full("\"m\"", "1", "1", r#"{"k":null}"#),
            "Unable to parse the given JSON",
        ),
        (
            full("\"m\"", "1", "1", r#"{"k":"a","k":"a"}"#),
            "duplicate tag: k",
        ),
        (
            full("\"m\"", "1", "1", r#"{"k":""}"#),
            "Invalid tag value: empty string",
        ),
        (
            full("\"m\"", "1", "1", r#"{"":"v"}"#),
            "Invalid tag name: empty string",
        ),
        (
            full("\"m m\"", "1", "1", tags),
            "Invalid metric name (\"m m\"): illegal character:  ",
        ),
        (
            full("[\"m\"]", "1", "1", tags),
            "Unable to parse the given JSON",
        ),
        (
            "[\"m\",1,2,{\"k\":\"v\"}]".to_owned(),
            "Unable to parse the given JSON",
        ),
        ("7".to_owned(), "Unable to parse the given JSON"),
        (
            r#"{"metric":"m","metric":"n"}"#.to_owned(),
            "Unable to parse the given JSON",
        ),
    ];
    let good = full("\"g\"", "1", "1", tags);
    for (bad, details) in cases {
        let body = format!("[{good},{bad},{good}]");
        let stored = r#"g{k="v"}=1@1000"#;
        assert_eq!(put(&body), [stored, details, stored], "{bad}");
        assert_eq!(datapoints(body.as_bytes()).unwrap()[1].json(), bad);
    }
    let unit = put(&full("\"m\"", "1613707265000000", "1", tags));
    assert!(unit[0].ends_with("it looks like microseconds"), "{unit:?}");
}

#[test]
fn bodies_that_hold_nothing() {
    let told = |body: &str| {
        let error = datapoints(body.as_bytes()).unwrap_err();
        (error.to_string(), error.reject())
    };
    assert_eq!(
        told(" \n"),
        ("Missing request content".to_owned(), Reject::Malformed)
    );
    assert_eq!(
        told("[]"),
        (
            "No datapoints found in content".to_owned(),
            Reject::Malformed
        )
    );
    for body in [
        "{",
        "[{]",
        "7",
        "\"x\"",
        "null",
        "[{}] x",
        "[{},]",
        "\u{1}",
        "[\"\u{1}\"]",
    ] {
        let (message, reject) = told(body);
        assert!(
            message.starts_with("Unable to parse the given JSON: "),
            "{body}: {message}"
        );
        assert_eq!(reject, Reject::Malformed);
    }
    assert!(datapoints(b"[\"\xff\"]").is_err());
    let many = format!("[0{}]", ",0".repeat(MAX_DATAPOINTS));
    assert_eq!(told(&many).1, Reject::OverLimit);
}

/// FAULTS 12.
#[test]
fn json_nested_a_hundred_thousand_deep_is_an_error() {
    let deep = |open: &str, close: &str| {
        let (open, close) = (open.repeat(100_000), close.repeat(100_000));
        [format!("{open}1{close}"), format!("[{open}1{close}]")]
    };
    let within = |member: &str, deep: &str| {
        format!(r#"{{"metric":"m","timestamp":1,"value":1,"tags":{{"k":"v"}},"{member}":{deep}}}"#)
    };
    for body in deep("[", "]").into_iter().chain(deep("{\"a\":", "}")) {
        for body in [
            within("x", &body),
            within("y", &format!("{{\"k\":{body}}}")),
            body,
        ] {
            for told in put(&body) {
                assert!(
                    told == "nested deeper than 64" || told == "Unable to parse the given JSON",
                    "{told}"
                );
            }
        }
    }
    assert!(datapoints("[".repeat(100_000).as_bytes()).is_err());
    assert!(datapoints("{\"a\":".repeat(100_000).as_bytes()).is_err());
}

proptest! {
    #[test]
    fn hostile_lines_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = told_by(&bytes, Rules::default());
        let _ = told_by(&[b"put ".as_slice(), &bytes].concat(), Rules { require_tags: false });
    }

    #[test]
    fn near_lines_never_panic(line in "put [a.=] ?[0-9.+-]{0,20} ?[0-9.eNaIi-]{0,22}( [ab]=?[c=]){0,4}") {
        let _ = told(&line);
    }

    #[test]
    fn hostile_bodies_never_panic(body in r#"[\[{"metricvalutmspg:,0-9.}\]e-]{0,100}"#) {
        for point in datapoints(body.as_bytes()).unwrap_or_default() {
            if let Ok(put) = point.read(Rules { require_tags: false }) {
                let _ = json_series_key(put.identity);
            }
        }
    }

    /// FAULTS 15: by either way in, in any order.
    #[test]
    fn tags_in_any_order_are_one_series(
        tags in prop::collection::btree_map("[a-z]{1,6}", "[a-z0-9./_-]{1,6}", 1..8),
        seed in any::<prop::sample::Index>(),
    ) {
        let mut order: Vec<_> = tags.iter().collect();
        let expected = SeriesKey::new("m", tags.iter().map(|(k, v)| (k.as_str(), v.as_str()))).unwrap();
        let middle = seed.index(order.len());
        order.rotate_left(middle);
        order.reverse();
        let words: Vec<String> = order.iter().map(|(k, v)| format!("{k}={v}")).collect();
        let words = words.join(" ");
        let identity = Identity { metric: b"m", tags: words.as_bytes() };
        prop_assert_eq!(series_key(identity), Ok(expected.clone()));
        let json: Vec<String> = order.iter().map(|(k, v)| format!("\"{k}\":\"{v}\"")).collect();
        let json = format!("{{{}}}", json.join(","));
        let identity = Identity { metric: b"\"m\"", tags: json.as_bytes() };
        prop_assert_eq!(json_series_key(identity), Ok(expected));
    }
}
