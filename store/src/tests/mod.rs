use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc::channel;

use proptest::prelude::*;
use weir_wire::{Histogram, MatchOp, Matcher, Sample, SeriesKey, Value};

use crate::*;

mod damage;
mod full_disk;
mod grouped;
mod keeping;
mod leaving;
mod limits;
mod rolling;
mod starting;
mod tables;

const T0: i64 = 1_700_000_000_000;

struct NoLimits;

impl Limits for NoLimits {
    fn series(&self, _: u64) -> Result<(), Limit> {
        Ok(())
    }
    fn samples(&self, _: u64) -> Result<(), Limit> {
        Ok(())
    }
}

struct House {
    dir: tempfile::TempDir,
    now: Arc<AtomicI64>,
    store: Option<Store>,
    recovery: Recovery,
}

impl House {
    fn new() -> Self {
        let (dir, now) = (tempfile::tempdir().unwrap(), Arc::new(AtomicI64::new(T0)));
        let mut house = House {
            dir,
            now,
            store: None,
            recovery: Recovery::default(),
        };
        house.start();
        house
    }

    fn options(&self) -> Options {
        let now = Arc::clone(&self.now);
        let clock: Clock = Arc::new(move || now.load(Ordering::Relaxed));
        Options {
            segment_bytes: 4_096,
            ..Options::new(self.dir.path().to_owned(), clock)
        }
    }

    fn start(&mut self) {
        let (store, recovery) = Store::open(self.options()).unwrap();
        (self.store, self.recovery) = (Some(store), recovery);
    }

    /// Stops as a crash would: nothing is flushed; acknowledged writes are on disk by promise.
    fn crash(&mut self) {
        let store = self.store.take().unwrap();
        store.close();
        drop(store);
        self.start();
    }

    fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    fn write(&self, name: &str, sequence: Option<u64>, samples: &[(i64, Value)]) -> Written {
        self.try_write(name, sequence, samples).unwrap()
    }

    fn try_write(
        &self,
        name: &str,
        sequence: Option<u64>,
        samples: &[(i64, Value)],
    ) -> Result<Written, StoreError> {
        let series = self
            .store()
            .resolve(&SeriesKey::new(name, [("host", "a")]).unwrap())
            .unwrap();
        let mut points = Points::default();
        for (timestamp_ms, value) in samples {
            let sample = Sample {
                timestamp_ms: *timestamp_ms,
                value: value.clone(),
            };
            points.push_sample(series, &sample);
        }
        let (send, receive) = channel();
        let write = Write {
            origin: sequence.map(|sequence| Origin {
                agent: "a".into(),
                boot: 1,
                sequence,
            }),
            chain: None,
            points,
            done: Box::new(move |result| send.send(result).unwrap()),
        };
        assert!(self.store().append(write).is_ok());
        receive.recv().unwrap()
    }

    fn floats(&self, name: &str, sequence: Option<u64>, samples: &[(i64, f64)]) -> Written {
        let samples: Vec<_> = samples
            .iter()
            .map(|(t, v)| (*t, Value::Float(*v)))
            .collect();
        self.write(name, sequence, &samples)
    }

    fn read(&self, name: &str) -> Vec<(i64, Value)> {
        let matcher = Matcher::new("__name__", MatchOp::Equal, name);
        let found = self
            .store()
            .select(&[matcher], 0, i64::MAX, Wish::RAW, &NoLimits)
            .unwrap();
        found
            .series
            .into_iter()
            .flat_map(|s| s.columns.samples())
            .map(|s| (s.timestamp_ms, s.value))
            .collect()
    }

    fn read_floats(&self, name: &str) -> Vec<(i64, f64)> {
        let float = |value| match value {
            Value::Float(value) => value,
            Value::Histogram(_) => panic!("a histogram"),
        };
        self.read(name)
            .into_iter()
            .map(|(t, v)| (t, float(v)))
            .collect()
    }

    fn pass(&self, ms: i64) -> i64 {
        self.now.fetch_add(ms, Ordering::Relaxed) + ms
    }
}

/// The writer must not outlive the test: RocksDB's statics go when the process ends.
impl Drop for House {
    fn drop(&mut self) {
        if let Some(store) = &self.store {
            store.close();
        }
    }
}

const HOUR: i64 = 3_600_000;

