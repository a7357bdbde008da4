use std::collections::BTreeSet;

use crate::index::DefinitionRun;
use proptest::prelude::*;

use super::recovery::Scanned;
use super::*;
use crate::{Origin, Points, SeriesId};

/// A group of nothing but the mark.
const MARK_BYTES: usize = GROUP_HEAD + 13;
const GROUP_HEAD: usize = segment::GROUP_HEAD_BYTES;

fn payload(sequence: u64) -> Group {
    let mut group = Group::default();
    let run = DefinitionRun {
        first: 1,
        labels: vec![("k", "v")],
        members: vec![(2, "a")],
        pairs: &[],
    };
    put_definitions(&run, group.records());
    let origin = Origin {
        agent: "h".into(),
        boot: 3,
        sequence,
    };
    let mut points = Points::default();
    points.push(SeriesId(1), 1_000, sequence as f64);
    put_batch(Some(&origin), &points, group.records());
    group
}

/// What is read back: the values.
#[derive(Default)]
struct Values(Vec<f64>);

impl TakePoints for Values {
    fn float(&mut self, series: u32, time_ms: i64, value: f64) {
        assert_eq!((series, time_ms), (1, 1_000));
        self.0.push(value);
    }

    fn histogram(&mut self, one: crate::columns::Distribution) {
        panic!("{one:?}");
    }
}

impl TakeBack for Values {
    fn begin(&mut self, segment: u32) {
        assert_eq!(segment, 1);
    }

    fn go_on(&mut self, _: u64) -> bool {
        self.0.len() < 3
    }
}

