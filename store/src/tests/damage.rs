//! Damage of every kind: told, and the rest served.

use super::*;

pub(super) fn flip(path: &std::path::Path, at: usize) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[at] ^= 0x20;
    std::fs::write(path, bytes).unwrap();
}

fn tables(house: &House) -> Vec<std::path::PathBuf> {
    let files = std::fs::read_dir(house.dir.path().join("db")).unwrap();
    let mut files: Vec<_> = files.map(|one| one.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|end| end == "sst"));
    files.sort_by_key(|path| std::fs::metadata(path).unwrap().len());
    files
}

#[test]
fn a_damaged_block_is_passed_over_and_its_neighbours_are_answered() {
    let mut house = House::new();
    for series in 0..400 {
        let samples: Vec<_> = (0..100)
            .map(|n| {
                (
                    T0 + n * 7,
                    f64::from(series) * 0.37 + (n * n * 7_919 % 65_521) as f64,
                )
            })
            .collect();
        house.floats(&format!("s{series:03}"), None, &samples);
    }
    house.store().seal(house.pass(HOUR)).unwrap();
    house.store.take().unwrap().close();
    // The largest table is that of the samples; early in it lie blocks of data.
    flip(tables(&house).last().unwrap(), 5_000);
    house.start();
    let matcher = Matcher::new("host", MatchOp::Equal, "a");
    let found = house
        .store()
        .select(&[matcher], 0, i64::MAX, Wish::RAW, &NoLimits)
        .unwrap();
    let whole = found
        .series
        .iter()
        .filter(|one| one.columns.len() == 100)
        .count();
    assert!((100..400).contains(&whole), "{whole} of 400 series");
    house.store.take().unwrap().close();
    let checked = check(house.dir.path()).unwrap();
    assert!(checked.problems > 0, "{checked:?}");
}

#[test]
fn samples_from_the_beginning_of_time_are_taken_if_they_are_to_be_kept() {
    let mut house = House::new();
    house.store.take().unwrap().close();
    let long = Options {
        raw_ms: 60 * 365 * 24 * HOUR,
        minute_ms: 60 * 365 * 24 * HOUR,
        ..house.options()
    };
    house.store = Some(Store::open(long).unwrap().0);
    let samples: Vec<_> = (0..48).map(|n| (n * HOUR / 2, n as f64)).collect();
    assert_eq!(house.floats("a", None, &samples).stored, 48);
    assert_eq!(house.floats("a", None, &[(T0, 1.0)]).stored, 1);
    let now = house.pass(HOUR);
    assert_eq!(house.store().seal(now).unwrap().windows, 49);
    house.store().roll_up(now).unwrap();
    house.store().drop_expired(now).unwrap();
    let mut expected = samples;
    expected.push((T0, 1.0));
    assert_eq!(house.read_floats("a"), expected);
}

/// Invariant 15: no series is given another's points.
#[test]
fn points_whose_definition_is_lost_are_no_other_series() {
    let mut house = House::new();
    house.floats("first", Some(1), &[(T0, 1.0)]);
    house.floats("lost", Some(2), &[(T0, 2.0)]);
    house.floats("lost", Some(3), &[(T0 + 10_000, 3.0)]);
    house.store.take().unwrap().close();
    let path = house.dir.path().join("journal/00000001.journal");
    let bytes = std::fs::read(&path).unwrap();
    let defined = bytes.windows(4).position(|four| four == b"lost").unwrap();
    flip(&path, defined);
    house.start();
    assert_eq!(
        (house.recovery.damage.len(), house.recovery.orphans),
        (1, 1)
    );
    // The damage is gone with what is not needed any more; the number is not free for that.
    house.floats("other", Some(4), &[(T0, 4.0)]);
    house.store.take().unwrap().close();
    house.start();
    assert_eq!(house.read_floats("other"), [(T0, 4.0)]);
    assert_eq!(house.read_floats("first"), [(T0, 1.0)]);
    assert_eq!(house.recovery.orphans, 1);
}

