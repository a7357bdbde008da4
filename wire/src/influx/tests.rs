use proptest::prelude::*;

use super::*;
use crate::{Reject, SeriesKey};

const T: &str = "1613707265000000000";

/// Every line as `key=value@ms` a field, or what is wrong with it.
fn told(body: &str) -> Vec<String> {
    told_as(
        body.as_bytes(),
        Precision::Nanoseconds,
        &FieldNaming::default(),
    )
}

fn told_as(body: &[u8], precision: Precision, naming: &FieldNaming) -> Vec<String> {
    let mut lines = parse(body, precision);
    let mut told = Vec::new();
    while let Some(line) = lines.next_line() {
        match line {
            Ok(line) => told.extend(line.fields.iter().map(|field| one(&line, field, naming))),
            Err(error) => told.push(error.to_string()),
        }
    }
    told
}

fn one(line: &Line<'_, '_>, field: &Field<'_>, naming: &FieldNaming) -> String {
    let key = match series_key(line.series, field.key, naming) {
        Ok(key) => key.to_string(),
        Err(fault) => return fault.to_string(),
    };
    let value = match field.value {
        FieldValue::Number(number) => number.to_string(),
        FieldValue::Text(text) => format!("{:?}", String::from_utf8_lossy(text)),
    };
    let time = line.timestamp_ms.map(|ms| format!("@{ms}"));
    format!("{key}={value}{}", time.unwrap_or_default())
}

/// The one fault of a body.
fn fault(body: &str) -> (String, Reject) {
    let mut lines = parse(body.as_bytes(), Precision::Nanoseconds);
    let line = lines.next_line().unwrap();
    let error = match line {
        Ok(line) => {
            series_key(line.series, line.fields[0].key, &FieldNaming::default()).unwrap_err()
        }
        Err(error) => error.fault,
    };
    (error.to_string(), error.reject())
}

#[test]
fn a_line_of_every_part() {
    assert_eq!(
        told(&format!(
            "cpu,host=a,region=eu-west idle=91.5,user=3i {T}\n"
        )),
        [
            r#"cpu_idle{host="a",region="eu-west"}=91.5@1613707265000"#,
            r#"cpu_user{host="a",region="eu-west"}=3@1613707265000"#
        ]
    );
    assert_eq!(told("cpu idle=1"), ["cpu_idle=1"]);
}

#[test]
fn comments_blank_lines_and_carriage_returns_are_no_lines() {
    let body =
        format!("# told to people\r\n\r\n \t\r\n a v=1 \r\n  #x=1\nb v=2 {T}\r\n\0\nc v=3 {T}  ");
    assert_eq!(
        told(&body),
        ["a_v=1", "b_v=2@1613707265000", "c_v=3@1613707265000"]
    );
}

#[test]
fn numbers() {
    let cases = [
        ("0", 0.0),
        ("-0", -0.0),
        ("1.", 1.0),
        (".5", 0.5),
        ("-.5", -0.5),
        ("1e3", 1000.0),
        ("1.5E+3", 1500.0),
        ("1e-400", 0.0),
        ("123456789012345", 123_456_789_012_345.0),
        ("1234567890123456", 1_234_567_890_123_456.0),
        ("9007199254740993", 9_007_199_254_740_992.0),
        ("0i", 0.0),
        ("-12i", -12.0),
        ("-0i", 0.0),
        ("9007199254740993i", 9_007_199_254_740_992.0),
        ("9223372036854775807i", 9_223_372_036_854_775_807.0),
        ("-9223372036854775808i", -9_223_372_036_854_775_808.0),
        ("12u", 12.0),
        ("18446744073709551615u", 18_446_744_073_709_551_615.0),
        ("t", 1.0),
        ("T", 1.0),
        ("true", 1.0),
        ("True", 1.0),
        ("TRUE", 1.0),
        ("f", 0.0),
        ("F", 0.0),
        ("false", 0.0),
        ("False", 0.0),
        ("FALSE", 0.0),
    ];
    for (text, value) in cases {
        for body in [
            format!("a v={text}"),
            format!("a v={text},w=1"),
            format!("a v={text} {T}"),
        ] {
            let mut lines = parse(body.as_bytes(), Precision::Nanoseconds);
            let line = lines.next_line().unwrap().unwrap();
            let FieldValue::Number(read) = line.fields[0].value else {
                panic!("{body}")
            };
            assert_eq!(read.to_bits(), f64::to_bits(value), "{body}");
        }
    }
    let third = format!("a v=0.{}", "3".repeat(400));
    assert_eq!(told(&third), ["a_v=0.3333333333333333"]);
}