fn sequences(dir: &std::path::Path) -> (Vec<u64>, Scanned) {
    let mut found = Vec::new();
    let replayed = scan(dir, |record| {
        if let Record::Batch {
            origin: Some(origin),
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
            .write_group(&mut payload(sequence), &BTreeSet::from([1]))
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
        let kept = (cut.saturating_sub(24) + MARK_BYTES) / group;
        assert_eq!(found.len(), kept, "cut at {cut}");
        // It was begun, and its header durable before anything was in it.
        assert_eq!(replayed.damage.is_empty(), cut >= 24);
        if cut >= 24 {
            let again = std::fs::metadata(&path).unwrap().len() as usize;
            assert_eq!(
                again,
                24 + kept * group,
                "the torn tail is gone, and a mark there"
            );
        }
    }
}

#[test]
fn a_flip_below_a_good_group_is_reported_and_the_rest_served() {
    let dir = written(3);
    let path = dir.path().join("00000001.journal");
    let whole = std::fs::read(&path).unwrap();
    let group = (whole.len() - 24) / 3;
    for at in 24..24 + group - MARK_BYTES {
        let mut flipped = whole.clone();
        flipped[at] ^= 0x10;
        std::fs::write(&path, &flipped).unwrap();
        let (found, replayed) = sequences(dir.path());
        assert_eq!(found, [2, 3], "flip at {at}");
        assert_eq!(
            replayed.damage[0].bytes,
            24..24 + (group - MARK_BYTES) as u64
        );
        assert_eq!(replayed.torn_bytes, 0);
    }
}

#[test]
fn a_flip_in_the_last_group_that_was_synced_is_no_torn_tail() {
    let dir = written(3);
    let path = dir.path().join("00000001.journal");
    let whole = std::fs::read(&path).unwrap();
    let group = (whole.len() - 24) / 3;
    for at in 24 + 2 * group..whole.len() - MARK_BYTES {
        let mut flipped = whole.clone();
        flipped[at] ^= 0x10;
        std::fs::write(&path, &flipped).unwrap();
        let (found, replayed) = sequences(dir.path());
        assert_eq!(
            (found, replayed.damage.len()),
            (vec![1, 2], 1),
            "flip at {at}"
        );
        assert_eq!(replayed.torn_bytes, 0);
    }
}

#[test]
fn a_segment_goes_once_no_window_needs_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = Journal::new(dir.path().to_owned(), 1 << 20, Vec::new(), 0);
    journal
        .write_group(&mut payload(1), &BTreeSet::from([1, 2]))
        .unwrap();
    let through = journal.rotate();
    journal
        .write_group(&mut payload(2), &BTreeSet::from([1]))
        .unwrap();
    assert_eq!(journal.release(1, through).unwrap(), 0);
    assert!(journal.release(2, through).unwrap() > 0);
    assert_eq!(sequences(dir.path()).0, [2], "the open segment stays");
    let through = journal.rotate();
    assert!(journal.release(1, through).unwrap() > 0);
    assert_eq!(sequences(dir.path()).0, Vec::<u64>::new());
}

/// Three segments of three groups each.
fn closed_segments() -> (tempfile::TempDir, Vec<std::path::PathBuf>) {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = Journal::new(dir.path().to_owned(), 1 << 20, Vec::new(), 0);
    for sequence in 1..=9 {
        let windows = BTreeSet::from([1]);
        journal
            .write_group(&mut payload(sequence), &windows)
            .unwrap();
        if sequence % 3 == 0 {
            journal.rotate();
        }
    }
    let paths = (1..=3)
        .map(|number| segment::path(dir.path(), number))
        .collect();
    (dir, paths)
}

#[test]
fn what_a_closed_segment_has_lost_is_damage_and_no_torn_tail() {
    let (dir, paths) = closed_segments();
    let whole = std::fs::read(&paths[1]).unwrap();
    let group = (whole.len() - 24) / 3;
    // Between groups, in a group, in the header, nothing at all.
    for cut in [24 + group, 24 + 2 * group + 9, 24, 11, 0] {
        std::fs::write(&paths[1], &whole[..cut]).unwrap();
        for _ in 0..2 {
            let (found, scanned) = sequences(dir.path());
            assert_eq!(scanned.torn_bytes, 0, "cut at {cut}");
            let last = scanned.damage.last().unwrap();
            assert_eq!(last.path, paths[1]);
            assert!(cut == 0 || last.bytes.end == whole.len() as u64, "{last}");
            assert_eq!(found.len(), 6 + cut.saturating_sub(24) / group);
        }
    }
    let mut bad = whole.clone();
    let from = whole.len() - 60;
    bad[from..].fill(0x55);
    std::fs::write(&paths[1], &bad).unwrap();
    let (_, scanned) = sequences(dir.path());
    assert_eq!((scanned.torn_bytes, scanned.damage.len()), (0, 1));
    // The newest is another matter: it may have been begun when the process ended, and then no list has it.
    std::fs::write(&paths[1], &whole).unwrap();
    let begun = segment::path(dir.path(), 4);
    std::fs::write(&begun, &whole[..11]).unwrap();
    let (found, scanned) = sequences(dir.path());
    assert_eq!((found.len(), scanned.torn_bytes), (9, 11));
    assert!(scanned.damage.is_empty() && !begun.exists());
}

/// What is said of the journal, in as many words.
fn told(dir: &std::path::Path) -> Vec<String> {
    let of_file = |damage: &recovery::Damage| damage.to_string();
    let told = sequences(dir).1.damage.iter().map(of_file).collect();
    let looked = look(dir, |_| {}).unwrap().damage;
    assert_eq!(looked.iter().map(of_file).collect::<Vec<_>>(), told);
    told
}

#[test]
fn segments_that_were_lost_are_named_until_nobody_needs_them_and_their_numbers_stay_theirs() {
    let (dir, paths) = closed_segments();
    let whole = std::fs::metadata(&paths[0]).unwrap().len();
    assert!(told(dir.path()).is_empty());
    for lost in [0, 2] {
        std::fs::remove_file(&paths[lost]).unwrap();
    }
    let first = format!(
        "{}: the whole file is lost, {whole} bytes",
        paths[0].display()
    );
    let newest = format!("{}: the whole file is lost", paths[2].display());
    for _ in 0..2 {
        let (found, scanned) = sequences(dir.path());
        assert_eq!(found, [4, 5, 6], "the rest is served");
        assert_eq!(scanned.segments.len(), 1);
        assert_eq!(told(dir.path()), [first.clone(), newest.clone()]);
    }
    let found = sequences(dir.path()).1.segments;
    let mut journal = Journal::new(dir.path().to_owned(), 1 << 20, found, 0);
    journal
        .write_group(&mut payload(10), &BTreeSet::from([2]))
        .unwrap();
    assert!(segment::path(dir.path(), 4).exists() && !paths[2].exists());
    assert_eq!(told(dir.path()), [first, newest]);
    let through = journal.rotate();
    journal.read_back(
        [(2, BTreeSet::from([1]))].into_iter().collect(),
        &BTreeSet::from([1, 2]),
    );
    assert!(journal.release(1, through).unwrap() > 0);
    assert!(told(dir.path()).is_empty());
    assert_eq!(sequences(dir.path()).0, [10]);
}

#[test]
fn segments_that_went_are_not_lost_in_whatever_order_and_wherever_it_is_ended() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = Journal::new(dir.path().to_owned(), 1 << 20, Vec::new(), 0);
    for window in [1, 2, 1, 3, 2] {
        journal
            .write_group(&mut payload(1), &BTreeSet::from([window]))
            .unwrap();
        journal.rotate();
        assert!(told(dir.path()).is_empty());
    }
    let bytes = |number| std::fs::read(segment::path(dir.path(), number)).unwrap();
    let before: Vec<_> = (1..=5).map(bytes).collect();
    for (window, gone) in [(2, [2, 5]), (1, [1, 3])] {
        assert!(journal.release(window, 5).unwrap() > 0);
        assert!(told(dir.path()).is_empty());
        // Ended before the files went, or before that was durable.
        for number in gone {
            let path = segment::path(dir.path(), number);
            std::fs::write(&path, &before[number as usize - 1]).unwrap();
            assert!(told(dir.path()).is_empty());
            std::fs::remove_file(&path).unwrap();
        }
    }
    std::fs::remove_file(segment::path(dir.path(), 4)).unwrap();
    assert_eq!(told(dir.path()).len(), 1);
}

