//! The chunk as its callers see it: what goes in comes out to the bit, and nothing damaged comes out at all.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

const START_MS: i64 = 1_700_000_000_000;

fn grid(count: usize) -> Vec<i64> {
    (0..count as i64).map(|i| START_MS + i * 10_000).collect()
}

fn encoded(times: &[i64], values: &[f64]) -> Vec<u8> {
    let mut out = Vec::new();
    encode_floats(times, values, &mut out);
    out
}

/// Encodes, decodes, compares every bit, and returns the length.
fn round_trip(times: &[i64], values: &[f64]) -> usize {
    let bytes = encoded(times, values);
    let (mut read_times, mut read) = (Vec::new(), Vec::new());
    decode_floats(&bytes, &mut read_times, &mut read).unwrap();
    assert_eq!(read_times, times);
    let bits = |values: &[f64]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&read), bits(values));
    let summary = summary(&bytes).unwrap();
    let ends = (times[0], times[times.len() - 1]);
    assert_eq!((summary.first_ms, summary.last_ms), ends);
    assert_eq!(summary.count, times.len());
    bytes.len()
}

fn float(timestamp_ms: i64, value: f64) -> Sample {
    Sample {
        timestamp_ms,
        value: Value::Float(value),
    }
}

fn histogram(timestamp_ms: i64, value: f64) -> Sample {
    let mut histogram = Histogram::new();
    histogram.record(value, 3).unwrap();
    Sample {
        timestamp_ms,
        value: Value::Histogram(Arc::new(histogram)),
    }
}

/// Every third sample a histogram, the others floats.
fn mixed(count: i64) -> Vec<Sample> {
    let sample = |i: i64| match i % 3 {
        0 => histogram(START_MS + i * 10_000, i as f64),
        _ => float(START_MS + i * 10_000, i as f64 / 4.0),
    };
    (0..count).map(sample).collect()
}

fn decoded(bytes: &[u8], from_ms: i64, to_ms: i64) -> Vec<Sample> {
    let mut out = Vec::new();
    decode(bytes, from_ms, to_ms, &mut out).unwrap();
    out
}

/// 2023-11-14T22:13:20Z, in every golden chunk: `START_MS` in zigzag.
const START: [u8; 6] = [0x80, 0xa0, 0xab, 0xfe, 0xf9, 0x62];

#[test]
fn golden_gauge() {
    let head = [0x12, 4]; // version 2, floats; four samples
    let rest = [
        0x29, // ten seconds apart, nothing deviates
        0x02, // two decimals
        0x07, 0x00, // seven bits, plain, no shift
        0x9a, 0x21, // from 2125 on
        0x19, 0x19, 0x60, 0x09, // 25, 50, 0, 75
    ];
    let bytes = encoded(&grid(4), &[21.5, 21.75, 21.25, 22.0]);
    assert_eq!(bytes, [&head[..], &START, &rest].concat());
}

#[test]
fn golden_counter_that_restarts() {
    let counter = |i: i32| i * 1_000 + i * i % 3 + if i < 10 { 5_000_000 } else { 0 };
    let values: Vec<f64> = (0..20).map(|i| f64::from(counter(i))).collect();
    let rest = [
        0x29, 0x00, // no decimals
        0x82, 0x01, // two bits and patches, deltas
        0x80, 0xad, 0xe2, 0x04, // the first: 5000000
        0xce, 0x0f, // deltas from 999 on
        0x01, 0x0a, 0x9f, 0xcb, 0x98, 0x01, // one patch, at 10: -1250000 above the two bits
        0x86, 0x61, 0x18, 0x86, 0x21, // 2, 1, 0, …
    ];
    assert_eq!(
        encoded(&grid(20), &values),
        [&[0x12, 20][..], &START, &rest].concat()
    );
}

#[test]
fn golden_deviating_times_and_a_stale_mark() {
    let times = [START_MS, START_MS + 10_007, START_MS + 19_991];
    let rest = [
        0xb2, 0xb8, 0x02, // a step of 9996 ms, deviating
        0x97, 0x9c, 0x01, // the last is 19991 ms after the first
        0x04, 0x00, 0x01, // four bits, plain, from -1 ms on
        0xc1, 0x00, // 0, 11, -1: each one more
        0x21, // one decimal, strays
        0x03, 0x08, 0x1d, // three bits, plain, a shift of two, from -15 on
        0x40, 0x01, // 0, 0, 20/4
        0x01, 0x01, // one stray, at 1
        0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0xf0, 0x7f, // its bits
    ];
    assert_eq!(
        encoded(&times, &[-1.5, weir_wire::stale(), 0.5]),
        [&[0x12, 3][..], &START, &rest].concat()
    );
}

