//! One process a data directory: an flock'ed file that names its holder, and the format's version beside it.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::StoreError;

const LOCK_FILE: &str = "LOCK";
pub(crate) const FORMAT_FILE: &str = "FORMAT";
const FORMAT: u32 = 2;

/// Held while the store is open; the kernel lets go of it however the process ends.
pub(crate) struct Lock {
    _file: File,
}

pub(crate) fn take(dir: &Path, window_ms: i64) -> Result<Lock, StoreError> {
    std::fs::create_dir_all(dir).map_err(StoreError::io("create", dir))?;
    let path = dir.join(LOCK_FILE);
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(StoreError::io("open", &path))?;
    if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        return Err(held(dir, file));
    }
    let named = file
        .set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| writeln!(file, "{}", std::process::id()));
    match named.map_err(StoreError::io("write", &path)) {
        // The name is for people; the lock is taken.
        Err(error) if !error.is_out_of_space() => return Err(error),
        _ => {}
    }
    check_format(dir, window_ms)?;
    Ok(Lock { _file: file })
}

/// A store that is looked at.
pub(crate) struct Look {
    _lock: Option<Lock>,
    pub(crate) window_ms: i64,
    /// Why nothing keeps a gateway from taking it meanwhile.
    pub(crate) note: Option<String>,
}

/// Shares a directory's lock with others who look. Writes nothing, not even the holder's name, so that what cannot be
/// written can be looked at too.
pub(crate) fn look(dir: &Path) -> Result<Look, StoreError> {
    let window_ms = window_of(dir)?;
    let path = dir.join(LOCK_FILE);
    let (lock, note) = match File::open(&path) {
        // No gateway has it: that would have made one.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            (None, Some(format!("{} is not there", path.display())))
        }
        Err(error) => return Err(StoreError::io("open", &path)(error)),
        Ok(file) => match flock(&file, FlockOperation::NonBlockingLockShared) {
            Ok(()) => (Some(Lock { _file: file }), None),
            Err(Errno::WOULDBLOCK) => return Err(held(dir, file)),
            Err(error) => {
                let why = format!("{} cannot be taken: {error}", path.display());
                (None, Some(why))
            }
        },
    };
    check_format(dir, window_ms)?;
    Ok(Look {
        _lock: lock,
        window_ms,
        note: note.map(|why| format!("{why}; no gateway may be started on it meanwhile")),
    })
}

/// Who has the lock: by its name in the file, or those who only look, who leave none.
fn held(dir: &Path, mut file: File) -> StoreError {
    let mut holder = String::new();
    // Best effort: the lock itself is what was asked for.
    let _ = file.read_to_string(&mut holder);
    let holder = match flock(&file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => "a program that checks it".to_owned(),
        Err(_) => format!("process {}", holder.trim()),
    };
    StoreError::Locked {
        dir: dir.to_owned(),
        holder: format!("{holder} (lock {})", dir.join(LOCK_FILE).display()),
    }
}

/// How long the windows of a directory's store are.
///
/// # Errors
/// There is no store, or its file of format says something else.
pub fn window_of(dir: &Path) -> Result<i64, StoreError> {
    let path = dir.join(FORMAT_FILE);
    let text = std::fs::read_to_string(&path).map_err(StoreError::io("read", &path))?;
    let window_ms = text.lines().nth(1).and_then(|line| line.parse().ok());
    window_ms
        .filter(|window_ms| *window_ms > 0)
        .ok_or_else(|| StoreError::Corrupt {
            path,
            what: "no window length on its second line".to_owned(),
        })
}

