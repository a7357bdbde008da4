//! A store that takes writes before its journal is read back.

use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, mknodat};

use super::*;

/// A started store whose journal is not read back before it is let: its first segment is a pipe, which gives its bytes
/// to the look at the start, and again when it is let go.
struct Held {
    house: House,
    path: PathBuf,
    bytes: Vec<u8>,
    let_go: bool,
}

impl Held {
    fn new(house: House) -> Self {
        Self::with(house, |options| options)
    }

    fn with(mut house: House, set: impl FnOnce(Options) -> Options) -> Self {
        house.store.take().unwrap().close();
        let path = house.dir.path().join("journal/00000001.journal");
        let bytes = std::fs::read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        pour(&path, &bytes);
        house.store = Some(Store::start(set(house.options())).unwrap());
        Self {
            house,
            path,
            bytes,
            let_go: false,
        }
    }

    fn let_go(&mut self) {
        if !std::mem::replace(&mut self.let_go, true) {
            pour(&self.path, &self.bytes);
        }
    }

    fn read_back(&mut self) -> Recovery {
        self.let_go();
        self.house.store().wait_until_read_back().unwrap()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.let_go();
    }
}

/// Fills a pipe once somebody reads it.
fn pour(path: &Path, bytes: &[u8]) {
    let (path, bytes) = (path.to_owned(), bytes.to_owned());
    std::thread::spawn(move || std::fs::write(path, bytes));
}

fn is_starting<T>(result: Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::Starting { percent: 0 }))
}

/// As a kill would leave it, with the pipe a file again.
fn as_killed(held: &Held) -> House {
    let mut copy = House::new();
    copy.store.take().unwrap().close();
    for folder in ["db", "journal"] {
        std::fs::remove_dir_all(copy.dir.path().join(folder)).unwrap();
        std::fs::create_dir(copy.dir.path().join(folder)).unwrap();
        for entry in std::fs::read_dir(held.house.dir.path().join(folder)).unwrap() {
            let from = entry.unwrap().path();
            let to = copy.dir.path().join(folder).join(from.file_name().unwrap());
            if from == held.path {
                std::fs::write(to, &held.bytes).unwrap();
            } else {
                std::fs::copy(from, to).unwrap();
            }
        }
    }
    copy.start();
    copy
}

#[test]
fn a_write_is_acknowledged_before_the_journal_is_read_back_and_the_newest_value_wins() {
    let house = House::new();
    house.floats("a", Some(1), &[(T0, 1.0), (T0 + 10, 2.0)]);
    let mut held = Held::new(house);
    let early = held
        .house
        .floats("a", Some(2), &[(T0, 9.0), (T0 + 20, 3.0)]);
    assert_eq!((early.stored, early.known_batch), (2, false));
    assert_eq!(held.house.store().starting(), Some(0));
    held.house.floats("b", Some(3), &[(T0, 5.0)]);
    assert_eq!(held.read_back().samples, 2);
    assert_eq!(held.house.store().starting(), None);
    let expected = [(T0, 9.0), (T0 + 10, 2.0), (T0 + 20, 3.0)];
    for _ in 0..2 {
        assert_eq!(held.house.read_floats("a"), expected);
        assert_eq!(held.house.read_floats("b"), [(T0, 5.0)]);
        let sealed = held.house.store().seal(held.house.pass(HOUR)).unwrap();
        assert_eq!(sealed.windows, 1);
        assert!(sealed.journal_bytes_freed > 0);
        assert_eq!(held.house.read_floats("a"), expected);
        // Once more, from a journal of files.
        held.house.floats("a", None, &[(T0 + 20, 3.5)]);
        held.house.floats("a", None, &[(T0 + 20, 3.0)]);
        held.house.crash();
    }
}

#[test]
fn a_batch_that_came_early_is_known_before_and_after() {
    let house = House::new();
    house.floats("a", Some(1), &[(T0, 1.0)]);
    let mut held = Held::new(house);
    assert!(held.house.floats("a", Some(1), &[(T0, 7.0)]).known_batch);
    assert_eq!(held.house.floats("a", Some(2), &[(T0 + 1, 2.0)]).stored, 1);
    assert!(
        held.house
            .floats("a", Some(2), &[(T0 + 1, 7.0)])
            .known_batch
    );
    assert_eq!(held.house.store().last_sequence("a", 1), 2);
    held.read_back();
    assert!(
        held.house
            .floats("a", Some(2), &[(T0 + 1, 8.0)])
            .known_batch
    );
    assert_eq!(held.house.read_floats("a"), [(T0, 1.0), (T0 + 1, 2.0)]);
}

#[test]
fn a_kill_after_an_early_acknowledgement_loses_nothing_and_doubles_nothing() {
    let house = House::new();
    house.floats("a", Some(1), &[(T0, 1.0)]);
    let held = Held::new(house);
    held.house.floats("a", Some(2), &[(T0, 4.0), (T0 + 1, 2.0)]);
    held.house.floats("new", Some(3), &[(T0, 3.0)]);
    let house = as_killed(&held);
    assert_eq!(house.recovery.samples, 4);
    assert!(house.floats("a", Some(3), &[(T0, 7.0)]).known_batch);
    assert_eq!(house.read_floats("a"), [(T0, 4.0), (T0 + 1, 2.0)]);
    assert_eq!(house.read_floats("new"), [(T0, 3.0)]);
}

