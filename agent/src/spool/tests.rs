//! The spool's files: what was put comes out once and in order, over restarts, torn tails, flipped bits, full disks and
//! bounds.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use weir_wire::{Histogram, Sample, SeriesKey, Value};

use super::segment::{HEADER_BYTES, read};
use super::*;
use crate::priority::Class;

const NOW_MS: i64 = 1_790_000_000_000;

fn config(dir: &Path) -> SpoolConfig {
    SpoolConfig {
        dir: dir.to_owned(),
        max_bytes: 64 << 20,
        max_age: Duration::from_secs(86_400),
        disk_reserve: 0,
        share: 0.8,
        min_rate: 1e9,
        after: Duration::ZERO,
    }
}

fn open(config: &SpoolConfig, boot: u64) -> (Spool, Arc<Drops>) {
    let drops = Arc::new(Drops::default());
    let spool = Spool::open(config.clone(), boot, NOW_MS, Arc::clone(&drops)).unwrap();
    (spool, drops)
}

/// One batch with a float and a histogram that tell its number.
fn batch(class: Class, number: u32) -> Arc<Batch> {
    let mut histogram = Histogram::new();
    histogram.record(f64::from(number), 1).unwrap();
    let point = |name: &str, value| {
        let key = SeriesKey::new(name, [("host", "web01")]).unwrap();
        (
            key,
            Sample {
                timestamp_ms: NOW_MS + i64::from(number),
                value,
            },
        )
    };
    let points = vec![
        point("n", Value::Float(f64::from(number))),
        point("n", Value::Float(f64::from(number) + 0.5)),
        point("d", Value::Histogram(Arc::new(histogram))),
    ];
    Arc::new(Batch {
        safe: tokio::sync::watch::Sender::new(false),
        class,
        points,
        queued: Instant::now(),
        bytes: 1_000,
    })
}

fn waiting(class: Class, numbers: impl IntoIterator<Item = u32>) -> Overdue {
    Overdue {
        waiting: numbers
            .into_iter()
            .map(|number| batch(class, number))
            .collect(),
        unanswered: Vec::new(),
    }
}

fn number(record: &Record) -> u32 {
    match record.points[0].1.value {
        Value::Float(number) => number as u32,
        Value::Histogram(_) => panic!("floats come first"),
    }
}

/// Everything, run by run, without an acknowledgement.
fn rest(spool: &mut Spool) -> Vec<(u64, u32)> {
    let mut all = Vec::new();
    while let Some(run) = spool.next_run() {
        while let Some(record) = spool.next(run) {
            assert_eq!(record.points, batch(Class::Low, number(&record)).points);
            all.push((run, number(&record)));
        }
    }
    spool.rewind();
    all
}

fn numbers(spool: &mut Spool) -> Vec<u32> {
    rest(spool).into_iter().map(|(_, number)| number).collect()
}

fn files(dir: &Path) -> Vec<std::path::PathBuf> {
    let names = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = names
        .filter(|path| path.extension().is_some_and(|end| end == "spool"))
        .collect();
    files.sort();
    files
}

#[test]
fn the_oldest_comes_first_over_classes_and_processes() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path());
    let (mut spool, _) = open(&config, 7);
    spool.put(&waiting(Class::Normal, [1, 2]), NOW_MS).unwrap();
    spool.put(&waiting(Class::Critical, [3]), NOW_MS).unwrap();
    spool.put(&waiting(Class::Low, [4]), NOW_MS).unwrap();
    let unanswered = Overdue {
        unanswered: vec![(40, batch(Class::Normal, 9))],
        waiting: Vec::new(),
    };
    spool.put(&unanswered, NOW_MS).unwrap();
    assert_eq!(
        rest(&mut spool),
        [1, 2, 3, 4].map(|number| (7 | RUN_BIT, number)),
        "its own unanswered leave from memory"
    );
    drop(spool);
    let (mut spool, _) = open(&config, 8);
    spool.put(&waiting(Class::Normal, [5]), NOW_MS).unwrap();
    let old = 7 | RUN_BIT;
    assert_eq!(
        rest(&mut spool),
        [
            (7, 9),
            (old, 1),
            (old, 2),
            (old, 3),
            (old, 4),
            (8 | RUN_BIT, 5)
        ]
    );
    let run = spool.next_run().unwrap();
    assert_eq!(
        (run, spool.next(run).unwrap().sequence),
        (7, 40),
        "under the number it was sent with"
    );
}

