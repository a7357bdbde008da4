//! The bytes of a rollup chunk: golden ones, damaged ones, hostile ones.

use super::*;

/// A gauge of two decimals, six samples a minute.
fn gauge(minutes: i64) -> Vec<RollupPoint> {
    let times: Vec<i64> = (0..minutes * 6).map(|at| at * 10_000).collect();
    let values: Vec<f64> = times
        .iter()
        .map(|time| (time / 1_000 % 977) as f64 / 100.0)
        .collect();
    rolled(&times, &values, MINUTE_MS)
}

fn sealed(mut body: Vec<u8>) -> Vec<u8> {
    let crc = crc32c::crc32c(&body);
    body.extend_from_slice(&crc.to_le_bytes());
    body
}

/// Whatever it says, it says it without a panic.
fn read_all(bytes: &[u8]) {
    let _ = decode(bytes);
    for which in ASPECTS {
        let _ = aspect(bytes, which, i64::MIN, i64::MAX);
    }
}

#[test]
fn golden_floats() {
    let points = [
        point(50_000, [0.3, 2.0, 0.1 + 0.2, 0.1, 0.3]),
        point(110_000, [0.4, 2.0, 0.6, 0.2, 0.4]),
    ];
    let expected = [
        0x11, // version 1, floats
        0x15, // one count for all, max is last, sum in steps
        0x06, 0x02, 0xa0, 0x8d, 0x06, 0xf1,
        0x01, // two times from 50000 ms on, a minute apart
        0x02, // two samples each
        0x05, 0x01, 0x01, 0x00, 0x06,
        0x02, // last: one decimal, one bit, plain, from 3 on: 0, 1
        0x05, 0x01, 0x01, 0x00, 0x02, 0x02, // min: from 1 on: 0, 1
        0x05, 0x01, 0x02, 0x00, 0x06, 0x0c, // sum: two bits, from 3 on: 0, 3
        0x05, 0x00, 0x01, 0x00, 0x00, 0x01, // steps: 1, 0
        0x96, 0xb2, 0x6e, 0xa1, // crc32c
    ];
    assert_eq!(encoded(&points), expected);
    assert_eq!(bits(&decode(&expected).unwrap()), bits(&points));
}

#[test]
fn golden_constant() {
    let times: Vec<i64> = (0..12).map(|at| at * 10_000).collect();
    let expected = [
        0x11, 0x0f, // version 1, floats; nothing but times, count and last
        0x06, 0x02, 0xa0, 0x8d, 0x06, 0xf1,
        0x01, // two times from 50000 ms on, a minute apart
        0x06, // six samples each
        0x04, 0x00, 0x00, 0x00, 0x54, // last: no decimals, no bits, 42
        0x96, 0x83, 0x04, 0xb0,
    ];
    assert_eq!(encoded(&rolled(&times, &[42.0; 12], MINUTE_MS)), expected);
}

#[test]
fn golden_mixture() {
    let bytes = encoded(&mixture());
    let floats = [
        0x31, // version 1, floats and histograms
        0x04, // max is last
        0x10, 0x03, 0xe0, 0x83, 0xaa, 0xfe, 0xf9, 0x62, // three times, the first
        0xd7, 0x02, 0xaa, 0x01, // a step of 85 s, deviating; the last 170 s after the first
        0x04, 0x00, 0x00, 0xf0, 0x00, // four bits: 0, 15, 0
        0x05, 0x00, 0x01, 0x00, 0x02, 0x01, // count: from 1 on: 1, 0, 0
        0x07, 0x01, 0x07, 0x00, 0x13, 0x23, 0x28,
        0x00, // last: one decimal, from -10 on: 35, 80, 0
        0x07, 0x01, 0x07, 0x00, 0x13, 0x19, 0x28, 0x00, // min: 25, 80, 0
        0x06, 0x00, 0x04, 0x00, 0x01, 0x85, 0x00, // sum: from -1 on: 5, 8, 0
    ];
    let histograms = [
        0x08, 0x02, 0xa0, 0x9e, 0xb6, 0xfe, 0xf9, 0x62, 0x29, // two times, ten seconds apart
        0x4a, 0x02, // the first distribution: 74 bytes, version 2 of its encoding
    ];
    let expected = [&floats[..], &histograms].concat();
    assert_eq!(bytes[..expected.len()], expected);
}

#[test]
fn no_points_are_a_chunk_too() {
    let bytes = encoded(&[]);
    assert_eq!((bytes.len(), bytes[0]), (5, 0x01));
    assert!(decode(&bytes).unwrap().is_empty());
    assert_eq!(aspect(&bytes, Aspect::Min, 0, 1).unwrap(), Read::default());
}

#[test]
fn every_flipped_bit_and_every_cut_is_an_error() {
    for points in [mixture(), gauge(30), Vec::new()] {
        let mut bytes = encoded(&points);
        for bit in 0..bytes.len() * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(decode(&bytes).is_err(), "bit {bit}");
            assert!(
                aspect(&bytes, Aspect::Max, i64::MIN, i64::MAX).is_err(),
                "bit {bit}"
            );
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        for length in 0..bytes.len() {
            assert!(decode(&bytes[..length]).is_err(), "{length} bytes");
        }
        bytes.push(0);
        assert!(decode(&bytes).is_err());
    }
}

#[test]
fn a_version_from_the_future_is_named_and_nothing_is_appended() {
    let mut bytes = encoded(&mixture());
    bytes[0] += 1;
    let version = ChunkError::Version { found: 2, known: 1 };
    assert_eq!(decode(&bytes).unwrap_err(), version);
    let (mut times, mut values, mut histograms) = (vec![7], vec![7.0], Vec::new());
    let range = (i64::MIN, i64::MAX);
    let read = decode_aspect(
        &bytes,
        Aspect::Sum,
        range.0,
        range.1,
        &mut times,
        &mut values,
        &mut histograms,
    );
    assert_eq!((read, times, values), (Err(version), vec![7], vec![7.0]));
}

#[test]
fn times_that_do_not_ascend_are_damage() {
    let repeated = [point(5, [1.0; 5]), point(5, [1.0; 5])];
    let what = "rollup times";
    assert_eq!(
        decode(&encoded(&repeated)).unwrap_err(),
        ChunkError::Damaged { what }
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn bytes_that_pass_the_checksum_are_read_without_panic(mut bytes in vec(any::<u8>(), 0..200), tables in 0_u8..8) {
        bytes.insert(0, 1 | tables << 4);
        read_all(&sealed(bytes));
    }

    #[test]
    fn damage_that_passes_the_checksum_is_read_without_panic(
        mixed: bool,
        minutes in 1_i64..40,
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = encoded(&if mixed { mixture() } else { gauge(minutes) });
        bytes.truncate(bytes.len() - 4);
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        read_all(&sealed(bytes));
    }
}
