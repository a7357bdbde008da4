//! Rollups whose samples go: late ones, short retention, settings that change, clocks that go back.

use super::*;

const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * HOUR;
/// Midnight.
const FROM: i64 = T0 - T0 % DAY;

impl House {
    fn again(&mut self, change: impl FnOnce(&mut Options)) {
        if let Some(store) = self.store.take() {
            store.close();
        }
        let mut options = self.options();
        change(&mut options);
        let (store, recovery) = Store::open(options).unwrap();
        (self.store, self.recovery) = (Some(store), recovery);
    }

    /// What upkeep does, at a time.
    fn tend_at(&self, now_ms: i64) {
        self.now.store(now_ms, Ordering::Relaxed);
        self.store().relieve(now_ms).unwrap();
        self.store().seal(now_ms).unwrap();
        self.store().roll_up(now_ms).unwrap();
        self.store().drop_expired(now_ms).unwrap();
    }

    /// A sample a minute.
    fn minutes_of_samples(&self, name: &str, from_ms: i64, minutes: i64) {
        let samples: Vec<_> = (0..minutes).map(|n| (from_ms + n * MINUTE, 1.0)).collect();
        assert_eq!(self.floats(name, None, &samples).stored, minutes as u64);
    }

    fn points(&self, name: &str, spacing_ms: i64) -> usize {
        let wish = Wish {
            aspect: Aspect::Last,
            spacing_ms,
        };
        let matcher = Matcher::new("__name__", MatchOp::Equal, name);
        let found = self
            .store()
            .select(&[matcher], 0, i64::MAX, wish, &NoLimits)
            .unwrap();
        found.series.iter().map(|one| one.columns.len()).sum()
    }

    /// How many chunks of points are what the samples give.
    fn checked_points(&mut self) -> u64 {
        self.store.take().unwrap().close();
        let checked = check(self.dir.path()).unwrap();
        assert_eq!(checked.named, Vec::<String>::new());
        self.start();
        checked.compared
    }

    fn counted_between(&self, name: &str, (from_ms, to_ms): (i64, i64), spacing_ms: i64) -> f64 {
        let matcher = Matcher::new("__name__", MatchOp::Equal, name);
        let wish = Wish {
            aspect: Aspect::Count,
            spacing_ms,
        };
        let found = self
            .store()
            .select(&[matcher], from_ms, to_ms, wish, &NoLimits)
            .unwrap();
        let values = found.series.iter().flat_map(|one| &one.columns.values);
        values.sum()
    }

    /// How many samples there are by the points of a minute, by those of an hour, and by the samples.
    fn counted(&self, name: &str) -> [f64; 3] {
        [MINUTE, HOUR, 0].map(|spacing_ms| self.counted_between(name, (0, i64::MAX), spacing_ms))
    }

    /// Turns a bit of the first table.
    fn damage_first_table(&mut self) {
        self.store.take().unwrap().close();
        let files = std::fs::read_dir(self.dir.path().join("db")).unwrap();
        let files = files.map(|entry| entry.unwrap().path());
        let tables = files.filter(|path| path.extension().is_some_and(|end| end == "sst"));
        let first = tables.min().unwrap();
        let mut bytes = std::fs::read(&first).unwrap();
        bytes[30] ^= 1;
        std::fs::write(&first, bytes).unwrap();
        self.start();
    }
}

/// FAULTS 18.
#[test]
fn a_late_sample_of_a_day_that_is_half_gone_keeps_the_points_of_the_other_half() {
    let house = House::new();
    house.now.store(FROM + DAY, Ordering::Relaxed);
    house.minutes_of_samples("a", FROM, 24 * 60);
    house.tend_at(FROM + DAY + HOUR);
    let noon = FROM + 7 * DAY + 12 * HOUR;
    house.now.store(noon, Ordering::Relaxed);
    house.floats("b", None, &[(noon - 1000, 1.0)]);
    house.tend_at(noon + HOUR);
    assert_eq!(house.counted("a"), [1_440.0; 3]);
    let late = (FROM + 20 * HOUR + 30_000, 1.0);
    assert_eq!(house.floats("a", None, &[late]).stored, 1);
    house.tend_at(noon + 2 * HOUR);
    house.tend_at(noon + 3 * HOUR);
    assert_eq!(house.counted("a"), [1_441.0; 3]);
}