#[test]
fn golden_ordered_bits() {
    let rest = [
        0x29, 0x1f, // ordered bits
        0x01, 0x04, // one bit, plain, a shift of one
        0xe8, 0xcc, 0x99, 0xb3, 0xe6, 0xcc, 0x99, 0xd3, 0x7f, // 0x3fd3333333333334
        0x02, // 0, 2/2
    ];
    let values = [0.1 + 0.2, 0.300_000_000_000_000_16];
    assert_eq!(
        encoded(&grid(2), &values),
        [&[0x12, 2][..], &START, &rest].concat()
    );
}

#[test]
fn golden_mixture() {
    let mut bytes = Vec::new();
    encode(&mixed(2), &mut bytes);
    let floats = [
        0x32, // version 2, many sections
        0x10, 12, // floats, twelve bytes
        1, 0xa0, 0xbc, 0xac, 0xfe, 0xf9, 0x62, 0x01, // one sample at START_MS + 10000
        0x02, 0x00, 0x00, 0x32, // two decimals, no bits, 25
    ];
    let histograms = [0x20, 75, 1];
    let times_and_length = [0x01, 66, 0x02];
    let expected = [&floats[..], &histograms, &START, &times_and_length].concat();
    assert_eq!(bytes[..expected.len()], expected);
    assert_eq!(bytes.len(), floats.len() + 2 + 75);
}

#[test]
fn what_is_not_a_decimal_comes_back_to_the_bit() {
    let odd = [
        -0.0,
        f64::from_bits(1),
        f64::MIN_POSITIVE,
        f64::MAX,
        f64::MIN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        weir_wire::stale(),
        f64::NAN,
        -f64::NAN,
        f64::from_bits(u64::MAX),
        9_007_199_254_740_993.0,
        9_223_372_036_854_775_808.0,
        0.1 + 0.2,
    ];
    round_trip(&grid(odd.len()), &odd);
    for value in odd {
        round_trip(&[START_MS], &[value]);
        round_trip(&grid(300), &[value; 300]);
        let mut decimals: Vec<f64> = (0..300).map(|i| f64::from(i * 7 % 31) / 100.0).collect();
        decimals[0] = value;
        decimals[299] = value;
        assert!(round_trip(&grid(300), &decimals) < 300);
    }
}

#[test]
fn sizes_are_as_documented() {
    assert!(round_trip(&grid(180), &[42.0; 180]) <= 20);
    let mut ended = [42.0; 180];
    ended[179] = weir_wire::stale();
    assert!(round_trip(&grid(180), &ended) <= 32);
    let counter: Vec<f64> = (0..180).map(|i| f64::from(i * 100 + i * 37 % 64)).collect();
    assert!(round_trip(&grid(180), &counter) <= 180 * 8 / 8 + 24);
    let flags: Vec<f64> = (0..180).map(|i| f64::from(u8::from(i == 90))).collect();
    assert!(round_trip(&grid(180), &flags) <= 30);
}

