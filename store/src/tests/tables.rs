//! Damage to RocksDB's own files: its logs, its metadata, its blocks.

use super::damage::flip;
use super::*;

/// In the first block of a table, by its name in RocksDB.
fn flip_table(house: &House, name: &str) {
    let db = house.dir.path().join("db");
    flip(&db.join(name.trim_start_matches('/')), 30);
}

fn files(dir: &std::path::Path, ending: &str) -> Vec<std::path::PathBuf> {
    let found = std::fs::read_dir(dir.join("db")).unwrap();
    let mut found: Vec<_> = found.map(|one| one.unwrap().path()).collect();
    found.retain(|path| path.extension().is_some_and(|end| end == ending));
    found.sort();
    found
}

/// Three windows of a few series, sealed, and the process gone.
fn sealed_and_gone() -> House {
    let mut house = House::new();
    for series in 0..8 {
        let samples: Vec<_> = (0..3).map(|n| (T0 - n * HOUR, f64::from(series))).collect();
        house.floats(&format!("s{series}"), None, &samples);
    }
    assert_eq!(house.store().seal(house.pass(HOUR)).unwrap().windows, 3);
    house.store.take().unwrap().close();
    house
}

#[test]
fn what_is_sealed_does_not_hang_on_rocksdbs_log() {
    type Harm = fn(&std::path::Path);
    let harms: [(&str, Harm); 3] = [
        ("missing", |path| std::fs::remove_file(path).unwrap()),
        ("empty", |path| std::fs::write(path, []).unwrap()),
        ("flipped", |path| {
            let length = std::fs::metadata(path).unwrap().len() as usize;
            if length > 0 {
                flip(path, length / 2);
            }
        }),
    ];
    for (harm, harmed) in harms {
        let mut house = sealed_and_gone();
        files(house.dir.path(), "log")
            .iter()
            .for_each(|path| harmed(path));
        house.start();
        for series in 0..8 {
            assert_eq!(house.read_floats(&format!("s{series}")).len(), 3, "{harm}");
        }
    }
}

#[test]
fn a_store_whose_rocksdb_takes_nothing_more_says_so_and_refuses() {
    let mut house = sealed_and_gone();
    house.start();
    let (db, away) = (house.dir.path().join("db"), house.dir.path().join("away"));
    house.floats("a", None, &[(T0, 1.0)]);
    assert_eq!(
        (house.store().refusing(), house.store().broken()),
        (None, None)
    );
    // The directory is gone under its feet: no table, no log can be made.
    std::fs::rename(&db, &away).unwrap();
    assert!(house.store().flush(house.pass(HOUR)).is_err());
    let _ = house.store().shared.backend.settle();
    std::fs::rename(&away, &db).unwrap();
    house.store().look_for_room();
    let refusing = house.store().refusing().unwrap();
    assert!(refusing.contains("start again"), "{refusing}");
    assert!(house.store().flush(house.pass(HOUR)).is_err());
    let write = Write {
        origin: None,
        chain: None,
        points: Points::default(),
        done: Box::new(|_| {}),
    };
    let refused = house.store().append(write).map_err(|(_, error)| error);
    assert!(matches!(refused, Err(StoreError::Full(_))));
    house.crash();
    assert_eq!(house.store().refusing(), None);
    assert_eq!(house.read_floats("a"), [(T0, 1.0)]);
    assert_eq!(house.read_floats("s3").len(), 3);
    house.store().flush(house.pass(HOUR)).unwrap();
    assert_eq!(house.read_floats("a"), [(T0, 1.0)]);
}

#[test]
fn a_table_that_rocksdb_took_away_again_is_put_back() {
    let mut house = sealed_and_gone();
    // RocksDB unlinks what it cannot take in, though its manifest may name it by then.
    let tables = house.dir.path().join("tables");
    let ours = files(house.dir.path(), "sst");
    let chunks: Vec<_> = ours.iter().take(2).collect();
    for (n, path) in chunks.iter().enumerate() {
        std::fs::rename(path, tables.join(format!("chunks-{n}-1.0.sst"))).unwrap();
    }
    std::fs::write(tables.join("chunks-9-1.0.sst"), b"half made").unwrap();
    house.start();
    for series in 0..8 {
        assert_eq!(house.read_floats(&format!("s{series}")).len(), 3);
    }
    house.store.take().unwrap().close();
    std::fs::remove_file(chunks[0]).unwrap();
    let error = Store::open(house.options()).err().unwrap().to_string();
    assert!(
        error.contains(chunks[0].file_name().unwrap().to_str().unwrap()),
        "{error}"
    );
    assert!(error.contains("restore a backup"), "{error}");
}

