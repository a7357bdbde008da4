//! Starting on a disk that is full: a small file system of the test's own. Mounting one needs root; without it these
//! tests say that they look at nothing.

use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use super::*;

const DISK: &str = "size=48m";
const FILLER: &str = "filler";

/// A store on a file system of its own.
struct Full {
    house: House,
}

impl Full {
    fn new() -> Option<Self> {
        let (dir, now) = (tempfile::tempdir().unwrap(), Arc::new(AtomicI64::new(T0)));
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", DISK, "tmpfs"]);
        if !mount.arg(dir.path()).status().is_ok_and(|it| it.success()) {
            eprintln!("no file system could be mounted: nothing is looked at");
            return None;
        }
        let house = House {
            dir,
            now,
            store: None,
            recovery: Recovery::default(),
        };
        let mut full = Self { house };
        full.start().unwrap();
        Some(full)
    }

    fn start(&mut self) -> Result<(), StoreError> {
        let options = Options {
            disk_reserve_bytes: 8 << 20,
            ..self.house.options()
        };
        let (store, recovery) = Store::open(options)?;
        (self.house.store, self.house.recovery) = (Some(store), recovery);
        Ok(())
    }

    fn stop(&mut self) {
        self.house.store.take().unwrap().close();
    }

    fn filler(&self) -> std::path::PathBuf {
        self.house.dir.path().join(FILLER)
    }
}

impl Drop for Full {
    fn drop(&mut self) {
        if let Some(store) = self.house.store.take() {
            store.close();
        }
        let umount = Command::new("umount")
            .arg("-l")
            .arg(self.house.dir.path())
            .status();
        assert!(umount.is_ok());
    }
}

/// To the last byte.
fn fill(path: &Path) {
    let mut file = std::fs::File::create(path).unwrap();
    for bytes in [1 << 16, 1] {
        let zeros = vec![0; bytes];
        while file.write_all(&zeros).is_ok() {}
    }
}

#[test]
fn a_store_on_a_full_disk_is_read_and_goes_on_by_itself_once_there_is_room() {
    let Some(mut full) = Full::new() else {
        return;
    };
    full.house.floats("a", Some(1), &[(T0, 1.0)]);
    full.house.store().flush(T0).unwrap();
    full.house.floats("a", Some(2), &[(T0 + 1, 2.0)]);
    full.house.floats("b", Some(3), &[(T0, 3.0)]);
    full.stop();
    fill(&full.filler());
    for _ in 0..2 {
        full.start().unwrap();
        let house = &full.house;
        assert!(house.store().shared.backend.is_only_read());
        assert_eq!(house.read_floats("a"), [(T0, 1.0), (T0 + 1, 2.0)]);
        assert_eq!(house.read_floats("b"), [(T0, 3.0)]);
        house.store().look_for_room();
        let why = house.store().refusing().unwrap();
        assert!(why.contains("the disk is full"), "{why}");
        let refused = house.store().flush(T0).unwrap_err();
        assert!(matches!(refused, StoreError::Full(_)), "{refused}");
        full.stop();
    }
    full.start().unwrap();
    std::fs::remove_file(full.filler()).unwrap();
    full.house.store().look_for_room();
    assert!(full.house.store().refusing().is_some(), "upkeep opens it");
    assert_eq!(full.house.store().relieve(T0).unwrap().windows, 0);
    full.house.store().seal(T0).unwrap();
    full.house.store().look_for_room();
    assert_eq!(full.house.store().refusing(), None);
    assert!(full.house.floats("b", Some(3), &[(T0, 9.0)]).known_batch);
    full.house.floats("c", Some(4), &[(T0, 4.0)]);
    assert_eq!(full.house.store().flush(T0).unwrap().windows, 1);
    for _ in 0..2 {
        let house = &full.house;
        assert_eq!(house.read_floats("a"), [(T0, 1.0), (T0 + 1, 2.0)]);
        assert_eq!(house.read_floats("b"), [(T0, 3.0)]);
        assert_eq!(house.read_floats("c"), [(T0, 4.0)]);
        full.stop();
        let checked = check(full.house.dir.path()).unwrap();
        assert_eq!(checked.named, Vec::<String>::new());
        full.start().unwrap();
    }
}

