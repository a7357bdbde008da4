//! What is kept: rollups and tiers, policies, deletion, leaving, backups, the check, and the gate.

use super::*;
use crate::writer::Command;

const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * HOUR;

fn wish(aspect: Aspect, spacing_ms: i64) -> Wish {
    Wish { aspect, spacing_ms }
}

impl House {
    fn select(&self, name: &str, wish: Wish) -> Vec<(i64, f64)> {
        let matcher = Matcher::new("__name__", MatchOp::Equal, name);
        let found = self
            .store()
            .select(&[matcher], 0, i64::MAX, wish, &NoLimits)
            .unwrap();
        let columns = found.series.into_iter().map(|one| one.columns);
        columns
            .flat_map(|one| one.times_ms.into_iter().zip(one.values))
            .collect()
    }

    fn sealed(&self) {
        self.store().seal(self.now.load(Ordering::Relaxed)).unwrap();
    }

    /// Ten seconds apart, one more each time.
    fn hours_of_samples(&self, name: &str, from_ms: i64, hours: i64) {
        let samples: Vec<_> = (0..hours * 360)
            .map(|n| (from_ms + n * 10_000, n as f64))
            .collect();
        self.floats(name, None, &samples);
    }

    fn checked(&mut self) -> Checked {
        self.store.take().unwrap().close();
        let checked = check(self.dir.path()).unwrap();
        self.start();
        checked
    }
}

#[test]
fn every_tier_gives_the_same_sums() {
    let mut house = House::new();
    // Midnight, two days before now.
    let from = T0.div_euclid(DAY) * DAY - 2 * DAY;
    house.hours_of_samples("a", from, 30);
    house.floats("gone", None, &[(from, 1.0)]);
    house.sealed();
    assert_eq!(house.store().roll_up(T0).unwrap(), 2);
    for aspect in [Aspect::Count, Aspect::Sum] {
        let total = |spacing_ms| {
            house
                .select("a", wish(aspect, spacing_ms))
                .iter()
                .map(|one| one.1)
                .sum::<f64>()
        };
        let raw = total(0);
        assert_eq!((total(MINUTE), total(HOUR)), (raw, raw), "{aspect:?}");
    }
    let (minutes, hours) = (
        house.select("a", wish(Aspect::Max, MINUTE)),
        house.select("a", wish(Aspect::Max, HOUR)),
    );
    assert_eq!((minutes.len(), hours.len()), (30 * 60, 30));
    assert_eq!(hours[0], (from + HOUR - 10_000, 359.0));
    assert_eq!(house.select("a", wish(Aspect::Min, HOUR))[1].1, 360.0);
    let checked = house.checked();
    assert_eq!((checked.problems, checked.named), (0, vec![]));
    assert_eq!(
        checked.compared, 6,
        "two days of one series, one of the other, in two tiers"
    );
}

/// FAULTS 18.
#[test]
fn a_late_sample_corrects_every_tier() {
    let mut house = House::new();
    let from = T0.div_euclid(DAY) * DAY - 2 * DAY;
    house.hours_of_samples("a", from, 24);
    house.sealed();
    assert_eq!(house.store().roll_up(T0).unwrap(), 1);
    house.floats("a", None, &[(from + 5_000, 1e6)]);
    for spacing_ms in [0, MINUTE, HOUR] {
        let largest = |house: &House| {
            house
                .select("a", wish(Aspect::Max, spacing_ms))
                .iter()
                .map(|one| one.1)
                .fold(0.0, f64::max)
        };
        assert_eq!(largest(&house), 1e6, "at once, from the head: {spacing_ms}");
    }
    house.crash();
    house.pass(HOUR);
    house.sealed();
    assert_eq!(house.store().roll_up(T0 + HOUR).unwrap(), 1);
    assert_eq!(house.store().stats().open_windows, 0);
    for spacing_ms in [0, MINUTE, HOUR] {
        let largest = house
            .select("a", wish(Aspect::Max, spacing_ms))
            .iter()
            .map(|one| one.1)
            .fold(0.0, f64::max);
        assert_eq!(largest, 1e6, "{spacing_ms}");
    }
    assert_eq!(house.checked().named, Vec::<String>::new());
}