/// Refuses a directory of which a part is gone: begun anew, it would be empty beside what is left.
pub(crate) fn check_parts(dir: &Path) -> Result<(), StoreError> {
    let missing = |part: &str, left: &str| {
        Err(StoreError::Corrupt {
            path: dir.join(part),
            what: format!(
                "it is missing, and {left}/ is there; restore a backup, or move the whole data directory away to begin with nothing"
            ),
        })
    };
    let (db, journal) = (dir.join("db"), dir.join("journal"));
    // The journal's folder is made first, and the one for tables when RocksDB was opened.
    if db.join("CURRENT").exists() {
        return match journal.exists() {
            true => Ok(()),
            false => missing("journal", "db"),
        };
    }
    if holds(&journal, "journal") {
        return missing("db/CURRENT", "journal");
    }
    if holds(&db, "sst") || dir.join("tables").exists() {
        return missing("db/CURRENT", if db.exists() { "db" } else { "tables" });
    }
    Ok(())
}

fn holds(dir: &Path, ending: &str) -> bool {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let mut endings = entries.filter_map(|entry| entry.path().extension().map(ToOwned::to_owned));
    endings.any(|found| found == ending)
}

/// Two lines: the format's number, and the window's length that chunks were cut by.
fn check_format(dir: &Path, window_ms: i64) -> Result<(), StoreError> {
    let path = dir.join(FORMAT_FILE);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            for part in ["db", "journal"] {
                if dir.join(part).exists() {
                    return Err(StoreError::Corrupt {
                        path,
                        what: format!(
                            "it is missing, and {part}/ is there; put it back or restore a backup"
                        ),
                    });
                }
            }
            return write_format(dir, &path, window_ms);
        }
        Err(error) => return Err(StoreError::io("read", &path)(error)),
    };
    let mut lines = text.lines();
    let found = lines.next().unwrap_or_default();
    if found != FORMAT.to_string() {
        return Err(StoreError::Format {
            dir: dir.to_owned(),
            found: found.chars().take(20).collect(),
            known: FORMAT,
        });
    }
    match lines.next().and_then(|line| line.parse().ok()) {
        Some(found_ms) if found_ms == window_ms => Ok(()),
        Some(found_ms) => Err(StoreError::Window {
            dir: dir.to_owned(),
            found_ms,
            asked_ms: window_ms,
        }),
        None => Err(StoreError::Corrupt {
            path,
            what: "no window length on its second line".to_owned(),
        }),
    }
}

fn write_format(dir: &Path, path: &Path, window_ms: i64) -> Result<(), StoreError> {
    // Written beside and renamed: a crash leaves the whole file or none.
    let beside = dir.join("FORMAT.new");
    let made = File::create(&beside).and_then(|mut file| {
        writeln!(file, "{FORMAT}\n{window_ms}")?;
        file.sync_all()
    });
    made.map_err(StoreError::io("write", &beside))?;
    std::fs::rename(&beside, path).map_err(StoreError::io("write", path))?;
    sync_dir(dir)
}

/// Makes a new directory durable by its name, and those above it, each of which may have been made for it.
pub(crate) fn sync_above(new: &Path) -> Result<(), StoreError> {
    for above in above(new)? {
        match sync_dir(&above) {
            // What may not be read was there before.
            Err(StoreError::Io { source, .. })
                if source.kind() == std::io::ErrorKind::PermissionDenied => {}
            other => other?,
        }
    }
    Ok(())
}

/// From the next one up; of a name alone that is the working directory.
fn above(path: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let path = std::path::absolute(path).map_err(StoreError::io("find", path))?;
    Ok(path.ancestors().skip(1).map(Path::to_owned).collect())
}

/// Makes creations and removals in a directory durable.
pub(crate) fn sync_dir(dir: &Path) -> Result<(), StoreError> {
    File::open(dir)
        .and_then(|file| file.sync_all())
        .map_err(StoreError::io("sync", dir))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_directory_above_a_new_one_is_synced() {
        let found = |path: &str| above(Path::new(path)).unwrap();
        let all = ["/data/snapshots", "/data", "/"].map(PathBuf::from);
        assert_eq!(found("/data/snapshots/1"), all);
        assert_eq!(found("/data/snapshots/1/"), all);
        assert_eq!(found("name")[0], std::env::current_dir().unwrap());
        let dir = tempfile::tempdir().unwrap();
        assert!(sync_above(&dir.path().join("new")).is_ok());
        assert!(sync_above(&dir.path().join("none/new")).is_err());
    }
}