/// FAULTS 6.
#[test]
fn values_that_are_refused() {
    let digits = "9".repeat(400);
    let cases = [
        ("NaN", "invalid number", Reject::NotFinite),
        ("nan", "invalid number", Reject::NotFinite),
        ("-inf", "invalid number", Reject::NotFinite),
        ("Inf", "invalid boolean", Reject::NotFinite),
        ("+Inf", "invalid boolean", Reject::NotFinite),
        ("1e309", "invalid float", Reject::NotFinite),
        (digits.as_str(), "invalid float", Reject::NotFinite),
        ("1e", "invalid float", Reject::BadValue),
        ("1.1.1", "invalid number", Reject::BadValue),
        ("1x", "invalid number", Reject::BadValue),
        ("0x10", "invalid number", Reject::BadValue),
        ("1.5i", "invalid number", Reject::BadValue),
        ("1e3i", "invalid number", Reject::BadValue),
        ("1ii", "invalid number", Reject::BadValue),
        ("9i10", "invalid number", Reject::BadValue),
        ("-1u", "invalid number", Reject::BadValue),
        ("-", "invalid number", Reject::BadValue),
        (".", "invalid number", Reject::BadValue),
        ("-i", "invalid number", Reject::BadValue),
        ("+1", "invalid boolean", Reject::BadValue),
        ("tru", "invalid boolean", Reject::BadValue),
        ("tRUE", "invalid boolean", Reject::BadValue),
        ("yes", "invalid boolean", Reject::BadValue),
        (
            "9223372036854775808i",
            "unable to parse integer 9223372036854775808: strconv.ParseInt: parsing \"9223372036854775808\": value out of range",
            Reject::BadValue,
        ),
        (
            "18446744073709551616u",
            "unable to parse unsigned 18446744073709551616: strconv.ParseUint: parsing \"18446744073709551616\": value out of range",
            Reject::BadValue,
        ),
    ];
    for (text, words, reject) in cases {
        let told = fault(&format!("a v={text}"));
        assert_eq!(told, (words.to_owned(), reject), "{text:.40}");
    }
}