#[test]
fn what_is_acknowledged_is_gone_and_stays_gone() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path());
    let (mut spool, _) = open(&config, 7);
    spool.put(&waiting(Class::Normal, 1..=4), NOW_MS).unwrap();
    spool.put(&waiting(Class::Low, 5..=6), NOW_MS).unwrap();
    let run = spool.next_run().unwrap();
    let sequences: Vec<u64> = std::iter::from_fn(|| spool.next(run))
        .map(|record| record.sequence)
        .collect();
    spool.acknowledge(sequences[1]);
    spool.rewind();
    assert_eq!(numbers(&mut spool), [3, 4, 5, 6]);
    drop(spool);
    let (mut spool, _) = open(&config, 8);
    assert_eq!(numbers(&mut spool), [3, 4, 5, 6]);
    let held: u64 = spool.held().iter().map(|held| held.samples).sum();
    assert_eq!(held, 4 * 3);
    let run = spool.next_run().unwrap();
    while spool.next(run).is_some() {}
    spool.acknowledge(sequences[5]);
    assert!(files(dir.path()).is_empty() && spool.next_run().is_none());
    // A number of a segment that the mark names is not given again.
    drop(spool);
    let (mut spool, _) = open(&config, 9);
    spool.put(&waiting(Class::Normal, [7]), NOW_MS).unwrap();
    assert_eq!(numbers(&mut spool), [7]);
}

#[test]
fn copies_of_what_was_sent_go_when_it_is_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let (mut spool, _) = open(&config(dir.path()), 7);
    let unanswered = |sequence| Overdue {
        unanswered: vec![(sequence, batch(Class::Normal, 1))],
        waiting: Vec::new(),
    };
    spool.put(&unanswered(1), NOW_MS).unwrap();
    spool.put(&unanswered(2), NOW_MS).unwrap();
    spool.settle(1);
    assert_eq!(files(dir.path()).len(), 1);
    spool.settle(2);
    assert!(files(dir.path()).is_empty());
}

/// A segment of three records, and where each ends.
fn segment_of_three(dir: &Path) -> (std::path::PathBuf, Vec<u8>, Vec<usize>) {
    let (mut spool, _) = open(&config(dir), 7);
    spool.put(&waiting(Class::Normal, 1..=3), NOW_MS).unwrap();
    let file = files(dir).remove(0);
    let bytes = std::fs::read(&file).unwrap();
    let ends = read(&bytes)
        .unwrap()
        .records
        .iter()
        .map(|(_, end)| *end)
        .collect();
    (file, bytes, ends)
}

#[test]
fn a_tail_that_is_torn_at_any_byte_is_cut() {
    let dir = tempfile::tempdir().unwrap();
    let (file, bytes, ends) = segment_of_three(dir.path());
    for cut in 0..bytes.len() {
        std::fs::write(&file, &bytes[..cut]).unwrap();
        let (mut spool, _) = open(&config(dir.path()), 8);
        let whole = ends.iter().filter(|end| **end <= cut).count() as u32;
        assert_eq!(
            numbers(&mut spool),
            (1..=whole).collect::<Vec<_>>(),
            "cut at {cut}"
        );
        let expected = ends.iter().rev().find(|end| **end <= cut);
        let left = std::fs::metadata(&file)
            .ok()
            .map(|file| file.len() as usize);
        assert_eq!(left, expected.copied(), "cut at {cut}");
    }
}

