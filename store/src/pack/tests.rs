//! What goes into a pack comes out of it, each chunk at its place, and nothing damaged comes out at all.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::chunk;
use crate::columns::Columns;

const START_MS: i64 = 1_700_000_000_000;

fn floats(start_ms: i64, values: &[f64]) -> Columns {
    Columns {
        times_ms: (0..values.len() as i64)
            .map(|at| start_ms + at * 10_000)
            .collect(),
        values: values.to_vec(),
        ..Columns::default()
    }
}

fn packed(members: &[(Place, Columns)]) -> Vec<u8> {
    let (mut packing, mut out) = (Packing::default(), Vec::new());
    for (place, columns) in members {
        let mut bytes = Vec::new();
        let times_end = chunk::encode_columns(columns, &mut bytes);
        packing.add(*place, &bytes, times_end);
    }
    packing.close(&mut out);
    assert!(packing.is_empty());
    out
}

fn read(bytes: &[u8]) -> Result<Vec<(Place, Columns)>, PackError> {
    let mut scratch = Vec::new();
    Pack::open(bytes)?
        .map(|member| {
            let member = member?;
            let mut columns = Columns::default();
            chunk::decode_columns(member.chunk(&mut scratch), &mut columns)
                .map_err(|_| PackError::Damaged { what: "chunk" })?;
            Ok((member.place, columns))
        })
        .collect()
}

fn three() -> Vec<((u32, u32), Columns)> {
    vec![
        ((7, 300), floats(START_MS, &[21.5, 21.75, 21.25, 22.0])),
        ((7, 400), floats(START_MS, &[1.0, 2.0, 3.0, 4.0])),
        ((9, 2), floats(START_MS + 7, &[0.5])),
    ]
}

#[test]
fn golden() {
    let expected = [
        &[0x01, 3, 12][..], // version 1, three chunks, a directory of twelve bytes
        &[7, 0xac, 0x02, 17 << 2 | 1, 8], // metric 7, series 300: 17 bytes, of which 8 are the times
        &[0, 100, 5 << 2 | 2],            // the same metric, series 400: 5 bytes, at the same times
        &[2, 2, 12 << 2 | 1, 8],          // metric 9, series 2
        &[4, 0x80, 0xa0, 0xab, 0xfe, 0xf9, 0x62, 0x29], // four times, ten seconds apart
        &[0x02, 0x07, 0x00, 0x9a, 0x21, 0x19, 0x19, 0x60, 0x09],
    ];
    let bytes = packed(&three());
    assert_eq!(bytes[..expected.concat().len()], expected.concat());
    assert_eq!(read(&bytes).unwrap(), three());
}

#[test]
fn the_times_of_series_sampled_together_are_written_once() {
    let members = |apart_ms: i64| {
        let one = |at: u32| {
            let start_ms = START_MS + i64::from(at) * apart_ms;
            ((1, at), floats(start_ms, &[f64::from(at); 60]))
        };
        packed(&(0..50).map(one).collect::<Vec<_>>()).len()
    };
    assert!(members(0) + 49 * 8 <= members(1));
}

#[test]
fn a_chunk_of_another_pack_is_the_same_chunk() {
    let bytes = packed(&three());
    let (mut packing, mut again) = (Packing::default(), Vec::new());
    for member in Pack::open(&bytes).unwrap() {
        packing.add_member(&member.unwrap());
    }
    packing.close(&mut again);
    assert_eq!(again, bytes);
}

#[test]
fn every_flipped_bit_and_every_cut_is_an_error() {
    let mut bytes = packed(&three());
    for bit in 0..bytes.len() * 8 {
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(read(&bytes).is_err(), "bit {bit}");
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
    for length in 0..bytes.len() {
        assert!(read(&bytes[..length]).is_err(), "cut at {length}");
    }
}

#[test]
fn a_version_from_the_future_is_named() {
    let mut bytes = packed(&three());
    bytes[0] = 2;
    assert_eq!(read(&bytes), Err(PackError::Version { found: 2 }));
}

#[test]
fn a_pack_is_full_by_bytes_or_by_number() {
    let (mut by_bytes, mut by_number) = (Packing::default(), Packing::default());
    by_bytes.add((0, 0), &[0; FULL_BYTES], None);
    assert!(by_bytes.is_full());
    for series in 0..MAX_MEMBERS as u32 {
        assert!(!by_number.is_full());
        by_number.add((0, series), &[], None);
    }
    assert!(by_number.is_full());
}

proptest! {
    #[test]
    fn whatever_goes_in_comes_out(
        members in vec((any::<u32>(), any::<u32>(), 0_i64..3, vec(-1_000_i32..1_000, 0..40)), 0..MAX_MEMBERS),
    ) {
        let mut members: Vec<_> = members
            .into_iter()
            .map(|(metric, series, start, values)| {
                let values: Vec<f64> = values.into_iter().map(|one| f64::from(one) / 8.0).collect();
                ((metric % 5, series), floats(START_MS + start, &values))
            })
            .collect();
        members.sort_by_key(|(place, _)| *place);
        members.dedup_by_key(|(place, _)| *place);
        prop_assert_eq!(read(&packed(&members)).unwrap(), members);
    }

    #[test]
    fn bytes_that_pass_the_checksum_are_read_without_panic(mut bytes in vec(any::<u8>(), 0..200)) {
        bytes.insert(0, VERSION);
        let crc = crc32c::crc32c(&bytes);
        bytes.extend_from_slice(&crc.to_le_bytes());
        let _ = read(&bytes);
    }
}