#[test]
fn one_series_goes_on_through_all_tiers_as_raw_samples_expire() {
    let mut house = House::new();
    let from = T0.div_euclid(DAY) * DAY;
    let day_by_day = |house: &House, day: i64| {
        house.now.store(from + (day + 1) * DAY, Ordering::Relaxed);
        let now = from + (day + 1) * DAY;
        house.hours_of_samples("a", from + day * DAY, 24);
        house.pass(HOUR);
        house.sealed();
        house.store().roll_up(now + HOUR).unwrap();
        house.store().drop_expired(now + HOUR).unwrap();
    };
    (0..40).for_each(|day| day_by_day(&house, day));
    let count = |house: &House| {
        house
            .select("a", wish(Aspect::Count, 0))
            .iter()
            .map(|one| one.1)
            .sum::<f64>()
    };
    assert_eq!(count(&house), 40.0 * 8_640.0);
    let points = house.select("a", Wish::RAW);
    assert!(points.windows(2).all(|two| two[0].0 < two[1].0));
    // About 10 days by the hour, 23 by the minute, 7 of raw samples.
    assert!(
        (70_000..110_000).contains(&points.len()),
        "{}",
        points.len()
    );
    house.crash();
    assert_eq!(count(&house), 40.0 * 8_640.0);
    assert_eq!(house.checked().named, Vec::<String>::new());
}

#[test]
fn a_policy_holds_for_what_is_stored_already() {
    let mut house = House::new();
    let from = T0 - 3 * DAY;
    house.hours_of_samples("debug", from, 48);
    house.hours_of_samples("kept", from, 48);
    house.hours_of_samples("debug", T0 - 2 * HOUR, 2);
    house.pass(HOUR);
    house.sealed();
    let before = house.select("kept", Wish::RAW);
    house.store.take().unwrap().close();
    let policy = Policy {
        matchers: vec![Matcher::new("__name__", MatchOp::Regex, "deb.*")],
        raw_ms: DAY,
        minute_ms: 0,
        hour_ms: 0,
    };
    let options = Options {
        policies: vec![policy],
        ..house.options()
    };
    house.store = Some(Store::open(options).unwrap().0);
    assert_eq!(
        house.select("debug", Wish::RAW).len(),
        720,
        "what is too old is not answered"
    );
    house.store().drop_expired(T0 + HOUR).unwrap();
    assert_eq!(house.select("kept", Wish::RAW), before);
    house.crash();
    let left = house.select("debug", Wish::RAW).len();
    assert!(
        (720..900).contains(&left),
        "{left} left without the policy: the rest is gone from the tables"
    );
}

#[test]
fn what_is_deleted_is_gone_for_good_and_may_begin_anew() {
    let mut house = House::new();
    house.floats("a", None, &[(T0, 1.0)]);
    house.floats("b", None, &[(T0, 1.0)]);
    house.pass(HOUR);
    house.sealed();
    house.floats("a", None, &[(T0 + HOUR, 2.0)]);
    let matcher = Matcher::new("__name__", MatchOp::Equal, "a");
    let generation = house.store().generation();
    assert_eq!(house.store().delete(&[matcher]).unwrap(), 1);
    assert_ne!(house.store().generation(), generation);
    assert_eq!(
        (house.read_floats("a"), house.read_floats("b").len()),
        (vec![], 1)
    );
    house.crash();
    assert_eq!(
        (house.read_floats("a"), house.recovery.orphans),
        (vec![], 0)
    );
    house.floats("a", None, &[(T0 + HOUR, 3.0)]);
    assert_eq!(house.read_floats("a"), [(T0 + HOUR, 3.0)]);
    assert_eq!(house.checked().of_deleted, 1);
    house.store().purge_deleted().unwrap();
    assert_eq!(
        (house.checked().of_deleted, house.read_floats("b").len()),
        (0, 1)
    );
    assert_eq!(house.read_floats("a"), [(T0 + HOUR, 3.0)]);
}

#[test]
fn a_number_resolved_before_a_deletion_is_refused() {
    let house = House::new();
    let series = house
        .store()
        .resolve(&SeriesKey::bare("a").unwrap())
        .unwrap();
    house.floats("b", None, &[(T0, 1.0)]);
    house
        .store()
        .delete(&[Matcher::new("__name__", MatchOp::Equal, "a")])
        .unwrap();
    let mut points = Points::default();
    points.push(series, T0, 1.0);
    let (send, receive) = channel();
    let write = Write {
        origin: None,
        chain: None,
        points,
        done: Box::new(move |result| send.send(result).unwrap()),
    };
    assert!(house.store().append(write).is_ok());
    assert!(matches!(
        receive.recv().unwrap(),
        Err(StoreError::UnknownSeries)
    ));
}