#[test]
fn acknowledged_samples_are_there_after_a_crash_before_and_after_sealing() {
    let mut house = House::new();
    house.floats("a", None, &[(T0, 1.0), (T0 + 10_000, 2.0)]);
    house.crash();
    assert_eq!(house.recovery.samples, 2);
    let expected = [(T0, 1.0), (T0 + 10_000, 2.0)];
    assert_eq!(house.read_floats("a"), expected);
    let sealed = house.store().seal(house.pass(HOUR)).unwrap();
    assert_eq!((sealed.windows, sealed.samples), (1, 2));
    assert!(sealed.journal_bytes_freed > 0);
    assert_eq!(house.store().stats().head_samples, 0);
    assert_eq!(house.read_floats("a"), expected);
    house.crash();
    assert_eq!(house.recovery.samples, 0, "what is sealed is not replayed");
    assert_eq!(house.read_floats("a"), expected);
}

#[test]
fn readers_miss_nothing_while_windows_are_sealed() {
    let house = House::new();
    let samples: Vec<_> = (0..40)
        .map(|n| (T0 - n * HOUR / 2, n as f64))
        .rev()
        .collect();
    for name in ["a", "b", "c"] {
        house.floats(name, None, &samples);
    }
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            house.store().seal(house.pass(HOUR)).unwrap();
            done.store(true, Ordering::Release);
        });
        loop {
            let last = done.load(Ordering::Acquire);
            let matcher = Matcher::new("host", MatchOp::Equal, "a");
            let found = house
                .store()
                .select(&[matcher], 0, i64::MAX, Wish::RAW, &NoLimits)
                .unwrap();
            let lengths: Vec<_> = found.series.iter().map(|one| one.columns.len()).collect();
            assert_eq!(lengths, [40, 40, 40]);
            if last {
                break;
            }
        }
    });
}

#[test]
fn a_batch_sent_again_changes_nothing_even_after_sealing_and_crash() {
    let mut house = House::new();
    assert_eq!(house.floats("a", Some(1), &[(T0, 1.0)]).stored, 1);
    assert!(house.floats("a", Some(1), &[(T0, 1.0)]).known_batch);
    house.store().seal(house.pass(HOUR)).unwrap();
    house.crash();
    assert_eq!(house.store().last_sequence("a", 1), 1);
    assert!(house.floats("a", Some(1), &[(T0, 7.0)]).known_batch);
    assert_eq!(house.floats("a", Some(2), &[(T0 + HOUR, 2.0)]).stored, 1);
    assert_eq!(house.read_floats("a"), [(T0, 1.0), (T0 + HOUR, 2.0)]);
}

/// FAULTS 18, 19.
#[test]
fn late_samples_join_a_sealed_window_and_the_last_to_come_wins() {
    let mut house = House::new();
    house.floats("a", None, &[(T0, 1.0), (T0 + 20_000, 3.0)]);
    let now = house.pass(HOUR);
    house.store().seal(now).unwrap();
    let late = house.floats("a", None, &[(T0 + 10_000, 2.0), (T0 + 20_000, 4.0)]);
    assert_eq!(late.stored, 2);
    let expected = [(T0, 1.0), (T0 + 10_000, 2.0), (T0 + 20_000, 4.0)];
    assert_eq!(house.read_floats("a"), expected);
    house.crash();
    assert_eq!(house.read_floats("a"), expected);
    assert_eq!(house.store().seal(house.pass(HOUR)).unwrap().windows, 1);
    house.crash();
    assert_eq!(house.recovery.samples, 0);
    assert_eq!(house.read_floats("a"), expected);
}

/// FAULTS 17, 18, 19.
#[test]
fn too_early_and_too_old_are_counted_and_move_nothing() {
    let house = House::new();
    let written = house.floats(
        "a",
        None,
        &[
            (T0 + HOUR, 1.0),
            (T0 - 8 * 24 * HOUR, 1.0),
            (-5, 1.0),
            (T0, 1.0),
        ],
    );
    assert_eq!(
        (written.too_early, written.too_old, written.stored),
        (1, 2, 1)
    );
    let again = house.floats("a", None, &[(T0, 1.0), (T0, 2.0)]);
    assert_eq!((again.duplicate, again.replaced), (1, 1));
    assert_eq!(house.read_floats("a"), [(T0, 2.0)]);
    assert_eq!(house.store().stats().open_windows, 1);
    let newest_ms = house.store().newest_ms(i64::MAX).unwrap();
    assert!(
        (T0..T0 + HOUR).contains(&newest_ms),
        "retention counts from it"
    );
}