#[test]
fn a_log_that_is_damaged_in_its_middle_refuses_the_start_by_name() {
    let mut house = House::new();
    house.floats("a", None, &[(T0, 1.0)]);
    house.store().seal(house.pass(HOUR)).unwrap();
    // Written to the log, and not to tables: what a crash in the middle of a sealing leaves.
    for day in 0..20 {
        let rolled = crate::backend::RolledDay::default();
        house.store().shared.backend.put_day(day, &rolled).unwrap();
    }
    house.store.take().unwrap().close();
    let log = files(house.dir.path(), "log").pop().unwrap();
    let length = std::fs::metadata(&log).unwrap().len() as usize;
    flip(&log, length / 2);
    let error = Store::open(house.options()).err().unwrap().to_string();
    assert!(
        error.contains(log.file_name().unwrap().to_str().unwrap()),
        "{error}"
    );
    assert!(error.contains("restore"), "{error}");
    // Half a record at the end is what a crash leaves.
    flip(&log, length / 2);
    std::fs::OpenOptions::new()
        .write(true)
        .open(&log)
        .unwrap()
        .set_len(length as u64 - 5)
        .unwrap();
    house.start();
    assert_eq!(house.read_floats("a"), [(T0, 1.0)]);
}

#[test]
fn chunks_without_a_series_are_a_problem_unless_it_was_deleted() {
    let mut house = sealed_and_gone();
    house.start();
    let named = |name| [Matcher::new("__name__", MatchOp::Equal, name)];
    house.store().delete(&named("s0")).unwrap();
    house.store.take().unwrap().close();
    let checked = check(house.dir.path()).unwrap();
    assert_eq!(
        (checked.of_deleted, checked.problems),
        (3, 0),
        "{checked:?}"
    );
    house.start();
    house.store().shared.backend.lose_definition(3);
    house.store.take().unwrap().close();
    let checked = check(house.dir.path()).unwrap();
    assert_eq!(
        (checked.of_deleted, checked.problems),
        (3, 1),
        "{checked:?}"
    );
    assert!(
        checked.named[0].starts_with("3 chunks of 1 series"),
        "{checked:?}"
    );
    house.start();
    assert!(house.recovery.damage[0].starts_with("1 series have samples and no name"));
}

/// Days of five series, sealed, rolled up, and the process gone; a block of each table of a tier bad.
fn damaged(tier: crate::backend::Tier) -> House {
    use crate::backend::Tier;
    let mut house = House::new();
    let from = T0.div_euclid(24 * HOUR) * 24 * HOUR - 48 * HOUR;
    for series in 0..5 {
        let samples: Vec<_> = (0..48)
            .map(|n| (from + n * HOUR, f64::from(series)))
            .collect();
        house.floats(&format!("a{series}"), None, &samples);
    }
    let now_ms = house.pass(HOUR);
    house.store().seal(now_ms).unwrap();
    house.store().roll_up(now_ms).unwrap();
    let live = house.store().shared.backend.table_names(tier);
    assert!(live.len() >= if tier == Tier::Raw { 40 } else { 1 });
    house.store.take().unwrap().close();
    // The first block of the first of them.
    flip_table(&house, &live[0]);
    house.start();
    house
}

#[test]
fn a_damaged_block_does_not_stop_retention() {
    for tier in crate::backend::Tier::ALL {
        let house = damaged(tier);
        for days in [1, 8, 40, 400] {
            let now_ms = T0 + days * 24 * HOUR;
            house.now.store(now_ms, Ordering::Relaxed);
            house.floats("new", None, &[(now_ms - 1_000, 1.0)]);
            for _ in 0..2 {
                house.store().drop_expired(now_ms + HOUR).unwrap();
            }
        }
        let left = house.store().shared.backend.any_before(tier, 900_000);
        assert!(!left.unwrap(), "{tier:?}");
        assert_eq!(house.store().broken(), None);
    }
}