#[test]
fn series_leave_the_index_with_their_last_samples() {
    let mut house = House::new();
    house.store.take().unwrap().close();
    let short = Options {
        minute_ms: 0,
        hour_ms: 0,
        ..house.options()
    };
    house.store = Some(Store::open(short).unwrap().0);
    house.floats("a", None, &[(T0, 1.0)]);
    house.sealed();
    let now = house.pass(8 * DAY);
    house.floats("b", None, &[(now, 2.0)]);
    for _ in 0..2 {
        let now = house.pass(HOUR);
        house.store().seal(now).unwrap();
        house.store().drop_expired(now).unwrap();
    }
    assert_eq!(house.store().stats().series, 1);
    assert_eq!(
        house
            .store()
            .label_values("__name__", &[], 0, i64::MAX)
            .unwrap(),
        ["b"]
    );
    house.crash();
    assert_eq!((house.recovery.series, house.recovery.orphans), (1, 0));
}

#[test]
fn a_backup_holds_what_was_acknowledged_and_tells_when_it_is_damaged() {
    let mut house = House::new();
    house.floats("a", Some(1), &[(T0, 1.0)]);
    house.pass(HOUR);
    house.sealed();
    house.floats("a", Some(2), &[(T0 + HOUR, 2.0)]);
    let away = tempfile::tempdir().unwrap();
    let (backup, back) = (away.path().join("backup"), away.path().join("back"));
    let copied = house.store().backup(&backup).unwrap();
    assert!(house.store().backup(&backup).is_err(), "never over another");
    house.floats("a", Some(3), &[(T0 + HOUR + 10_000, 3.0)]);
    assert_eq!(verify_backup(&backup).unwrap(), copied);
    assert_eq!(restore(&backup, &back).unwrap(), copied);
    assert!(restore(&backup, &back).is_err(), "never over a store");
    assert_eq!(check(&back).unwrap().named, Vec::<String>::new());
    house.store.take().unwrap().close();
    let options = Options {
        dir: back,
        ..house.options()
    };
    house.store = Some(Store::open(options).unwrap().0);
    assert_eq!(house.read_floats("a"), [(T0, 1.0), (T0 + HOUR, 2.0)]);
    assert_eq!(house.store().last_sequence("a", 1), 2);
    let segment = std::fs::read_dir(backup.join("journal"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let mut bytes = std::fs::read(&segment).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::remove_file(&segment).unwrap();
    std::fs::write(&segment, bytes).unwrap();
    let why = verify_backup(&backup).unwrap_err().to_string();
    assert!(why.contains("not what was backed up"), "{why}");
}

#[test]
fn upkeep_goes_on_while_a_backup_is_summed() {
    let mut house = House::new();
    house.floats("a", Some(1), &[(T0, 1.0)]);
    let away = tempfile::tempdir().unwrap();
    let (beside, backup) = (away.path().join("backup.new"), away.path().join("backup"));
    house.store().take_files(&beside).unwrap();
    // Whoever tends waits for nobody now; what is let go of stays in the backup.
    house.floats("a", Some(2), &[(T0 + 10_000, 2.0)]);
    let flushed = house.store().flush(house.pass(HOUR)).unwrap();
    assert!(flushed.windows > 0 && flushed.journal_bytes_freed > 0);
    let now = house.pass(400 * DAY);
    house.floats("b", None, &[(now, 3.0)]);
    house.store().flush(now).unwrap();
    house.store().drop_expired(now).unwrap();
    assert_eq!(house.read_floats("a"), []);
    let copied = crate::backup::finish(&beside, &backup).unwrap();
    assert_eq!(verify_backup(&backup).unwrap(), copied);
    assert_eq!(check(&backup).unwrap().named, Vec::<String>::new());
    house.store.take().unwrap().close();
    let options = Options {
        dir: backup,
        ..house.options()
    };
    let (store, recovery) = Store::open(options).unwrap();
    assert_eq!((recovery.damage, recovery.samples), (Vec::new(), 1));
    store.close();
}

#[test]
fn writes_wait_while_there_is_no_room_and_reads_go_on() {
    let mut house = House::new();
    house.floats("a", None, &[(T0, 1.0)]);
    house.store.take().unwrap().close();
    let full = Options {
        disk_reserve_bytes: u64::MAX / 4,
        ..house.options()
    };
    house.store = Some(Store::open(full).unwrap().0);
    house.store().look_for_room();
    let write = Write {
        origin: None,
        chain: None,
        points: Points::default(),
        done: Box::new(|_| {}),
    };
    let refused = house.store().append(write).err().unwrap().1.to_string();
    assert!(refused.contains("disk_reserve"), "{refused}");
    assert_eq!(house.read_floats("a"), [(T0, 1.0)]);
    house.crash();
    house.store().look_for_room();
    assert_eq!(house.store().refusing(), None);
    house.floats("a", None, &[(T0 + 1, 1.0)]);
}

#[test]
fn a_write_opens_no_more_windows_than_there_may_be() {
    let mut house = House::new();
    house.store.take().unwrap().close();
    let few = Options {
        max_open_windows: 10,
        ..house.options()
    };
    house.store = Some(Store::open(few).unwrap().0);
    let hourly = |hours: std::ops::Range<i64>| -> Vec<(i64, Value)> {
        hours
            .map(|hour| (T0 - hour * HOUR, Value::Float(1.0)))
            .collect()
    };
    let refused = house.try_write("a", None, &hourly(0..20));
    assert!(
        matches!(&refused, Err(StoreError::Full(why)) if why.contains("20 in all")),
        "{refused:?}"
    );
    assert_eq!(house.store().stats().open_windows, 0);
    assert_eq!(house.write("a", None, &hourly(0..8)).stored, 8);
    assert!(house.try_write("b", None, &hourly(8..16)).is_err());
    assert_eq!(house.write("b", None, &hourly(0..8)).stored, 8);
    house.store().flush(house.pass(HOUR)).unwrap();
    assert_eq!(house.write("b", None, &hourly(8..16)).stored, 8);
}

#[test]
fn a_step_of_retention_that_fails_holds_up_none_of_the_others() {
    let mut house = House::new();
    house.store.take().unwrap().close();
    // It cannot be asked, so nothing is purged by it: the store that read it is told so each time.
    let bad = Policy {
        matchers: vec![Matcher::new("host", MatchOp::Regex, "(")],
        raw_ms: HOUR,
        minute_ms: 0,
        hour_ms: 0,
    };
    let options = Options {
        policies: vec![bad],
        minute_ms: 0,
        hour_ms: 0,
        ..house.options()
    };
    house.store = Some(Store::open(options).unwrap().0);
    house.hours_of_samples("old", T0 - HOUR, 1);
    house.sealed();
    house.pass(9 * DAY);
    let now_ms = house.pass(0);
    house.hours_of_samples("new", now_ms - HOUR, 1);
    house.sealed();
    for _ in 0..2 {
        let failed = house.store().drop_expired(house.pass(HOUR)).unwrap_err();
        assert!(
            matches!(failed, StoreError::BadMatcher { .. }),
            "the first is given back: {failed}"
        );
    }
    assert_eq!(house.store().series_named("old"), 0, "it left");
    assert_eq!(house.store().series_named("new"), 1);
}

#[test]
fn a_series_that_was_deleted_before_a_crash_stays_deleted_once_the_journal_is_trimmed() {
    for is_sealed in [true, false] {
        let mut house = House::new();
        house.floats("a", None, &[(T0, 1.0)]);
        if is_sealed {
            house.store().flush(T0).unwrap();
        }
        let gone = house
            .store()
            .find(&SeriesKey::new("a", [("host", "a")]).unwrap());
        // As a deletion of which only the journal's record came to the disk.
        let gone = gone.map(|SeriesId(series)| series).into_iter().collect();
        let removed = house.store().ask(|reply| Command::Remove(gone, reply));
        removed.unwrap().unwrap();
        house.crash();
        assert_eq!(house.recovery.series, 0);
        house.floats("b", None, &[(T0, 2.0)]);
        let sealed = house.store().flush(T0).unwrap();
        assert!(sealed.journal_bytes_freed > 0);
        house.crash();
        assert_eq!(house.recovery.series, 1, "sealed before: {is_sealed}");
        assert!(house.read_floats("a").is_empty());
        let checked = house.checked();
        assert_eq!(checked.named, Vec::<String>::new());
        assert_eq!(house.recovery.damage, Vec::<String>::new());
    }
}
