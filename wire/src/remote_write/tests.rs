use proptest::prelude::*;

use super::*;
use crate::buckets::Layout;
use crate::protobuf::{put_bytes, put_double, put_number};
use crate::{Invalid, Kind, Reject, is_stale, stale};

/// Encoded by Google's protobuf library for Python from the messages that the tests below name.
const V1: &str = include_str!("golden/v1.hex");
const V2: &str = include_str!("golden/v2.hex");

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u32> = hex.chars().filter_map(|c| c.to_digit(16)).collect();
    digits
        .chunks(2)
        .map(|pair| (pair[0] * 16 + pair[1]) as u8)
        .collect()
}

fn label(name: &[u8], value: &[u8]) -> Vec<u8> {
    let mut inner = Vec::new();
    put_bytes(&mut inner, 1, name);
    put_bytes(&mut inner, 2, value);
    let mut out = Vec::new();
    put_bytes(&mut out, 1, &inner);
    out
}

fn identity(labels: &[(&str, &str)]) -> Vec<u8> {
    labels
        .iter()
        .flat_map(|(name, value)| label(name.as_bytes(), value.as_bytes()))
        .collect()
}

fn sample(value: f64, timestamp_ms: i64) -> Vec<u8> {
    let mut inner = Vec::new();
    put_double(&mut inner, 1, value);
    put_number(&mut inner, 2, timestamp_ms as u64);
    let mut out = Vec::new();
    put_bytes(&mut out, 2, &inner);
    out
}

fn request(series: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::new();
    for one in series {
        put_bytes(&mut out, 1, one);
    }
    out
}

/// Each point as text.
fn told(points: Points<'_>) -> Vec<String> {
    points
        .map(|point| match point.unwrap() {
            Point::Sample(sample) => format!("{}@{}", sample.value, sample.timestamp_ms),
            Point::Histogram(histogram) => {
                let read = histogram.read().unwrap();
                format!("h{}@{}", read.buckets.count, read.timestamp_ms)
            }
            Point::Exemplar => "exemplar".to_owned(),
        })
        .collect()
}

fn only_series(message: &[u8]) -> Vec<Series<'_>> {
    let entries = parse(message).map(Result::unwrap);
    entries
        .filter_map(|entry| match entry {
            Entry::Series(series) => Some(series),
            Entry::Metadata(_) => None,
        })
        .collect()
}