#[test]
fn points_outlive_damage_to_their_samples_when_the_day_is_made_again() {
    let mut house = House::new();
    let from = FROM - 2 * DAY;
    house.minutes_of_samples("a", from, 24 * 60);
    house.tend_at(T0);
    house.damage_first_table();
    assert_eq!(house.counted("a")[0], 1_440.0);
    house.floats("a", None, &[(from + 12 * HOUR + 500, 1.0)]);
    house.tend_at(T0 + HOUR);
    assert_eq!(house.counted("a")[..2], [1_441.0; 2]);
}

/// Written hour by hour, with upkeep after each.
fn a_day_of_short_raw(house: &House, names: &[&str]) {
    for hour in 0..24 {
        let from_ms = FROM + hour * HOUR;
        house.now.store(from_ms + HOUR, Ordering::Relaxed);
        for name in names {
            house.minutes_of_samples(name, from_ms, 60);
        }
        house.tend_at(from_ms + HOUR);
    }
    for name in names {
        assert_eq!(house.counted(name), [1_440.0; 3], "{name}, not over yet");
    }
    for hour in 25..28 {
        house.tend_at(FROM + hour * HOUR);
    }
    for name in names {
        assert_eq!(house.counted(name), [1_440.0; 3], "{name}, rolled up");
    }
}

fn policy(raw_ms: i64, minute_ms: i64) -> Policy {
    Policy {
        matchers: vec![Matcher::new("__name__", MatchOp::Equal, "a")],
        raw_ms,
        minute_ms,
        hour_ms: 365 * DAY,
    }
}

#[test]
fn a_day_is_read_from_its_samples_until_it_is_rolled_up_however_short_they_are_kept() {
    let mut house = House::new();
    house.again(|options| options.raw_ms = 2 * HOUR);
    a_day_of_short_raw(&house, &["a"]);
}

#[test]
fn a_policy_of_short_raw_samples_takes_none_that_are_not_rolled_up() {
    let mut house = House::new();
    house.again(|options| options.policies = vec![policy(2 * HOUR, 30 * DAY)]);
    a_day_of_short_raw(&house, &["a", "b"]);
    house.again(|_| {});
    let raw = |name| house.counted(name)[2];
    assert_eq!(raw("b"), 1_440.0);
    assert!(raw("a") < 300.0, "{} are left of the samples", raw("a"));
}

#[test]
fn samples_of_a_time_that_was_dropped_are_kept_once_it_is_kept_again() {
    let mut house = House::new();
    house.again(|options| options.raw_ms = DAY);
    house.minutes_of_samples("a", T0 - 20 * HOUR, 60);
    house.tend_at(T0);
    house.now.store(T0 + 2 * DAY, Ordering::Relaxed);
    house.floats("a", None, &[(T0 + 2 * DAY - 1000, 1.0)]);
    for hour in 0..3 {
        house.tend_at(T0 + 2 * DAY + hour * HOUR);
    }
    house.again(|options| options.raw_ms = 7 * DAY);
    let old = T0 - 20 * HOUR - DAY;
    house.minutes_of_samples("b", old, 100);
    assert_eq!(house.counted("b"), [100.0; 3]);
    house.again(|options| options.raw_ms = 7 * DAY);
    assert_eq!(house.counted("b"), [100.0; 3], "after a crash");
    assert_eq!(house.recovery.orphans, 0);
    let between = (T0 - 20 * HOUR, T0 - 19 * HOUR - 1);
    assert_eq!(
        house.counted_between("a", between, 0),
        60.0,
        "points are found in between"
    );
    for hour in 4..7 {
        house.tend_at(T0 + 2 * DAY + hour * HOUR);
    }
    house.again(|options| options.raw_ms = 7 * DAY);
    assert_eq!(house.counted("b"), [100.0; 3], "rolled up");
}

/// FAULTS 22.
#[test]
fn a_clock_that_was_ahead_for_a_while_costs_nothing_of_what_comes_then() {
    let mut house = House::new();
    house.minutes_of_samples("a", T0 - HOUR, 60);
    let ahead = T0 + 10 * DAY;
    house.now.store(ahead, Ordering::Relaxed);
    house.floats("a", None, &[(ahead, 1.0)]);
    for hour in 0..3 {
        house.tend_at(ahead + hour * HOUR);
    }
    house.now.store(T0 + HOUR, Ordering::Relaxed);
    house.minutes_of_samples("b", T0, 60);
    house.minutes_of_samples("a", T0, 60);
    house.crash();
    assert_eq!(house.counted("b"), [60.0; 3], "after a crash");
    house.tend_at(T0 + 2 * HOUR);
    assert_eq!(house.counted("b"), [60.0; 3], "sealed, the day is not over");
    assert_eq!(house.counted("a")[..2], [120.0 + 1.0; 2]);
    house.tend_at(FROM + DAY + HOUR);
    assert_eq!(house.counted("b"), [60.0; 3], "rolled up");
}