#[test]
fn a_segment_that_could_not_be_begun_is_on_no_list() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = Journal::new(dir.path().to_owned(), 1 << 20, Vec::new(), 0);
    // Somebody else's, so that it cannot be made.
    std::fs::create_dir(segment::path(dir.path(), 1)).unwrap();
    let refused = journal.write_group(&mut payload(1), &BTreeSet::new());
    assert!(refused.is_err());
    std::fs::remove_dir(segment::path(dir.path(), 1)).unwrap();
    assert!(told(dir.path()).is_empty());
    journal
        .write_group(&mut payload(1), &BTreeSet::new())
        .unwrap();
    assert!(told(dir.path()).is_empty());
}

#[test]
fn a_damaged_list_is_told_and_written_anew() {
    let (dir, paths) = closed_segments();
    let list = dir.path().join("SEGMENTS");
    let mut bytes = std::fs::read(&list).unwrap();
    bytes[20] ^= 1;
    std::fs::write(&list, bytes).unwrap();
    assert_eq!(
        told(dir.path()),
        [format!("{}: it is damaged", list.display())]
    );
    let found = sequences(dir.path()).1.segments;
    let mut journal = Journal::new(dir.path().to_owned(), 1 << 20, found, 0);
    journal
        .write_group(&mut payload(10), &BTreeSet::new())
        .unwrap();
    assert!(told(dir.path()).is_empty());
    std::fs::remove_file(&paths[1]).unwrap();
    assert_eq!(told(dir.path()).len(), 1, "those that were there are on it");
}

#[test]
fn a_number_that_no_segment_has_is_refused_by_name() {
    let dir = written(1);
    std::fs::write(dir.path().join("4294967295.journal"), []).unwrap();
    let refused = scan(dir.path(), |_| {}).unwrap_err().to_string();
    assert!(refused.contains("4294967295.journal"), "{refused}");
}

#[test]
fn a_window_that_is_kept_no_longer_holds_no_segment() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = Journal::new(dir.path().to_owned(), 1 << 20, Vec::new(), 0);
    journal
        .write_group(&mut payload(1), &BTreeSet::from([1, 7]))
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
    let refused = scan(dir.path(), |_| {}).unwrap_err().to_string();
    assert!(
        refused.contains("format 7") && refused.contains("reads 4"),
        "{refused}"
    );
}

/// Two groups and their marks, as segments of version 1 had them: batches of kind 2.
const VERSION_1: &str = "574549524a524e4c010000000100000000000000b75cf55757475250200000001da6e53b000000000101020901006101006b0100 \
    760201016803010102d00f000000000000f03f00574752500d0000005624b4330000000003010000004800000000000000574752 \
    5020000000a9f66842000000000101020901006101006b0100760201016803020102d00f000000000000004000574752500d0000 \
    00248bd9b30000000003010000009500000000000000";
/// The same with batches of kind 5, in rows with their length.
const ROWS: &str = "574549524a524e4c020000000100000000000000e72067045747525024000000129e1f15000000000101020901006101006b0100 \
    760501016803010d0000000102d00f000000000000f03f00574752500d0000003ba6a9120000000003010000004c000000000000 \
    00574752502400000011372081000000000101020901006101006b0100760501016803020d0000000102d00f0000000000000040 \
    00574752500d000000fe8fe2f10000000003010000009d00000000000000";
/// The same with definitions of kind 7, batches of kind 6, in columns.
const VERSION_2: &str = "574549524a524e4c020000000100000000000000e7206704574752502a0000001ab537d500000000070c00000001010601006b01 \
    00760201610601016803010f000000010200d00f00000000000000f03f00574752500d00000076d3816700000000030100000052 \
    00000000000000574752502a000000a302770900000000070c00000001010601006b0100760201610601016803020f0000000102 \
    00d00f00000000000000004000574752500d000000be618959000000000301000000a900000000000000";

