use proptest::prelude::*;

use super::*;

fn of(values: &[f64]) -> Histogram {
    let mut histogram = Histogram::new();
    for &value in values {
        histogram.record(value, 1).unwrap();
    }
    histogram
}

#[test]
fn refuses_what_it_cannot_hold() {
    let mut histogram = Histogram::new();
    for bad in [-1.0, f64::NAN, f64::INFINITY, 2e12] {
        assert!(histogram.record(bad, 1).is_err(), "{bad}");
    }
    assert_eq!(histogram.count(), 0);
    assert!(histogram.quantile(0.5).is_nan());
}

#[test]
fn extremes_are_exact() {
    let histogram = of(&[0.0, 0.001, 12.345, 1e12]);
    assert_eq!(
        (histogram.min(), histogram.max(), histogram.count()),
        (0.0, 1e12, 4)
    );
    assert_eq!(histogram.quantile(0.0), 0.0);
    assert_eq!(histogram.quantile(1.0), 1e12);
}

#[test]
fn damage_and_foreign_bounds_are_refused() {
    let mut bytes = Vec::new();
    of(&[1.0, 2.0]).encode(&mut bytes);
    for cut in 0..bytes.len() {
        assert!(Histogram::decode(&bytes[..cut]).is_err(), "cut at {cut}");
    }
    let mut future = bytes.clone();
    future[0] = 9;
    assert_eq!(Histogram::decode(&future), Err(HistogramError::Version(9)));
    // A payload of four gigabytes, of which nothing is there.
    let mut long = bytes.clone();
    long[25 + 4..25 + 8].fill(0xff);
    assert!(matches!(
        Histogram::decode(&long),
        Err(HistogramError::Damaged(_))
    ));
    let mut huge = bytes.clone();
    huge[25 + 24] = 0x7f;
    assert!(matches!(
        Histogram::decode(&huge),
        Err(HistogramError::Damaged(_))
    ));
}

/// 0, 0.05 twice, 1.5, 300 and 1e9, as version 1 wrote them.
const VERSION_1: &str = "01cdcccc9665cdcd4100000000000000000000000065cdcd411c8493130000000c00000000000000020000000000000001\
    000000ffffffffff3ff00000000000000261048f0802ab0f02a92b02";

#[test]
fn version_one_is_read_and_written_as_it_is_now() {
    let bytes: Vec<u8> = (0..VERSION_1.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&VERSION_1[at..at + 2], 16).unwrap())
        .collect();
    let old = Histogram::decode(&bytes).unwrap();
    assert_eq!((old.count(), old.min(), old.max()), (6, 0.0, 1e9));
    for (quantile, value) in [
        (0.01, 0.0),
        (0.5, 0.05),
        (0.6, 1.5),
        (0.8, 300.0),
        (1.0, 1e9),
    ] {
        let got = old.quantile(quantile);
        assert!((got - value).abs() <= value * 0.01, "{quantile}: {got}");
    }
    let mut now = Vec::new();
    old.encode(&mut now);
    assert_eq!(now[0], VERSION);
    let back = Histogram::decode(&now).unwrap();
    assert_eq!(back, old);
    let mut merged = of(&[0.0005]);
    merged.merge(&old);
    assert_eq!(merged.count(), 7);
}

#[test]
fn seconds_are_as_good_as_milliseconds() {
    for value in [0.0002, 0.001_37, 0.0119, 0.0503, 0.25, 3.0] {
        let histogram = of(&[value, value * 2.0]);
        let got = histogram.quantile(0.5);
        assert!((got - value).abs() <= value * 0.008, "{got} for {value}");
    }
}

/// Both would have the reader allocate what the bytes do not bear out.
#[test]
fn a_longer_payload_and_the_compressed_form_are_refused_by_their_header() {
    let mut good = Vec::new();
    of(&[1.0, 2.0]).encode(&mut good);
    let header = Err(HistogramError::Damaged("header"));
    let mut longer = good.clone();
    longer[HEAD_BYTES + 4..HEAD_BYTES + 8].copy_from_slice(&0xf700_0003_u32.to_be_bytes());
    assert_eq!(Histogram::decode(&longer), header);
    let mut compressed = good.clone();
    compressed[HEAD_BYTES..HEAD_BYTES + 4].copy_from_slice(&0x1c84_9314_u32.to_be_bytes());
    assert_eq!(Histogram::decode(&compressed), header);
}

#[test]
fn turned_over_or_endless_extremes_are_refused() {
    let mut good = Vec::new();
    of(&[1.0, 2.0]).encode(&mut good);
    for (at, value) in [
        (1, f64::NAN),
        (9, 5.0),
        (9, -1.0),
        (17, f64::INFINITY),
        (17, f64::NAN),
    ] {
        let mut bad = good.clone();
        bad[at..at + 8].copy_from_slice(&value.to_le_bytes());
        assert_eq!(
            Histogram::decode(&bad),
            Err(HistogramError::Damaged("sum, min or max"))
        );
    }
    let mut empty = Vec::new();
    Histogram::new().encode(&mut empty);
    assert_eq!(Histogram::decode(&empty).unwrap().count(), 0);
}

proptest! {
    #[test]
    fn merging_is_recording_together(a in prop::collection::vec(0.0..1e9f64, 1..50), b in prop::collection::vec(0.0..1e5f64, 1..50)) {
        let mut merged = of(&b);
        merged.merge(&of(&a));
        let together = of(&b.iter().chain(&a).copied().collect::<Vec<_>>());
        prop_assert_eq!(merged.count(), together.count());
        for q in [0.0, 0.5, 0.9, 0.99, 1.0] {
            prop_assert_eq!(merged.quantile(q), together.quantile(q));
        }
    }

    #[test]
    fn quantiles_are_within_one_percent(mut values in prop::collection::vec(0.001..1e8f64, 1..200)) {
        let histogram = of(&values);
        values.sort_by(f64::total_cmp);
        for q in [0.5, 0.95, 0.99] {
            let rank = ((q * values.len() as f64).ceil() as usize).clamp(1, values.len());
            let exact = values[rank - 1];
            let got = histogram.quantile(q);
            prop_assert!((got - exact).abs() <= exact * 0.01, "q{q}: {got} for {exact}");
        }
    }

    #[test]
    fn encoding_comes_back(values in prop::collection::vec(0.0..1e12f64, 0..100)) {
        let histogram = of(&values);
        let mut bytes = Vec::new();
        histogram.encode(&mut bytes);
        let back = Histogram::decode(&bytes).unwrap();
        prop_assert_eq!(back.count(), histogram.count());
        prop_assert_eq!(back.sum().to_bits(), histogram.sum().to_bits());
        prop_assert_eq!(back.buckets().collect::<Vec<_>>(), histogram.buckets().collect::<Vec<_>>());
    }

    #[test]
    fn hostile_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Histogram::decode(&bytes);
    }
}