#[test]
fn whatever_is_no_write_waits_for_the_journal() {
    let house = House::new();
    house.floats("a", None, &[(T0, 1.0)]);
    let mut held = Held::new(house);
    let (store, now_ms) = (held.house.store(), held.house.pass(HOUR));
    let all = [Matcher::new("host", MatchOp::Equal, "a")];
    assert!(is_starting(store.select(
        &all,
        0,
        i64::MAX,
        Wish::RAW,
        &NoLimits
    )));
    assert!(is_starting(store.series(&[], 0, i64::MAX, &NoLimits)));
    assert!(is_starting(store.label_names(&[], 0, i64::MAX)));
    assert!(is_starting(store.label_values("host", &[], 0, i64::MAX)));
    assert!(is_starting(store.seal(now_ms)));
    assert!(is_starting(store.flush(now_ms)));
    assert!(is_starting(store.roll_up(now_ms)));
    assert!(is_starting(store.drop_expired(now_ms)));
    assert!(is_starting(store.delete(&all)));
    assert!(is_starting(store.purge_deleted()));
    assert!(is_starting(
        store.backup(&held.house.dir.path().join("copy"))
    ));
    let told = store.seal(now_ms).unwrap_err().to_string();
    assert!(told.contains("starting: 0 % of the journal"), "{told}");
    held.read_back();
    assert_eq!(held.house.store().seal(now_ms).unwrap().windows, 1);
    assert_eq!(held.house.store().delete(&all).unwrap(), 1);
    assert!(held.house.read_floats("a").is_empty());
}

#[test]
fn past_its_bound_a_write_waits_for_the_journal() {
    let house = House::new();
    house.floats("a", None, &[(T0, 1.0)]);
    let mut held = Held::with(house, |options| Options {
        backlog_bytes: 60,
        ..options
    });
    let three = [(T0 + 1, 1.0), (T0 + 2, 2.0), (T0 + 3, 3.0)];
    assert_eq!(held.house.floats("a", None, &three).stored, 3);
    let series = SeriesKey::new("a", [("host", "a")]).unwrap();
    let mut points = Points::default();
    points.push(held.house.store().resolve(&series).unwrap(), T0, 9.0);
    let (send, receive) = channel();
    let write = Write {
        origin: None,
        chain: None,
        points,
        done: Box::new(move |result| send.send(result).unwrap()),
    };
    assert!(held.house.store().append(write).is_ok());
    let waited = receive.recv_timeout(std::time::Duration::from_millis(100));
    assert!(waited.is_err(), "{waited:?}");
    held.read_back();
    // It came after: what it replaced is known again.
    assert_eq!(receive.recv().unwrap().unwrap().replaced, 1);
    assert_eq!(held.house.read_floats("a").len(), 4);
}

#[test]
fn a_store_that_is_stopped_while_it_starts_loses_nothing() {
    let house = House::new();
    house.floats("a", Some(1), &[(T0, 1.0)]);
    let mut held = Held::new(house);
    held.house.floats("a", Some(2), &[(T0 + 1, 2.0)]);
    held.house.store().stop_starting();
    assert_eq!(held.house.floats("a", Some(3), &[(T0 + 2, 3.0)]).stored, 1);
    let refused = held.house.store().wait_until_read_back();
    assert!(matches!(refused, Err(StoreError::Closed)));
    assert!(held.house.store().seal(T0).is_err());
    held.let_go();
    held.house.store.take().unwrap().close();
    std::fs::remove_file(&held.path).unwrap();
    std::fs::write(&held.path, &held.bytes).unwrap();
    held.house.start();
    let expected = [(T0, 1.0), (T0 + 1, 2.0), (T0 + 2, 3.0)];
    assert_eq!(held.house.read_floats("a"), expected);
}

#[test]
fn a_journal_that_cannot_be_read_back_ends_the_store_and_stays() {
    let mut house = House::new();
    house.floats("a", None, &[(T0, 1.0)]);
    house.crash();
    // A second segment, behind the pipe.
    house.floats("a", None, &[(T0 + 1, 2.0)]);
    let mut held = Held::new(house);
    let second = held.house.dir.path().join("journal/00000002.journal");
    let bytes = std::fs::read(&second).unwrap();
    std::fs::remove_file(&second).unwrap();
    held.let_go();
    let refused = held.house.store().wait_until_read_back().unwrap_err();
    assert!(refused.to_string().contains("00000002"), "{refused}");
    held.house.store.take().unwrap().close();
    std::fs::remove_file(&held.path).unwrap();
    std::fs::write(&held.path, &held.bytes).unwrap();
    std::fs::write(&second, bytes).unwrap();
    held.house.start();
    assert_eq!(held.house.read_floats("a").len(), 2);
}