#[test]
fn a_flipped_bit_costs_one_record_and_nothing_is_ever_altered() {
    let dir = tempfile::tempdir().unwrap();
    let (file, bytes, ends) = segment_of_three(dir.path());
    for at in HEADER_BYTES..bytes.len() {
        for bit in [0, 3, 7] {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << bit;
            let damaged = ends.iter().filter(|end| **end <= at).count() as u32 + 1;
            let found = read(&flipped).unwrap();
            let is_torn = damaged == 3;
            assert_eq!(
                (found.damaged.len(), found.torn_bytes > 0),
                (usize::from(!is_torn), is_torn)
            );
            std::fs::write(&file, &flipped).unwrap();
            let (mut spool, _) = open(&config(dir.path()), 8);
            let others: Vec<u32> = (1..=3).filter(|one| *one != damaged).collect();
            assert_eq!(numbers(&mut spool), others, "byte {at}, bit {bit}");
        }
    }
    for at in 0..HEADER_BYTES {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1;
        assert!(read(&flipped).is_err(), "header byte {at}");
        std::fs::write(&file, &flipped).unwrap();
        let (mut spool, _) = open(&config(dir.path()), 8);
        assert!(numbers(&mut spool).is_empty());
        assert!(
            file.exists(),
            "what cannot be read is left for people to look at"
        );
    }
}

/// Damage that comes after the start is found at reading, and what is behind it is sent all the same.
#[test]
fn a_record_that_rots_while_it_waits_is_skipped() {
    let dir = tempfile::tempdir().unwrap();
    let (file, bytes, ends) = segment_of_three(dir.path());
    let (mut spool, _) = open(&config(dir.path()), 8);
    let mut rotten = bytes;
    rotten[ends[0] + 40] ^= 1;
    std::fs::write(&file, rotten).unwrap();
    assert_eq!(numbers(&mut spool), [1, 3]);
    let run = spool.next_run().unwrap();
    let last = std::iter::from_fn(|| spool.next(run)).last().unwrap();
    spool.acknowledge(last.sequence);
    assert!(!file.exists());
}

#[test]
fn a_segment_of_a_newer_version_is_named_and_left() {
    let mut bytes = segment::header(1);
    bytes[8] = 9;
    let error = read(&bytes).unwrap_err();
    assert!(error.to_string().contains("version 9"), "{error}");
}

/// FAULTS 41: bounded, and the oldest of the lowest class goes first, counted by class.
#[test]
fn over_its_bound_the_oldest_of_the_lowest_class_goes() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = config(dir.path());
    let mut one = Vec::new();
    record::encode(1, NOW_MS, &batch(Class::Low, 1).points, &mut one);
    let segment = (HEADER_BYTES + one.len()) as u64;
    // Records differ by some bytes.
    config.max_bytes = segment * 5 + 60;
    let (mut spool, drops) = open(&config, 7);
    let mut put = |class, number| {
        // A segment each, so that they can go one by one.
        spool.put(&waiting(class, [number]), NOW_MS).unwrap();
        spool
            .lanes
            .iter_mut()
            .for_each(|lane| lane.close().unwrap());
    };
    for number in 1..=3 {
        put(Class::Low, number);
    }
    put(Class::Normal, 4);
    put(Class::Normal, 5);
    put(Class::Critical, 6);
    put(Class::Low, 7);
    put(Class::Normal, 8);
    assert_eq!(numbers(&mut spool), [4, 5, 6, 7, 8]);
    let mut put = |class, number| {
        spool.put(&waiting(class, [number]), NOW_MS).unwrap();
        spool
            .lanes
            .iter_mut()
            .for_each(|lane| lane.close().unwrap());
    };
    for number in 9..=13 {
        put(Class::Critical, number);
    }
    // What comes and is itself of the lowest class is dropped itself.
    put(Class::Low, 14);
    assert_eq!(numbers(&mut spool), [9, 10, 11, 12, 13]);
    let bytes: u64 = spool.held().iter().map(|held| held.bytes).sum();
    assert!(bytes <= config.max_bytes);
    let counted: Vec<_> = drops
        .all()
        .iter()
        .map(|one| (one.class, one.reason, one.batches, one.samples))
        .collect();
    let full = Reason::SpoolFull;
    assert_eq!(
        counted,
        [
            ("critical", full, 1, 3),
            ("low", full, 5, 15),
            ("normal", full, 3, 9)
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_too_old_goes_and_a_jumping_clock_drops_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path());
    let (mut spool, drops) = open(&config, 7);
    spool.put(&waiting(Class::Critical, [1]), NOW_MS).unwrap();
    let year_ms = 365 * 86_400_000;
    spool.expire(NOW_MS + year_ms);
    assert_eq!(numbers(&mut spool), [1]);
    tokio::time::advance(Duration::from_secs(86_401)).await;
    spool.expire(NOW_MS + 86_401_000);
    assert!(numbers(&mut spool).is_empty());
    let dropped = drops.all();
    assert_eq!(
        (dropped[0].class, dropped[0].reason, dropped[0].samples),
        ("critical", Reason::SpoolAge, 3)
    );
}