#[test]
fn version_one_golden() {
    let message = bytes(V1);
    let entries: Vec<Entry<'_>> = parse(&message).map(Result::unwrap).collect();
    let [
        Entry::Series(up),
        Entry::Series(lat),
        Entry::Metadata(metadata),
    ] = entries[..]
    else {
        panic!("{entries:?}")
    };
    let key = series_key(up.identity).unwrap();
    assert_eq!(key.to_string(), r#"up{instance="a:1",job="x"}"#);
    assert_eq!(
        told(up.points()),
        ["1@1700000000123", "0@1700000001123", "exemplar"]
    );
    assert_eq!(told(lat.points()), ["h12@1700000000123"]);
    assert_eq!(
        (metadata.family, metadata.kind),
        ("reqs_total", Kind::Counter)
    );
    assert_eq!((metadata.help, metadata.unit), ("Requests.", "requests"));
}

#[test]
fn native_histogram_golden() {
    let message = bytes(V1);
    let lat = only_series(&message)[1];
    let Some(Ok(Point::Histogram(raw))) = lat.points().next() else {
        panic!()
    };
    let read = raw.read().unwrap();
    let held = |side: &[crate::buckets::Bucket]| {
        side.iter().map(|b| (b.index, b.count)).collect::<Vec<_>>()
    };
    assert_eq!(read.buckets.layout, Layout::Exponential { scale: 1 });
    assert_eq!(
        held(&read.buckets.positive),
        [(0, 1.0), (1, 2.0), (3, 1.0), (4, 1.0)]
    );
    assert_eq!(held(&read.buckets.negative), [(0, 2.0), (1, 3.0)]);
    assert_eq!(
        (read.buckets.zero_count, read.buckets.sum),
        (2.0, Some(18.4))
    );
    let converted = read.buckets.to_histogram();
    assert_eq!((converted.histogram.count(), converted.clamped), (12, 5));
}

#[test]
fn version_two_golden() {
    let message = bytes(V2);
    let request = Request::read(&message).unwrap();
    let series: Vec<SeriesV2<'_>> = request.series().map(Result::unwrap).collect();
    let mut room = Vec::new();
    let up = series_key(series[0].identity(&mut room).unwrap()).unwrap();
    assert_eq!(up.to_string(), r#"up{instance="a:1",job="x"}"#);
    assert_eq!(told(series[0].points()), ["1@1700000000123", "exemplar"]);
    let Some(Ok(Point::Sample(sample))) = series[0].points().next() else {
        panic!()
    };
    assert_eq!(sample.start_timestamp_ms, Some(1_700_000_000_000));
    assert_eq!(series[0].metadata, Some((Kind::Gauge, "Is it up?", "")));
    let Some(Ok(Point::Histogram(raw))) = series[1].points().next() else {
        panic!()
    };
    let read = raw.read().unwrap();
    assert_eq!(read.reset_hint, ResetHint::Gauge);
    assert_eq!(
        read.buckets.layout,
        Layout::Explicit {
            bounds: vec![1.0, 2.0]
        }
    );
    assert_eq!(read.buckets.count, 3.5);
}

#[test]
fn both_versions_name_a_series_by_the_same_bytes() {
    let (one, two) = (bytes(V1), bytes(V2));
    let request = Request::read(&two).unwrap();
    let mut room = Vec::new();
    let series = request.series().next().unwrap().unwrap();
    assert_eq!(
        series.identity(&mut room).unwrap(),
        only_series(&one)[0].identity
    );
}

#[test]
fn labels_behind_samples_are_found() {
    let mut mixed = label(b"__name__", b"m");
    mixed.extend(sample(1.0, 5));
    mixed.extend(label(b"a", b"b"));
    mixed.extend(sample(2.0, 6));
    let message = request(&[mixed]);
    let series = only_series(&message)[0];
    assert_eq!(
        series_key(series.identity).unwrap().to_string(),
        r#"m{a="b"}"#
    );
    assert_eq!(told(series.points()), ["1@5", "2@6"]);
}

#[test]
fn the_stale_mark_keeps_its_bits() {
    let mut one = label(b"__name__", b"m");
    one.extend(sample(stale(), -5));
    let message = request(&[one]);
    let Some(Ok(Point::Sample(sample))) = only_series(&message)[0].points().next() else {
        panic!()
    };
    assert!(is_stale(sample.value));
    assert_eq!(sample.timestamp_ms, -5);
    let mut histogram = Vec::new();
    put_double(&mut histogram, 3, stale());
    assert!(NativeHistogram(&histogram).read().unwrap().stale);
}

#[test]
fn what_makes_no_series_is_told_in_prometheus_words() {
    for (labels, reject, text) in [
        (
            &[("a", "b")][..],
            Reject::BadName,
            r#"invalid metric name or labels, got {a="b"}"#,
        ),
        (
            &[("__name__", "")],
            Reject::BadName,
            r#"invalid metric name or labels, got {__name__=""}"#,
        ),
        (
            &[("__name__", "m"), ("", "b")],
            Reject::BadLabels,
            r#"invalid metric name or labels, got {__name__="m", ="b"}"#,
        ),
        (
            &[("__name__", "m"), ("a", "1"), ("a", "2")],
            Reject::BadLabels,
            r#"invalid labels for series, labels {__name__="m", a="1", a="2"}, duplicated label a"#,
        ),
    ] {
        let invalid = series_key(&identity(labels)).unwrap_err();
        assert_eq!((invalid.reject, invalid.text.as_str()), (reject, text));
    }
    let mut bad = label(b"__name__", b"m");
    bad.extend(label(b"a", b"\xff"));
    assert_eq!(series_key(&bad).unwrap_err().reject, Reject::BadText);
    assert_eq!(
        series_key(b"\x0a\xff").unwrap_err().reject,
        Reject::Malformed
    );
    assert_eq!(series_key(b"").unwrap_err().reject, Reject::BadName);
    let long = identity(&[("__name__", "m"), ("a", &"x".repeat(5_000))]);
    assert!(
        series_key(&long)
            .unwrap_err()
            .text
            .contains("longer than 4096 bytes")
    );
    let many: Vec<u8> = (0..1_000)
        .flat_map(|i| label(format!("l{i}").as_bytes(), b"v"))
        .collect();
    assert_eq!(
        series_key(&[label(b"__name__", b"m"), many].concat())
            .unwrap_err()
            .text,
        "more than 64 labels"
    );
}

#[test]
fn references_that_lead_nowhere_refuse_their_series_only() {
    let mut message = Vec::new();
    put_bytes(&mut message, 4, b"");
    for refs in [&[0_u8, 9][..], &[0], &[0, 0]] {
        let mut series = Vec::new();
        put_bytes(&mut series, 1, refs);
        put_bytes(&mut message, 5, &series);
    }
    let request = Request::read(&message).unwrap();
    let mut room = Vec::new();
    let told: Vec<String> = request
        .series()
        .map(|series| {
            series
                .unwrap()
                .identity(&mut room)
                .map_or_else(|error| error.text, |_| "fine".to_owned())
        })
        .collect();
    assert_eq!(
        told,
        [
            "labelRefs (value=9) is out of range of the symbols (length 1)",
            "invalid labelRefs: their number is odd",
            "fine"
        ]
    );
}

#[test]
fn one_large_symbol_named_often_fills_nothing() {
    let mut message = Vec::new();
    put_bytes(&mut message, 4, &vec![b'x'; 60_000]);
    let mut series = Vec::new();
    put_bytes(&mut series, 1, &[0; 50_000]);
    put_bytes(&mut message, 5, &series);
    let request = Request::read(&message).unwrap();
    let mut room = Vec::new();
    let refused = request
        .series()
        .next()
        .unwrap()
        .unwrap()
        .identity(&mut room)
        .unwrap_err();
    assert_eq!(refused.reject, Reject::BadLabels);
    assert!(room.is_empty());
}

/// FAULTS 12.
#[test]
fn a_million_empty_series_are_refused() {
    let message: Vec<u8> = [0x0a, 0x00].repeat(1_000_000);
    let last = parse(&message).last().unwrap();
    assert_eq!(last.unwrap_err(), Refused::TooManySeries);
    let message: Vec<u8> = [0x2a, 0x00].repeat(1_000_000);
    assert_eq!(Request::read(&message).unwrap_err(), Refused::TooManySeries);
    let message: Vec<u8> = [0x22, 0x00].repeat(1_000_001);
    assert_eq!(
        Request::read(&message).unwrap_err(),
        Refused::TooManySymbols
    );
}

/// FAULTS 11.
#[test]
fn snappy_claims_are_checked_before_anything_is_allocated() {
    let mut out = Vec::new();
    let packed = snap::raw::Encoder::new().compress_vec(&bytes(V1)).unwrap();
    unpack(&packed, MAX_DECODED_BYTES, &mut out).unwrap();
    assert_eq!(out, bytes(V1));
    assert_eq!(
        unpack(&packed, 10, &mut out),
        Err(Packed::TooLarge(bytes(V1).len(), 10))
    );
    let mut out = Vec::new();
    let claims_4_gib = [0xff, 0xff, 0xff, 0xff, 0x0f, 0x00];
    assert!(matches!(
        unpack(&claims_4_gib, MAX_DECODED_BYTES, &mut out),
        Err(Packed::TooLarge(..))
    ));
    let claims_30_mib = [0x80, 0x80, 0x80, 0x0f, 0x00, 0x00];
    assert!(matches!(
        unpack(&claims_30_mib, MAX_DECODED_BYTES, &mut out),
        Err(Packed::Damaged(_))
    ));
    assert_eq!(out.capacity(), 0);
    let most = snap::raw::Encoder::new()
        .compress_vec(&vec![7; 1 << 20])
        .unwrap();
    unpack(&most, MAX_DECODED_BYTES, &mut out).unwrap();
    assert_eq!(out.len(), 1 << 20);
    assert!(matches!(unpack(b"", 10, &mut out), Err(Packed::Damaged(_))));
}

#[test]
fn families() {
    assert_eq!(family_of("a_bucket", Kind::Histogram), "a");
    assert_eq!(family_of("a_total", Kind::Counter), "a_total");
    assert_eq!(family_of("a_sum", Kind::Gauge), "a_sum");
    assert_eq!(family_of("_sum", Kind::Summary), "_sum");
}

#[test]
fn foreign_schemas_and_false_spans_are_refused() {
    let mut raw = Vec::new();
    put_number(&mut raw, 4, 18);
    assert_eq!(
        NativeHistogram(&raw).read().unwrap_err().reject,
        Reject::UnknownType
    );
    let mut raw = Vec::new();
    put_bytes(&mut raw, 11, &[0x10, 0xff, 0xff, 0xff, 0xff, 0x0f]);
    let refused = NativeHistogram(&raw).read().unwrap_err();
    assert_eq!(
        refused.text,
        "spans need 4294967295 buckets, have 0 buckets"
    );
    let mut raw = Vec::new();
    put_bytes(&mut raw, 12, &vec![0; 20_000]);
    assert_eq!(
        NativeHistogram(&raw).read().unwrap_err().reject,
        Reject::OverLimit
    );
}

proptest! {
    #[test]
    fn permutations_give_one_key(labels in prop::collection::btree_map("[a-z]{1,6}", "[a-z]{1,6}", 1..8).prop_flat_map(|map| {
        let labels: Vec<(String, String)> = map.into_iter().collect();
        (Just(labels.clone()), Just(labels).prop_shuffle())
    })) {
        let raw = |labels: &[(String, String)]| {
            let mut all: Vec<(&str, &str)> = labels.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
            all.insert(labels.len() / 2, ("__name__", "m"));
            identity(&all)
        };
        prop_assert_eq!(series_key(&raw(&labels.0)).unwrap(), series_key(&raw(&labels.1)).unwrap());
    }

    #[test]
    fn hostile_bytes_never_panic(at in 0..250_usize, xor in 1..=255_u8, noise in prop::collection::vec(any::<u8>(), 0..100)) {
        for golden in [bytes(V1), bytes(V2)] {
            let mut bent = golden;
            let at = at % bent.len();
            bent[at] ^= xor;
            for message in [&bent[..], &noise] {
                for entry in parse(message).flatten() {
                    if let Entry::Series(series) = entry {
                        let _ = series_key(series.identity);
                        for point in series.points().flatten() {
                            if let Point::Histogram(raw) = point && let Ok(read) = raw.read() {
                                let _ = read.buckets.to_histogram();
                            }
                        }
                    }
                }
                if let Ok(request) = Request::read(message) {
                    let mut room = Vec::new();
                    for series in request.series().flatten() {
                        let _ = series.identity(&mut room).map(series_key);
                        let _ = series.points().count();
                    }
                }
                let _ = unpack(message, 1 << 20, &mut Vec::new());
            }
        }
    }
}

#[test]
fn a_message_under_the_others_content_type_is_named() {
    let one = request(&[[identity(&[("__name__", "x")]), sample(1.0, 1)].concat()]);
    let mut two = Vec::new();
    for symbol in ["", "__name__", "x"] {
        put_bytes(&mut two, 4, symbol.as_bytes());
    }
    let mut series = Vec::new();
    put_bytes(&mut series, 1, &[1, 2]);
    series.extend(sample(1.0, 1));
    put_bytes(&mut two, 5, &series);
    let other = |is, said| Err(Refused::OtherVersion { is, said });
    assert_eq!(
        Request::read(&one).map(|_| ()),
        other(Version::One, Version::Two)
    );
    let read: Result<Vec<_>, _> = parse(&two).collect();
    assert_eq!(read.map(|_| ()), other(Version::Two, Version::One));
    // Of one that begins as version 1.0 it is a field which is not known.
    let both = [one, two].concat();
    let read: Result<Vec<_>, _> = parse(&both).collect();
    assert_eq!(read.map(|entries| entries.len()), Ok(1));
    let refused = Invalid::from(Refused::OtherVersion {
        is: Version::Two,
        said: Version::One,
    });
    assert_eq!(refused.reject, Reject::Malformed);
    assert!(
        refused
            .text
            .contains("proto=io.prometheus.write.v2.Request"),
        "{refused}"
    );
}