#[test]
fn a_segment_that_was_deleted_by_hand_is_named_at_a_start_and_by_a_check() {
    let mut house = House::new();
    house.floats("a", Some(1), &[(T0, 1.0)]);
    house.store().send(rotate()).unwrap();
    house.floats("a", Some(2), &[(T0 + 1_000, 2.0)]);
    house.store().send(rotate()).unwrap();
    house.floats("a", Some(3), &[(T0 + 2_000, 3.0)]);
    house.store.take().unwrap().close();
    let journal = house.dir.path().join("journal");
    for lost in ["00000002.journal", "00000003.journal"] {
        std::fs::remove_file(journal.join(lost)).unwrap();
    }
    let checked = check(house.dir.path()).unwrap();
    assert_eq!(checked.problems, 2, "{checked:?}");
    for _ in 0..2 {
        house.start();
        let damage = house.recovery.damage.join(" ");
        assert_eq!(house.recovery.damage.len(), 2, "{damage}");
        assert!(damage.contains("00000002.journal: the whole file is lost, "));
        assert!(damage.contains("00000003.journal: the whole file is lost"));
        assert_eq!(house.read_floats("a"), [(T0, 1.0)]);
        house.store.take().unwrap().close();
    }
    house.start();
    house.floats("a", Some(4), &[(T0 + 3_000, 4.0)]);
    house.store().flush(house.pass(HOUR)).unwrap();
    house.store.take().unwrap().close();
    house.start();
    assert_eq!(house.recovery.damage, [""; 0]);
    assert_eq!(house.read_floats("a"), [(T0, 1.0), (T0 + 3_000, 4.0)]);
}

fn rotate() -> crate::writer::Command {
    crate::writer::Command::Rotate(std::sync::mpsc::sync_channel(1).0)
}

#[test]
fn ten_thousand_flips_in_the_journal_lose_nothing_silently() {
    let house = House::new();
    for sequence in 1..=60_u64 {
        let at = T0 + sequence as i64;
        house.floats(
            &format!("s{}", sequence % 7),
            Some(sequence),
            &[(at, sequence as f64), (at + 500, 0.1)],
        );
    }
    let dir = house.dir.path().join("journal");
    let away = tempfile::tempdir().unwrap();
    let batches = |dir: &std::path::Path| {
        let mut batches = 0;
        let replayed = crate::journal::look(dir, |record| {
            batches += usize::from(matches!(record, crate::journal::Record::Batch { .. }));
        });
        (batches, replayed.unwrap())
    };
    let mut segments: Vec<_> = std::fs::read_dir(&dir)
        .unwrap()
        .map(|one| one.unwrap().path())
        .collect();
    segments.sort();
    let all = batches(&dir).0;
    assert_eq!(all, 60);
    let mut random = 88_172_645_463_325_252_u64;
    let originals: Vec<Vec<u8>> = segments
        .iter()
        .map(|path| std::fs::read(path).unwrap())
        .collect();
    for (path, bytes) in segments.iter().zip(&originals) {
        std::fs::write(away.path().join(path.file_name().unwrap()), bytes).unwrap();
    }
    for _ in 0..10_000 {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let segment = random as usize % segments.len();
        let bit = (random >> 20) as usize % (originals[segment].len() * 8);
        let path = away.path().join(segments[segment].file_name().unwrap());
        let mut bytes = originals[segment].clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        std::fs::write(&path, &bytes).unwrap();
        // A version from the future is refused by name; nothing else is an error.
        let (found, replayed) = batches(away.path());
        assert!(
            found == all || !replayed.damage.is_empty(),
            "bit {bit} of segment {segment}: {found} of {all}"
        );
        std::fs::write(&path, &originals[segment]).unwrap();
    }
}

#[test]
fn the_tail_cut_at_each_byte_of_its_last_64_kib_gives_every_whole_group() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = crate::journal::Journal::new(dir.path().to_owned(), 1 << 30, Vec::new(), 0);
    let mut ends = Vec::new();
    while journal.bytes() < 70 << 10 {
        let mut points = Points::default();
        for series in 0..200 {
            points.push(SeriesId(series), T0 + ends.len() as i64, f64::from(series));
        }
        let mut group = crate::journal::Group::default();
        crate::journal::put_batch(None, &points, group.records());
        journal
            .write_group(&mut group, &std::collections::BTreeSet::new())
            .unwrap();
        ends.push(journal.bytes());
    }
    drop(journal);
    let path = dir.path().join("00000001.journal");
    let whole = std::fs::metadata(&path).unwrap().len();
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    // A group is whole without its mark, of 29 bytes.
    for length in (whole - (64 << 10)..whole).rev() {
        file.set_len(length).unwrap();
        let mut found = 0;
        let replayed = crate::journal::look(dir.path(), |record| {
            found += usize::from(matches!(record, crate::journal::Record::Batch { .. }));
        });
        let expected = ends.iter().filter(|end| **end - 29 <= length).count();
        assert_eq!(
            (found, replayed.unwrap().damage.len()),
            (expected, 0),
            "cut at {length}"
        );
    }
}