/// FAULTS 23: neither the end of 32 bits nor a leap second is a time like no other.
#[test]
fn samples_over_2038_and_a_leap_second_are_stored_and_sealed() {
    for edge_s in [1_483_228_800, 1_i64 << 31, 1_i64 << 32] {
        let mut house = House::new();
        let from = edge_s * 1_000 - HOUR;
        house.now.store(from + 2 * HOUR, Ordering::Relaxed);
        let samples: Vec<_> = (0..7_200)
            .map(|second| (from + second * 1_000, second as f64))
            .collect();
        assert_eq!(house.floats("a", None, &samples).stored, 7_200);
        house.store().seal(house.pass(HOUR)).unwrap();
        house.store().drop_expired(house.pass(0)).unwrap();
        house.crash();
        assert_eq!(house.read_floats("a"), samples, "{edge_s}");
    }
}

#[test]
fn histograms_come_back_from_head_and_table() {
    let mut house = House::new();
    let mut histogram = Histogram::new();
    histogram.record(12.5, 4).unwrap();
    let value = Value::Histogram(Arc::new(histogram));
    house.write("t", None, &[(T0, value.clone())]);
    house.crash();
    assert_eq!(house.read("t"), [(T0, value.clone())]);
    house.store().seal(house.pass(HOUR)).unwrap();
    assert_eq!(house.read("t"), [(T0, value)]);
}

#[test]
fn a_second_store_on_the_directory_is_told_who_holds_it() {
    let house = House::new();
    let refused = Store::open(house.options()).err().unwrap().to_string();
    assert!(
        refused.contains(&format!("process {}", std::process::id())),
        "{refused}"
    );
}

#[test]
fn another_window_or_a_format_from_the_future_is_refused() {
    let mut house = House::new();
    house.store.take().unwrap().close();
    let other = Options {
        window_ms: 60_000,
        ..house.options()
    };
    let refused = Store::open(other).err().unwrap().to_string();
    assert!(refused.contains("1800000 ms, not 60000"), "{refused}");
    std::fs::write(house.dir.path().join("FORMAT"), "9\n1\n").unwrap();
    let refused = Store::open(house.options()).err().unwrap().to_string();
    assert!(
        refused.contains("format 9") && refused.contains("reads 2"),
        "{refused}"
    );
}

/// FAULTS 22.
#[test]
fn retention_follows_the_newest_sample_not_a_clock_that_jumped() {
    let mut house = House::new();
    house.floats("a", None, &[(T0, 1.0)]);
    house.store().seal(house.pass(HOUR)).unwrap();
    house.store().drop_expired(T0 + 30 * 24 * HOUR).unwrap();
    assert_eq!(house.read_floats("a").len(), 1, "a jump deletes nothing");
    let now = house.pass(8 * 24 * HOUR);
    house.floats("a", None, &[(now, 2.0)]);
    assert_eq!(house.store().roll_up(now).unwrap(), 1);
    house.store().drop_expired(now).unwrap();
    let by_the_minute = [(T0, 1.0), (now, 2.0)];
    assert_eq!(
        house.read_floats("a"),
        by_the_minute,
        "the point of a minute is kept longer"
    );
    house.crash();
    assert_eq!(house.read_floats("a"), by_the_minute);
}

/// FAULTS 22: what is written by a clock that is a year ahead takes nothing with it, since retention is asked for a time that
/// goes no faster than time does.
#[test]
fn a_sample_of_a_clock_a_year_ahead_deletes_nothing() {
    const DAY: i64 = 24 * HOUR;
    let house = House::new();
    house.floats("a", None, &[(T0 - 6 * DAY, 1.0), (T0, 2.0)]);
    let jumped = house.pass(365 * DAY);
    house.floats("up", None, &[(jumped, 1.0)]);
    house.store().seal(jumped).unwrap();
    house.store().roll_up(jumped).unwrap();
    house.store().drop_expired(T0 + 15_000).unwrap();
    // The clock is set right, and all is there: meanwhile reads went by the newest sample.
    let now = house.pass(-365 * DAY) + 30_000;
    house.floats("a", None, &[(now, 3.0)]);
    house.store().drop_expired(now).unwrap();
    let kept = [(T0 - 6 * DAY, 1.0), (T0, 2.0), (now, 3.0)];
    assert_eq!(house.read_floats("a"), kept);
}