#[test]
fn a_disk_without_room_takes_nothing_and_keeps_what_it_has() {
    let dir = tempfile::tempdir().unwrap();
    let (mut spool, _) = open(&config(dir.path()), 7);
    spool.put(&waiting(Class::Normal, [1]), NOW_MS).unwrap();
    spool.config.disk_reserve = u64::MAX;
    let error = spool.put(&waiting(Class::Normal, [2]), NOW_MS).unwrap_err();
    assert!(error.to_string().contains("spool.disk_reserve"), "{error}");
    spool.config.disk_reserve = 0;
    spool.put(&waiting(Class::Normal, [3]), NOW_MS).unwrap();
    assert_eq!(numbers(&mut spool), [1, 3]);
}

/// A turn that fails in its middle leaves nothing of it behind, and the numbers it used are not used again.
#[test]
fn half_a_turn_is_taken_back() {
    let dir = tempfile::tempdir().unwrap();
    let (mut spool, _) = open(&config(dir.path()), 7);
    spool.put(&waiting(Class::Normal, [1]), NOW_MS).unwrap();
    let in_the_way = kind::path(dir.path(), spool.next_segment, Kind::Of(Class::Critical));
    std::fs::create_dir(&in_the_way).unwrap();
    let turn = Overdue {
        waiting: vec![batch(Class::Normal, 2), batch(Class::Critical, 3)],
        unanswered: Vec::new(),
    };
    let before = spool.held();
    spool.put(&turn, NOW_MS).unwrap_err();
    assert_eq!(spool.held(), before);
    std::fs::remove_dir(&in_the_way).unwrap();
    spool.put(&turn, NOW_MS).unwrap();
    assert_eq!(numbers(&mut spool), [1, 2, 3]);
    drop(spool);
    let (mut spool, _) = open(&config(dir.path()), 8);
    assert_eq!(numbers(&mut spool), [1, 2, 3]);
}

#[test]
fn a_directory_belongs_to_one_agent() {
    let dir = tempfile::tempdir().unwrap();
    let config = config(dir.path());
    let (_spool, _) = open(&config, 7);
    let error = Spool::open(config.clone(), 8, NOW_MS, Arc::default()).unwrap_err();
    assert!(error.to_string().contains("another agent"), "{error}");
}

#[test]
fn a_record_that_is_refused_for_good_is_given_up() {
    let dir = tempfile::tempdir().unwrap();
    let (mut spool, drops) = open(&config(dir.path()), 7);
    spool.put(&waiting(Class::Normal, 1..=3), NOW_MS).unwrap();
    let run = spool.next_run().unwrap();
    let first = spool.next(run).unwrap().sequence;
    assert_eq!(spool.first_handed_out(), Some(first));
    spool.give_up_first();
    spool.rewind();
    assert_eq!(numbers(&mut spool), [2, 3]);
    assert_eq!(drops.all()[0].reason, Reason::Refused);
}
/// What an agent of today wrote, for the agents of later.
#[test]
fn a_segment_of_version_1_is_read() {
    let segment = read(include_bytes!("version_1.spool")).unwrap();
    assert_eq!(
        (segment.run, segment.damaged.len(), segment.torn_bytes),
        (7 | RUN_BIT, 0, 0)
    );
    for (number, (record, _)) in (1..=3_u32).zip(&segment.records) {
        assert_eq!(record.head.sequence, u64::from(number));
        assert_eq!(
            record.points().unwrap(),
            batch(Class::Normal, number).points
        );
    }
    assert_eq!(segment.records.len(), 3);
    assert_eq!(
        &segment::header(7 | RUN_BIT),
        &include_bytes!("version_1.spool")[..HEADER_BYTES]
    );
}