fn bytes_of(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

#[test]
fn a_segment_is_written_as_the_format_says() {
    let dir = written(2);
    let bytes = std::fs::read(dir.path().join("00000001.journal")).unwrap();
    let mut written = bytes_of(VERSION_2);
    // But for the version, and the sum of the header, nothing is different in the first segment.
    written[8] = 4;
    let sum = crc32c::crc32c(&written[..20]);
    written[20..24].copy_from_slice(&sum.to_le_bytes());
    assert_eq!(bytes, written);
}

#[test]
fn segments_of_before_are_read() {
    let mut version_3 = bytes_of(VERSION_2);
    version_3[8] = 3;
    let sum = crc32c::crc32c(&version_3[..20]);
    version_3[20..24].copy_from_slice(&sum.to_le_bytes());
    let of_before = [VERSION_1, ROWS, VERSION_2].map(bytes_of);
    for before in of_before.into_iter().chain([version_3]) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("00000001.journal");
        std::fs::write(&path, &before).unwrap();
        let (found, scanned) = sequences(dir.path());
        assert_eq!((found, scanned.groups), (vec![1, 2], 2));
        let mut values = Values::default();
        assert!(replay(dir.path(), &[1], &mut values).unwrap().is_empty());
        assert_eq!(values.0, [1.0, 2.0]);
        assert!(scanned.damage.is_empty() && scanned.torn_bytes == 0);
        let mended = std::fs::read(&path).unwrap();
        assert_eq!(mended, before, "nothing is to be mended");
    }
}

/// Heads of groups that reach over the others, in values that anybody may send: each summed by itself would take hours.
#[test]
fn what_looks_like_groups_does_not_hold_up_a_search() {
    let mut bytes = Vec::new();
    let size: usize = 4 << 20;
    while bytes.len() < size {
        let length = (size - bytes.len() - GROUP_HEAD) as u32 / 2;
        bytes.extend_from_slice(b"WGRP");
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(&[7, 7, 7, 7, 0, 0, 0, 0]);
    }
    let real = bytes.len();
    bytes.extend_from_slice(payload(3).sealed());
    let mut sums = segment::Sums::default();
    assert_eq!(segment::next_group(&bytes, 1, &mut sums), Some(real));
    assert_eq!(segment::next_group(&bytes, real + 1, &mut sums), None);
    assert!(segment::group_at(&bytes[real..]).is_some());
}

#[test]
fn a_search_finds_a_group_of_any_length_at_any_place() {
    for before in [0, 1, 511, 512, 513, 1_100] {
        for length in [1, 495, 496, 497, 512, 3_000] {
            let mut group = Group::default();
            group.records().extend((0..length).map(|n: usize| n as u8));
            let mut bytes = vec![0x57; before];
            bytes.extend_from_slice(group.sealed());
            bytes.extend_from_slice(&[1; 700]);
            let mut sums = segment::Sums::default();
            assert_eq!(segment::next_group(&bytes, 0, &mut sums), Some(before));
            bytes[before + 16 + length / 2] ^= 4;
            let mut sums = segment::Sums::default();
            assert_eq!(segment::next_group(&bytes, 0, &mut sums), None);
        }
    }
}

#[test]
fn reading_back_ends_when_it_is_told_to() {
    let dir = written(5);
    let mut values = Values::default();
    assert!(replay(dir.path(), &[1], &mut values).unwrap().is_empty());
    assert_eq!(values.0, [1.0, 2.0, 3.0]);
}

#[test]
fn what_goes_bad_between_the_look_and_reading_back_is_told() {
    let dir = written(3);
    assert!(sequences(dir.path()).1.damage.is_empty());
    let path = dir.path().join("00000001.journal");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[60] ^= 1;
    std::fs::write(&path, bytes).unwrap();
    let mut values = Values::default();
    let damage = replay(dir.path(), &[1], &mut values).unwrap();
    assert_eq!((values.0, damage.len()), (vec![2.0, 3.0], 1));
}

#[derive(Default)]
struct Back(Points);

impl super::record::TakePoints for Back {
    fn float(&mut self, series: u32, time_ms: i64, value: f64) {
        self.0.push(SeriesId(series), time_ms, value);
    }

    fn histogram(&mut self, one: crate::columns::Distribution) {
        self.0.histograms.push(one);
    }
}

proptest! {
    #[test]
    fn columns_come_back(
        runs in prop::collection::vec((any::<u32>(), 1..30_u32, any::<i64>(), 1..4_i64), 0..20),
        cut in 0..400_usize,
    ) {
        let mut points = Points::default();
        for (series, len, at_ms, times) in runs {
            for n in 0..len {
                let series = SeriesId(series.wrapping_add(n));
                points.push(series, at_ms.wrapping_add(i64::from(n) % times), f64::from(n));
            }
        }
        let mut bytes = Vec::new();
        put_batch(None, &points, &mut bytes);
        let read = |bytes: &[u8]| {
            let mut back = Back::default();
            super::record::read_points(bytes, &mut back).map(|()| back.0)
        };
        prop_assert_eq!(read(&bytes), Some(points));
        // What is cut or changed may be anything but a panic.
        let at = cut % bytes.len();
        let _ = read(&bytes[..at]);
        bytes[at] ^= 0x41;
        let _ = read(&bytes);
    }
}
