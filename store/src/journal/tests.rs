use std::collections::BTreeSet;

use weir_wire::{Sample, SeriesKey, Value};

use super::recovery::Replayed;
use super::*;
use crate::index::Definition;
use crate::{Origin, Point, SeriesId};

fn payload(sequence: u64) -> Vec<u8> {
    let mut out = Vec::new();
    let key = SeriesKey::new("a", [("k", "v")]).unwrap();
    put_definition(
        &Definition {
            series: 1,
            metric: 2,
            key,
        },
        &mut out,
    );
    let origin = Origin {
        agent: "h".into(),
        boot: 3,
        sequence,
    };
    let sample = Sample {
        timestamp_ms: 1_000,
        value: Value::Float(sequence as f64),
    };
    put_batch(
        Some(&origin),
        &[Point {
            series: SeriesId(1),
            sample,
        }],
        &mut out,
    );
    out
}

fn sequences(dir: &std::path::Path) -> (Vec<u64>, Replayed) {
    let mut found = Vec::new();
    let replayed = replay(dir, |_, record| {
        if let Record::Batch {
            origin: Some(origin),
            ..
        } = record
        {
            found.push(origin.sequence);
        }
    });
    (found, replayed.unwrap())
}

fn written(groups: u64) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = Journal::new(dir.path().to_owned(), 1 << 20, Vec::new(), 0);
    for sequence in 1..=groups {
        journal
            .write_group(&payload(sequence), &BTreeSet::from([1]))
            .unwrap();
    }
    dir
}

#[test]
fn a_tail_cut_at_each_byte_keeps_every_whole_group() {
    let dir = written(3);
    let path = dir.path().join("00000001.journal");
    let whole = std::fs::read(&path).unwrap();
    let group = (whole.len() - 24) / 3;
    for cut in 0..whole.len() {
        std::fs::write(&path, &whole[..cut]).unwrap();
        let (found, replayed) = sequences(dir.path());
        let kept = cut.saturating_sub(24) / group;
        assert_eq!(found.len(), kept, "cut at {cut}");
        assert!(replayed.damage.is_empty());
        let again = std::fs::metadata(&path).unwrap().len() as usize;
        assert!(again <= cut, "the torn tail is gone");
    }
}

#[test]
fn a_flip_below_a_good_group_is_reported_and_the_rest_served() {
    let dir = written(3);
    let path = dir.path().join("00000001.journal");
    let whole = std::fs::read(&path).unwrap();
    let group = (whole.len() - 24) / 3;
    for at in 24..24 + group {
        let mut flipped = whole.clone();
        flipped[at] ^= 0x10;
        std::fs::write(&path, &flipped).unwrap();
        let (found, replayed) = sequences(dir.path());
        assert_eq!(found, [2, 3], "flip at {at}");
        assert_eq!(replayed.damage[0].bytes, 24..24 + group as u64);
        assert_eq!(replayed.torn_bytes, 0);
    }
}

#[test]
fn a_segment_goes_once_no_window_needs_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = Journal::new(dir.path().to_owned(), 1 << 20, Vec::new(), 0);
    journal
        .write_group(&payload(1), &BTreeSet::from([1, 2]))
        .unwrap();
    let through = journal.rotate();
    journal
        .write_group(&payload(2), &BTreeSet::from([1]))
        .unwrap();
    assert_eq!(journal.release(1, through).unwrap(), 0);
    assert!(journal.release(2, through).unwrap() > 0);
    assert_eq!(sequences(dir.path()).0, [2], "the open segment stays");
    let through = journal.rotate();
    assert!(journal.release(1, through).unwrap() > 0);
    assert_eq!(sequences(dir.path()).0, Vec::<u64>::new());
}

#[test]
fn a_window_that_is_kept_no_longer_holds_no_segment() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = Journal::new(dir.path().to_owned(), 1 << 20, Vec::new(), 0);
    journal
        .write_group(&payload(1), &BTreeSet::from([1, 7]))
        .unwrap();
    let through = journal.rotate();
    journal.forget_before(7);
    assert!(journal.release(7, through).unwrap() > 0);
}

#[test]
fn a_segment_from_the_future_is_refused_with_both_versions() {
    let dir = written(1);
    let path = dir.path().join("00000001.journal");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[8] = 7;
    let sum = crc32c::crc32c(&bytes[..20]);
    bytes[20..24].copy_from_slice(&sum.to_le_bytes());
    std::fs::write(&path, &bytes).unwrap();
    let refused = replay(dir.path(), |_, _| {}).unwrap_err().to_string();
    assert!(
        refused.contains("format 7") && refused.contains("reads 1"),
        "{refused}"
    );
}