#[test]
fn a_damaged_block_does_not_stop_a_purge() {
    let house = damaged(crate::backend::Tier::Raw);
    let named = [Matcher::new("__name__", MatchOp::Equal, "a1")];
    house.store().delete(&named).unwrap();
    house.store().purge_deleted().unwrap();
    assert_eq!(house.store().broken(), None);
    house.floats("new", None, &[(T0, 1.0)]);
    house.store().flush(house.pass(HOUR)).unwrap();
    assert_eq!(house.read_floats("a2").len(), 47);
}

#[test]
fn a_check_names_every_bad_block_and_goes_on() {
    let mut house = damaged(crate::backend::Tier::Raw);
    let live = house
        .store()
        .shared
        .backend
        .table_names(crate::backend::Tier::Raw);
    house.store.take().unwrap().close();
    flip_table(&house, &live[9]);
    let checked = check(house.dir.path()).unwrap();
    let named = |file: &str| checked.named.iter().any(|one| one.contains(file));
    assert!(named(&live[0]) && named(&live[9]), "{checked:?}");
    assert_eq!(checked.chunks[0], 5 * (live.len() as u64 - 2));
}

#[test]
fn a_bad_block_of_series_or_metadata_is_named_at_start_and_by_a_check() {
    for family in ["series", "meta"] {
        let mut house = sealed_and_gone();
        house.start();
        let live = house.store().shared.backend.live_files();
        house.store.take().unwrap().close();
        let (_, table) = live.iter().find(|(of, _)| of == family).unwrap();
        flip_table(&house, table);
        let error = Store::open(house.options()).err().unwrap().to_string();
        assert!(
            error.contains(table) && error.contains("restore a backup"),
            "{error}"
        );
        let checked = check(house.dir.path()).unwrap();
        assert!(
            checked.named.iter().any(|one| one.contains(table)),
            "{checked:?}"
        );
        assert_eq!(checked.chunks[0], 24);
    }
}

#[test]
fn a_directory_of_which_a_part_is_gone_is_refused_with_words() {
    for part in ["db", "db/CURRENT", "journal", "FORMAT"] {
        for is_sealed in [true, false] {
            let mut house = House::new();
            house.floats("a", None, &[(T0, 1.0)]);
            if is_sealed {
                house.store().flush(house.pass(HOUR)).unwrap();
            }
            house.store.take().unwrap().close();
            let (whole, away) = (house.dir.path().join(part), house.dir.path().join("away"));
            std::fs::rename(&whole, &away).unwrap();
            let error = Store::open(house.options()).err().unwrap().to_string();
            assert!(
                error.contains(part) && error.contains("restore a backup"),
                "{error}"
            );
            std::fs::rename(&away, &whole).unwrap();
            house.start();
            assert_eq!(house.read_floats("a"), [(T0, 1.0)], "{part}");
        }
    }
}

#[test]
fn a_backup_may_be_named_by_its_name_alone() {
    let house = House::new();
    house.floats("a", None, &[(T0, 1.0)]);
    let name = format!("weir-backup-of-a-test-{}", std::process::id());
    let copied = house.store().backup(std::path::Path::new(&name));
    let made = verify_backup(std::path::Path::new(&name));
    std::fs::remove_dir_all(&name).unwrap();
    assert_eq!(copied.unwrap(), made.unwrap());
}

#[test]
fn a_check_leaves_the_lock_as_it_was_and_shares_it_with_others_who_look() {
    let mut house = House::new();
    house.floats("a", None, &[(T0, 1.0)]);
    let busy = check(house.dir.path()).unwrap_err().to_string();
    assert!(
        busy.contains(&format!("in use by process {}", std::process::id())),
        "{busy}"
    );
    house.store.take().unwrap().close();
    let lock = house.dir.path().join("LOCK");
    std::fs::write(&lock, "1\n").unwrap();
    let look = crate::lock::look(house.dir.path()).unwrap();
    assert_eq!(look.note, None);
    assert_eq!(check(house.dir.path()).unwrap().named, Vec::<String>::new());
    let busy = Store::open(house.options()).err().unwrap().to_string();
    assert!(busy.contains("a program that checks it"), "{busy}");
    drop(look);
    assert_eq!(std::fs::read_to_string(&lock).unwrap(), "1\n");
    std::fs::remove_file(&lock).unwrap();
    assert!(check(house.dir.path()).unwrap().note.is_some());
    assert!(!lock.exists());
    house.start();
}