#[test]
fn a_limit_stops_a_read() {
    struct Few;
    impl Limits for Few {
        fn series(&self, _: u64) -> Result<(), Limit> {
            Ok(())
        }
        fn samples(&self, count: u64) -> Result<(), Limit> {
            if count > 1 {
                Err("enough".into())
            } else {
                Ok(())
            }
        }
    }
    let house = House::new();
    house.floats("a", None, &[(T0, 1.0), (T0 + 1, 1.0)]);
    let stopped = house
        .store()
        .select(&[], 0, i64::MAX, Wish::RAW, &Few)
        .unwrap_err();
    assert!(matches!(stopped, StoreError::Stopped(why) if why.to_string() == "enough"));
}

#[test]
fn a_journal_that_fails_refuses_the_session_and_goes_on_by_itself() {
    let mut house = House::new();
    let (journal, away) = (
        house.dir.path().join("journal"),
        house.dir.path().join("away"),
    );
    let (session, next_session) = (Chain::default(), Chain::default());
    let send = |house: &House, chain: &Chain, name: &str, sequence: u64| {
        let series = house
            .store()
            .resolve(&SeriesKey::bare(name).unwrap())
            .unwrap();
        let mut points = Points::default();
        points.push(series, T0, 1.0);
        let (send, receive) = channel();
        let write = Write {
            origin: Some(Origin {
                agent: "a".into(),
                boot: 1,
                sequence,
            }),
            chain: Some(chain.clone()),
            points,
            done: Box::new(move |result| send.send(result).unwrap()),
        };
        assert!(house.store().append(write).is_ok());
        receive.recv().unwrap()
    };
    // The first group starts the first segment: without its folder that fails.
    std::fs::rename(&journal, &away).unwrap();
    assert!(send(&house, &session, "one", 1).is_err());
    std::fs::rename(&away, &journal).unwrap();
    assert!(
        send(&house, &session, "two", 2).is_err(),
        "2 must not overtake 1"
    );
    assert_eq!(house.store().last_sequence("a", 1), 0);
    assert!(send(&house, &next_session, "one", 1).is_ok());
    assert!(send(&house, &next_session, "two", 2).is_ok());
    house.crash();
    assert_eq!(
        house.recovery.orphans, 0,
        "definitions of the refused group came with the next"
    );
    assert_eq!(
        (
            house.read_floats("one").len(),
            house.read_floats("two").len()
        ),
        (1, 1)
    );
}

#[derive(Debug, Clone)]
enum Step {
    Write {
        series: u8,
        at: i64,
        value: i32,
    },
    Seal,
    Crash,
    /// A write that may come before the journal is read back.
    CrashAndWrite {
        series: u8,
        at: i64,
        value: i32,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..3u8, 0..40i64, 0..5i32).prop_map(|(series, at, value)| Step::Write { series, at, value }),
        1 => Just(Step::Seal),
        1 => Just(Step::Crash),
        1 => (0..3u8, 0..40i64, 0..5i32).prop_map(|(series, at, value)| Step::CrashAndWrite { series, at, value }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn the_store_is_a_map(steps in prop::collection::vec(step(), 1..40)) {
        let mut house = House::new();
        let mut model: BTreeMap<u8, BTreeMap<i64, f64>> = BTreeMap::new();
        for step in steps {
            match step {
                Step::Write { series, at, value } => {
                    // Six minutes apart: a few windows, written in any order.
                    let at = T0 - at * 360_000;
                    house.floats(&format!("s{series}"), None, &[(at, f64::from(value))]);
                    model.entry(series).or_default().insert(at, f64::from(value));
                }
                Step::Seal => {
                    house.store().seal(house.pass(HOUR)).unwrap();
                }
                Step::Crash => house.crash(),
                Step::CrashAndWrite { series, at, value } => {
                    house.store.take().unwrap().close();
                    house.store = Some(Store::start(house.options()).unwrap());
                    let at = T0 - at * 360_000;
                    house.floats(&format!("s{series}"), None, &[(at, f64::from(value))]);
                    model.entry(series).or_default().insert(at, f64::from(value));
                    house.store().wait_until_read_back().unwrap();
                }
            }
        }
        for series in 0..3 {
            let expected: Vec<_> = model.remove(&series).unwrap_or_default().into_iter().collect();
            prop_assert_eq!(house.read_floats(&format!("s{series}")), expected);
        }
    }
}