#[test]
fn points_that_were_off_are_made_of_what_is_stored_once_they_are_on() {
    let mut house = House::new();
    house.again(|options| options.minute_ms = 0);
    house.minutes_of_samples("a", FROM - 2 * DAY, 24 * 60);
    house.tend_at(T0);
    let points = |house: &House, spacing_ms| house.points("a", spacing_ms);
    assert_eq!((points(&house, MINUTE), points(&house, HOUR)), (1_440, 24));
    house.again(|_| {});
    assert_eq!(house.counted("a"), [1_440.0; 3], "before they are made");
    house.tend_at(T0);
    assert_eq!(house.counted("a"), [1_440.0; 3]);
    assert_eq!(house.checked_points(), 2, "of a minute and of an hour");
    // Off and on again: those that were dropped are made again.
    house.again(|options| options.minute_ms = 0);
    house.tend_at(T0);
    house.again(|_| {});
    house.tend_at(T0);
    assert_eq!(house.checked_points(), 2);
    assert_eq!(house.counted("a"), [1_440.0; 3]);
}

#[test]
fn points_that_were_off_are_not_missed_where_no_samples_are_left() {
    let mut house = House::new();
    house.again(|options| options.minute_ms = 0);
    house.minutes_of_samples("a", FROM - 2 * DAY, 24 * 60);
    house.tend_at(T0);
    let later = T0 + 10 * DAY;
    house.now.store(later, Ordering::Relaxed);
    house.floats("b", None, &[(later - 1000, 1.0)]);
    house.tend_at(later + HOUR);
    house.again(|_| {});
    house.tend_at(later + HOUR);
    assert_eq!(house.counted("a"), [1_440.0; 3]);
    assert_eq!(house.points("a", MINUTE), 24, "by the hour");
}

#[test]
fn samples_of_a_store_that_made_no_points_are_rolled_up_before_they_go() {
    let mut house = House::new();
    house.again(|options| (options.minute_ms, options.hour_ms) = (0, 0));
    house.minutes_of_samples("a", FROM - 2 * DAY, 24 * 60);
    house.tend_at(T0);
    house.again(|_| {});
    house.tend_at(T0);
    let later = T0 + 10 * DAY;
    house.now.store(later, Ordering::Relaxed);
    house.floats("b", None, &[(later - 1000, 1.0)]);
    house.tend_at(later + HOUR);
    house.tend_at(later + 2 * HOUR);
    assert_eq!(house.counted("a"), [1_440.0; 3]);
    assert_eq!(house.points("a", 0), 1_440);
}

#[test]
fn days_whose_points_have_gone_are_not_made_again_by_a_restart() {
    let mut house = House::new();
    house.again(|options| options.minute_ms = 2 * DAY);
    house.minutes_of_samples("a", FROM - 5 * DAY, 24 * 60);
    house.floats("a", None, &[(T0 - 2 * HOUR, 1.0)]);
    house.tend_at(T0);
    house.again(|options| options.minute_ms = 2 * DAY);
    assert_eq!(house.store().roll_up(T0).unwrap(), 0);
    assert_eq!(
        house.points("a", MINUTE),
        1_441,
        "of samples, which are there"
    );
}

/// FAULTS 18.
#[test]
fn a_sample_is_too_old_by_the_time_that_its_series_is_kept() {
    let mut house = House::new();
    let policies = || vec![policy(30 * DAY, 30 * DAY)];
    house.again(|options| options.policies = policies());
    let old = [(T0 - 31 * DAY, 1.0), (T0 - 10 * DAY, 2.0), (T0, 3.0)];
    let stored = |written: Written| (written.stored, written.too_old);
    assert_eq!(stored(house.floats("a", None, &old)), (2, 1));
    assert_eq!(stored(house.floats("b", None, &old)), (1, 2));
    assert_eq!(house.read_floats("a"), old[1..]);
    for hour in 1..4 {
        house.tend_at(T0 + hour * HOUR);
    }
    house.again(|options| options.policies = policies());
    assert_eq!(house.counted("a"), [2.0; 3]);
    assert_eq!(house.counted("b"), [1.0; 3]);
}