#[test]
fn however_little_room_is_left_a_store_is_read_and_goes_on() {
    for left in [4 << 10, 40 << 10, 400 << 10, 2 << 20, 5 << 20, 6 << 20] {
        let Some(mut full) = Full::new() else {
            return;
        };
        full.house.floats("a", None, &[(T0, 1.0)]);
        full.house.store().flush(T0).unwrap();
        full.house.floats("a", None, &[(T0 + 1, 2.0)]);
        full.stop();
        fill(&full.filler());
        let file = std::fs::OpenOptions::new().write(true).open(full.filler());
        let file = file.unwrap();
        file.set_len(file.metadata().unwrap().len() - left).unwrap();
        drop(file);
        for _ in 0..3 {
            full.start().unwrap();
            let house = &full.house;
            assert_eq!(house.read_floats("a"), [(T0, 1.0), (T0 + 1, 2.0)], "{left}");
            house.store().look_for_room();
            assert!(house.store().refusing().is_some());
            let _ = house.store().flush(T0);
            full.stop();
        }
        full.start().unwrap();
        std::fs::remove_file(full.filler()).unwrap();
        full.house.store().flush(T0).unwrap();
        full.house.store().look_for_room();
        assert_eq!(full.house.store().refusing(), None, "{left}");
        full.house.floats("a", None, &[(T0 + 2, 3.0)]);
        full.stop();
        full.start().unwrap();
        let all = [(T0, 1.0), (T0 + 1, 2.0), (T0 + 2, 3.0)];
        assert_eq!(full.house.read_floats("a"), all, "{left}");
    }
}

#[test]
fn a_directory_that_cannot_be_made_on_a_full_disk_says_what_to_do() {
    let Some(mut full) = Full::new() else {
        return;
    };
    full.stop();
    for part in ["db", "journal", "tables", "FORMAT", "LOCK"] {
        let path = full.house.dir.path().join(part);
        let _ = std::fs::remove_dir_all(&path).or_else(|_| std::fs::remove_file(&path));
    }
    fill(&full.filler());
    let failed = full.start().unwrap_err().to_string();
    assert!(failed.contains("free some space"), "{failed}");
    std::fs::remove_file(full.filler()).unwrap();
    full.start().unwrap();
    full.house.floats("a", None, &[(T0, 1.0)]);
}

#[test]
fn a_check_looks_at_a_store_that_cannot_be_written() {
    let Some(mut full) = Full::new() else {
        return;
    };
    let dir = full.house.dir.path().to_owned();
    full.house.floats("a", None, &[(T0, 1.0)]);
    full.house.store().flush(T0).unwrap();
    full.house.floats("b", None, &[(T0, 1.0)]);
    let backup = dir.join("backup");
    full.house.store().backup(&backup).unwrap();
    full.stop();
    let remount = |how: &str| {
        let mut mount = Command::new("mount");
        let status = mount.args(["-o", how]).arg(&dir).status();
        assert!(status.unwrap().success(), "{how}");
    };
    remount("remount,ro");
    let (checked, of_backup) = (check(&dir), check(&backup));
    remount("remount,rw");
    let (checked, of_backup) = (checked.unwrap(), of_backup.unwrap());
    assert_eq!(checked.note, None, "it was locked");
    let note = of_backup.note.clone().unwrap();
    assert!(note.contains("LOCK is not there"), "{note}");
    for checked in [checked, of_backup] {
        assert_eq!(
            (checked.series, checked.samples, checked.journal_groups),
            (1, 1, 1)
        );
        assert_eq!(checked.named, Vec::<String>::new());
    }
    full.start().unwrap();
}