#[test]
fn a_flipped_bit_makes_no_reader_panic_nor_give_half_a_chunk() {
    let mut mixture = Vec::new();
    encode(&mixed(20), &mut mixture);
    let gauge = encoded(&grid(60), &[1.25; 60]);
    let counter: Vec<f64> = (0..60).map(|i| f64::from(i * i % 501)).collect();
    for mut bytes in [mixture, gauge, encoded(&grid(60), &counter)] {
        for bit in (0..bytes.len() * 8).step_by(13) {
            bytes[bit / 8] ^= 1 << (bit % 8);
            let (mut out, before) = (vec![float(0, 0.5)], vec![float(0, 0.5)]);
            if decode(&bytes, i64::MIN, i64::MAX, &mut out).is_err() {
                assert_eq!(out, before);
            }
            let _ = summary(&bytes);
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    }
}

#[test]
fn every_cut_of_a_section_is_an_error() {
    let mut bytes = encoded(&grid(60), &[1.25; 60]);
    for length in 0..bytes.len() {
        let cut = &bytes[..length];
        assert!(
            decode(cut, i64::MIN, i64::MAX, &mut Vec::new()).is_err(),
            "{length}"
        );
        let _ = summary(cut);
    }
    bytes.push(0);
    assert!(decode(&bytes, i64::MIN, i64::MAX, &mut Vec::new()).is_err());
}

#[test]
fn a_version_from_the_future_is_named() {
    let mut bytes = encoded(&grid(3), &[1.0, 2.0, 3.0]);
    bytes[0] += 1;
    let version = ChunkError::Version { found: 3, known: 2 };
    let (mut times, mut values) = (vec![7], vec![7.0]);
    let read = decode_floats(&bytes, &mut times, &mut values);
    assert_eq!(read, Err(version.clone()));
    assert_eq!(summary(&bytes), Err(version));
    assert_eq!((times, values), (vec![7], vec![7.0]));
}

#[test]
fn no_samples_are_a_chunk_too() {
    let mut bytes = Vec::new();
    encode(&[], &mut bytes);
    assert_eq!(bytes.len(), 1);
    assert_eq!(decoded(&bytes, i64::MIN, i64::MAX), []);
    assert_eq!(summary(&bytes).unwrap().count, 0);
}

#[test]
fn floats_and_histograms_come_back_in_order() {
    let samples = mixed(50);
    let mut bytes = vec![0xff];
    encode(&samples, &mut bytes);
    let bytes = &bytes[1..];
    assert_eq!(decoded(bytes, i64::MIN, i64::MAX), samples);
    let summary = summary(bytes).unwrap();
    assert_eq!((summary.count, summary.first_ms), (50, START_MS));
    assert_eq!(summary.last_ms, START_MS + 490_000);
    let only: Vec<_> = samples.iter().step_by(3).cloned().collect();
    let mut bytes = Vec::new();
    encode(&only, &mut bytes);
    assert_eq!(decoded(&bytes, i64::MIN, i64::MAX), only);
    let (mut times, mut values) = (Vec::new(), Vec::new());
    decode_floats(&bytes, &mut times, &mut values).unwrap();
    assert!(times.is_empty() && values.is_empty());
}

#[test]
fn a_range_includes_both_its_ends() {
    let samples = mixed(50);
    let mut bytes = Vec::new();
    encode(&samples, &mut bytes);
    let time = |i: i64| START_MS + i * 10_000;
    assert_eq!(decoded(&bytes, time(7), time(12)), samples[7..=12]);
    assert_eq!(decoded(&bytes, time(7) + 1, time(12) - 1), samples[8..=11]);
    assert_eq!(decoded(&bytes, time(49), i64::MAX), samples[49..]);
    assert_eq!(decoded(&bytes, time(50), i64::MAX), []);
    assert_eq!(decoded(&bytes, time(12), time(7)), []);
}

#[test]
fn more_samples_than_a_section_holds_take_several() {
    let count = container::MAX_SAMPLES * 2 + 1;
    let times: Vec<i64> = (0..count as i64).collect();
    let values: Vec<f64> = times.iter().map(|&time| (time % 10) as f64).collect();
    round_trip(&times, &values);
}

#[test]
fn a_head_cannot_make_a_reader_allocate_without_bound() {
    let mut hostile = vec![0x32];
    let section = [0xff, 0xff, 0x03, 0x00, 0x04, 0x00, 0x00, 0x00, 0x00];
    for _ in 0..container::MAX_SECTIONS + 1 {
        hostile.extend_from_slice(&[Kind::Floats as u8, section.len() as u8]);
        hostile.extend_from_slice(&section);
    }
    let damaged = ChunkError::Damaged { what: "sections" };
    assert_eq!(summary(&hostile), Err(damaged));
    let too_many = vec![0x12, 0x80, 0x80, 0x04, 0x00, 0x04, 0x00, 0x00, 0x00, 0x00];
    let damaged = ChunkError::Damaged { what: "times" };
    assert_eq!(summary(&too_many), Err(damaged));
}

proptest! {
    #[test]
    fn any_floats_at_any_times_come_back(
        mut times in vec(any::<i64>(), 1..260),
        shift in 0_u32..60,
        bits in vec(any::<u64>(), 260),
        common in 0_u32..64,
    ) {
        times.iter_mut().for_each(|time| *time >>= shift);
        times.sort_unstable();
        times.dedup();
        let float = |bits: &u64| f64::from_bits(bits >> common << common);
        let values: Vec<f64> = bits[..times.len()].iter().map(float).collect();
        round_trip(&times, &values);
    }

    #[test]
    fn decimals_counters_and_resets_come_back(
        steps in vec(-10_000_i64..10_000, 1..400),
        decimals in 0_i32..5,
        from in -1_000_000_000_i64..1_000_000_000_000,
        reset in any::<prop::sample::Index>(),
        jitter_ms in 1_i64..30,
    ) {
        let mut sum = from;
        let reset = reset.index(steps.len());
        let values: Vec<f64> = steps.iter().enumerate().map(|(at, step)| {
            sum = if at == reset { 0 } else { sum + step };
            sum as f64 / 10_f64.powi(decimals)
        }).collect();
        let late = |(at, time): (usize, i64)| time + steps[at].rem_euclid(jitter_ms);
        let times: Vec<i64> = grid(steps.len()).into_iter().enumerate().map(late).collect();
        prop_assert!(round_trip(&times, &values) < 40 + steps.len() * 10);
    }

    #[test]
    fn any_bytes_are_read_without_panic(mut bytes in vec(any::<u8>(), 0..200), kind in 0_u8..4) {
        bytes.insert(0, 2 | kind << 4);
        let _ = decode(&bytes, i64::MIN, i64::MAX, &mut Vec::new());
        let _ = decode_floats(&bytes, &mut Vec::new(), &mut Vec::new());
        let _ = summary(&bytes);
    }

    #[test]
    fn a_damaged_chunk_is_read_without_panic(
        values in vec(-500_i32..500, 2..200),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let values: Vec<f64> = values.iter().map(|&v| f64::from(v) / 10.0).collect();
        let mut bytes = encoded(&grid(values.len()), &values);
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let _ = decode(&bytes, i64::MIN, i64::MAX, &mut Vec::new());
    }
}