#[test]
fn strings_are_passed_over_and_their_neighbours_stand() {
    assert_eq!(
        told(r#"a s="x, y=\"1\" \\",v=2,t="" 1613707265000000000"#),
        [
            r#"a_s="x, y=\\\"1\\\" \\\\"@1613707265000"#,
            "a_v=2@1613707265000",
            r#"a_t=""@1613707265000"#
        ]
    );
    // A quote in a key is only a letter.
    assert_eq!(told(r#"a "k"=1"#), [r#"a_"k"=1"#]);
}

#[test]
fn a_string_may_hold_newlines() {
    let body = "a s=\"one\ntwo\",v=1,r=\"\n\n\"\nb v=x\nc s=\"1\r\n2\"\r\nd v=4";
    assert_eq!(
        told(body),
        [
            r#"a_s="one\ntwo""#,
            "a_v=1",
            r#"a_r="\n\n""#,
            "unable to parse 'b v=x': invalid boolean (line 5)",
            r#"c_s="1\r\n2""#,
            "d_v=4"
        ]
    );
}

/// FAULTS 10.
#[test]
fn an_open_quote_costs_its_own_line_only() {
    let wrong =
        |line: &str, number| format!("unable to parse '{line}': unbalanced quotes (line {number})");
    assert_eq!(
        told("a v=1\nb s=\"x\nc v=2\nd s=\"y\",v=3\ne s=\"z"),
        [
            "a_v=1".to_owned(),
            wrong("b s=\"x", 2),
            "c_v=2".to_owned(),
            r#"d_s="y""#.to_owned(),
            "d_v=3".to_owned(),
            wrong("e s=\"z", 5),
        ]
    );
}

/// FAULTS 10, 20.
#[test]
fn a_timestamp_in_another_unit_is_told_with_the_unit_it_looks_like() {
    let told = |stamp: &str, precision: &str| {
        let precision = precision.parse().unwrap();
        let body = format!("a v=1 {stamp}");
        told_as(body.as_bytes(), precision, &FieldNaming::default()).remove(0)
    };
    let good = [
        (T, ""),
        (T, "n"),
        (T, "ns"),
        ("1613707265000000", "u"),
        ("1613707265000000", "us"),
        ("1613707265000", "ms"),
        ("1613707265", "s"),
    ];
    for (stamp, precision) in good {
        assert_eq!(told(stamp, precision), "a_v=1@1613707265000", "{precision}");
    }
    assert_eq!(told("26895121", "m"), "a_v=1@1613707260000");
    assert_eq!(told("448252", "h"), "a_v=1@1613707200000");
    assert_eq!(told("1613707265000999999", "n"), "a_v=1@1613707265000");
    // Whole past ranges are taken too.
    for (stamp, precision, ms) in [
        ("1", "s", "1000"),
        ("86400", "s", "86400000"),
        ("315532799", "s", "315532799000"),
        ("86400000", "ms", "86400000"),
        ("86400000000000", "n", "86400000"),
        ("1440", "m", "86400000"),
        ("24", "h", "86400000"),
    ] {
        assert_eq!(told(stamp, precision), format!("a_v=1@{ms}"));
    }
    let looks = [
        (
            "1613707265",
            "n",
            "is no time in ns; it looks like s: say precision=s",
        ),
        ("1613707265000", "s", "it looks like ms"),
        ("1613707265000000", "ms", "it looks like us"),
        (T, "h", "it looks like ns"),
        ("26895121", "s", "it looks like m"),
        ("448252", "m", "it looks like h"),
        ("0", "n", "0 in ns is not above 0 and before the year 2100"),
        ("-1", "s", "-1 in s is not above 0"),
        ("9223372036854775807", "h", "before the year 2100"),
        ("9999999999999999999", "n", "before the year 2100"),
    ];
    for (stamp, precision, words) in looks {
        let error = told(stamp, precision);
        assert!(
            error.contains("bad timestamp") && error.contains(words),
            "{error}"
        );
    }
}

#[test]
fn precisions_are_named_as_influxdb_names_them() {
    assert_eq!("".parse(), Ok(Precision::Nanoseconds));
    assert_eq!(
        "fortnight".parse::<Precision>().unwrap_err().to_string(),
        r#"invalid precision "fortnight" (use n, u, ms, s, m or h)"#
    );
}

/// FAULTS 4, 5: the limit is named.
#[test]
fn shapes_that_are_refused() {
    let long = format!("a {}=1", "k".repeat(70_000));
    let many = format!("a {}", vec!["k=1"; MAX_FIELDS + 1].join(","));
    let tags = format!(
        "a{} v=1",
        (0..65).map(|n| format!(",t{n}=1")).collect::<String>()
    );
    let cases = [
        (",t=1 v=1", "missing measurement", Reject::BadName),
        ("a", "missing fields", Reject::Malformed),
        ("a,t=1", "missing fields", Reject::Malformed),
        ("a,t=1 ", "missing fields", Reject::Malformed),
        ("a, v=1", "missing tag key", Reject::BadLabels),
        ("a,=1 v=1", "missing tag key", Reject::BadLabels),
        ("a,t=1, v=1", "missing tag key", Reject::BadLabels),
        ("a,t v=1", "missing tag value", Reject::BadLabels),
        ("a,t=", "missing tag value", Reject::BadLabels),
        ("a,t= v=1", "missing tag value", Reject::BadLabels),
        ("a,t=,u=1 v=1", "missing tag value", Reject::BadLabels),
        ("a,t,u=1 v=1", "missing tag value", Reject::BadLabels),
        ("a,t=1=2 v=1", "invalid tag format", Reject::BadLabels),
        ("a,t==2 v=1", "invalid tag format", Reject::BadLabels),
        ("a,t=1,u=2,t=3 v=1", "duplicate tags", Reject::BadLabels),
        ("a =1", "missing field key", Reject::Malformed),
        ("a v=1,=2", "missing field key", Reject::Malformed),
        ("a v=", "missing field value", Reject::Malformed),
        ("a v=,w=1", "missing field value", Reject::Malformed),
        ("a v= 1", "missing field value", Reject::Malformed),
        ("a v", "invalid field format", Reject::Malformed),
        ("a v=1,w", "invalid field format", Reject::Malformed),
        ("a v=1,", "invalid field format", Reject::Malformed),
        ("a v=\"x\"y", "invalid field format", Reject::Malformed),
        ("a v=1 now", "bad timestamp", Reject::BadTimestamp),
        ("a v=1 1.5", "bad timestamp", Reject::BadTimestamp),
        ("a v=1 -", "bad timestamp", Reject::BadTimestamp),
        (
            "a v=1 99999999999999999999",
            "bad timestamp",
            Reject::BadTimestamp,
        ),
        (
            "a v=1 1613707265000000000 x",
            "point is invalid",
            Reject::Malformed,
        ),
        (
            "a v=1 1613707265000000000 1",
            "point is invalid",
            Reject::Malformed,
        ),
        (
            "a\u{1} v=1",
            "not UTF-8, or a control character in a name",
            Reject::BadText,
        ),
        (
            "a,__name__=b v=1",
            "a tag is named as the field's label or __name__",
            Reject::BadLabels,
        ),
        (tags.as_str(), "more than 64 tags", Reject::BadLabels),
        (long.as_str(), "longer than 65536 bytes", Reject::TooLong),
        (many.as_str(), "more than 4096 fields", Reject::Malformed),
    ];
    for (body, words, reject) in cases {
        assert_eq!(fault(body), (words.to_owned(), reject), "{body:.40}");
    }
    let naming = FieldNaming::default();
    assert_eq!(series_key(b"a\xff", b"v", &naming), Err(Fault::BadText));
    assert_eq!(series_key(b"a", b"\xff", &naming), Err(Fault::BadText));
    let name = "x".repeat(2_048);
    assert_eq!(
        series_key(name.as_bytes(), b"v", &naming),
        Err(Fault::LongName)
    );
}

#[test]
fn a_refused_line_is_repeated_in_part_and_the_rest_stand() {
    let body = format!("a v=1\n  bad {}\n\n#\nb v=2\nc\n", "x".repeat(1_000));
    let told = told(&body);
    assert_eq!(told[0], "a_v=1");
    assert_eq!(
        told[1],
        format!(
            "unable to parse 'bad {}...': invalid field format (line 2)",
            "x".repeat(252)
        )
    );
    assert_eq!(
        told[2..],
        ["b_v=2", "unable to parse 'c': missing fields (line 6)"]
    );
    let mut lines = parse(b"a\xffb", Precision::Seconds);
    let error = lines.next_line().unwrap().unwrap_err();
    assert_eq!(
        error.to_string(),
        "unable to parse 'a\u{fffd}b': missing fields (line 1)"
    );
}

#[test]
fn escapes_of_each_place() {
    let naming = FieldNaming::default();
    let key =
        |series: &str, key: &str| series_key(series.as_bytes(), key.as_bytes(), &naming).unwrap();
    let made =
        |name: &str, labels: &[(&str, &str)]| SeriesKey::new(name, labels.iter().copied()).unwrap();
    assert_eq!(
        key(r"a\,b\ c\=d", r"e\,f\ g\=h"),
        made("a,b c=d_e,f g=h", &[])
    );
    assert_eq!(key(r"a=b", r"c"), made("a=b_c", &[]));
    assert_eq!(
        key(r"a,k\,1\ 2\=3=v\,1\ 2\=3", "f"),
        made("a_f", &[("k,1 2=3", "v,1 2=3")])
    );
    // A backslash before anything else is itself, and quotes in tags are letters.
    assert_eq!(
        key(r#"a\b,t\u="C:\dir""#, "f"),
        made(r"a\b_f", &[(r"t\u", r#""C:\dir""#)])
    );
    // The whole way: escaped spaces do not end the series, nor does an escaped = a key.
    assert_eq!(
        told(r"my\ disk,path=/a\ b used\ %=1,x\=y=2"),
        [
            r#"my disk_used %{path="/a b"}=1"#,
            r#"my disk_x=y{path="/a b"}=2"#
        ]
    );
}

#[test]
fn names_by_rule() {
    let naming = |separator: &str, bare: Option<&str>| FieldNaming {
        place: FieldPlace::Name {
            separator: separator.to_owned(),
        },
        bare: bare.map(str::to_owned),
    };
    let told = |naming| told_as(b"m,t=1 value=1,other=2", Precision::Seconds, &naming);
    assert_eq!(
        told(naming(".", None)),
        [r#"m.value{t="1"}=1"#, r#"m.other{t="1"}=2"#]
    );
    assert_eq!(
        told(naming("_", Some("value"))),
        [r#"m{t="1"}=1"#, r#"m_other{t="1"}=2"#]
    );
    let label = |label: &str, bare: Option<&str>| FieldNaming {
        place: FieldPlace::Label {
            label: label.to_owned(),
        },
        bare: bare.map(str::to_owned),
    };
    assert_eq!(
        told(label("field", Some("value"))),
        [r#"m{t="1"}=1"#, r#"m{field="other",t="1"}=2"#]
    );
    assert_eq!(
        told(label("t", None))[0],
        "a tag is named as the field's label or __name__"
    );
}

#[test]
fn a_hash_is_of_series_and_key_both() {
    let hash = |series: &[u8], key: &[u8]| field_hash(series_hash(series), key);
    assert_eq!(hash(b"a,t=1", b"v"), hash(b"a,t=1", b"v"));
    assert_ne!(hash(b"a,t=1", b"v"), hash(b"a,t=1", b"w"));
    assert_ne!(hash(b"a,t=1", b"v"), hash(b"a,t=2", b"v"));
    assert_ne!(hash(b"av", b""), hash(b"a", b"v"));
}

fn escaped(text: &str, marks: &str) -> String {
    text.chars()
        .flat_map(|c| marks.contains(c).then_some('\\').into_iter().chain([c]))
        .collect()
}

proptest! {
    #[test]
    fn hostile_bodies_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        told_as(&bytes, Precision::Nanoseconds, &FieldNaming::default());
    }

    /// Bytes of the protocol's own marks get further than any bytes do.
    #[test]
    fn near_bodies_never_panic_and_lines_are_counted(body in r#"[ab=, \\"\n\r#01.eitu-]{0,80}"#) {
        let mut lines = parse(body.as_bytes(), Precision::Seconds);
        let mut last = 0;
        while let Some(line) = lines.next_line() {
            let number = match line {
                Ok(line) => {
                    prop_assert!(!line.fields.is_empty());
                    line.number
                }
                Err(error) => error.number,
            };
            prop_assert!(number > last);
            last = number;
        }
        prop_assert!(last <= body.matches('\n').count() + 1);
    }

    /// FAULTS 15.
    #[test]
    fn tags_in_any_order_are_one_series(
        tags in prop::collection::btree_map("[a-z ,=]{1,6}", "[a-z ,=]{1,6}", 1..8),
        seed in any::<prop::sample::Index>(),
    ) {
        let mut order: Vec<_> = tags.iter().collect();
        let expected = SeriesKey::new("m_f", tags.iter().map(|(k, v)| (k.as_str(), v.as_str()))).unwrap();
        let middle = seed.index(order.len());
        order.rotate_left(middle);
        order.reverse();
        let written: String = order
            .iter()
            .map(|(k, v)| format!(",{}={}", escaped(k, " ,="), escaped(v, " ,=")))
            .collect();
        let body = format!("m{written} f=1");
        let mut lines = parse(body.as_bytes(), Precision::Seconds);
        let line = lines.next_line().unwrap().unwrap();
        prop_assert_eq!(series_key(line.series, line.fields[0].key, &FieldNaming::default()), Ok(expected));
    }

    #[test]
    fn every_float_comes_back(value in any::<f64>().prop_filter("finite", |v| v.is_finite())) {
        for text in [format!("{value}"), format!("{value:e}")] {
            let body = format!("a v={text}");
            let mut lines = parse(body.as_bytes(), Precision::Seconds);
            let line = lines.next_line().unwrap().unwrap();
            prop_assert_eq!(line.fields[0].value, FieldValue::Number(value));
        }
    }

    #[test]
    fn every_integer_is_the_nearest_float(value in any::<i64>(), unsigned in any::<u64>()) {
        let body = format!("a v={value}i,u={unsigned}u");
        let mut lines = parse(body.as_bytes(), Precision::Seconds);
        let line = lines.next_line().unwrap().unwrap();
        prop_assert_eq!(line.fields[0].value, FieldValue::Number(value as f64));
        prop_assert_eq!(line.fields[1].value, FieldValue::Number(unsigned as f64));
    }
}
