//! One process a data directory: an flock'ed file that names its holder, and the format's version beside it.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::path::Path;

use rustix::fs::{FlockOperation, flock};

use crate::StoreError;

const LOCK_FILE: &str = "LOCK";
const FORMAT_FILE: &str = "FORMAT";
const FORMAT: u32 = 1;

/// Held while the store is open; the kernel lets go of it however the process ends.
pub(crate) struct Lock {
    _file: File,
}

pub(crate) fn take(dir: &Path) -> Result<Lock, StoreError> {
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
        let mut holder = String::new();
        // Best effort: the lock itself is what was asked for.
        let _ = file.read_to_string(&mut holder);
        return Err(StoreError::Locked {
            dir: dir.to_owned(),
            holder: format!("process {} (lock {})", holder.trim(), path.display()),
        });
    }
    let named = file
        .set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| writeln!(file, "{}", std::process::id()));
    named.map_err(StoreError::io("write", &path))?;
    check_format(dir)?;
    Ok(Lock { _file: file })
}

fn check_format(dir: &Path) -> Result<(), StoreError> {
    let path = dir.join(FORMAT_FILE);
    match std::fs::read_to_string(&path) {
        Ok(text) if text.trim() == FORMAT.to_string() => Ok(()),
        Ok(text) => Err(StoreError::Format {
            dir: dir.to_owned(),
            found: text.trim().chars().take(20).collect(),
            known: FORMAT,
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => write_format(dir, &path),
        Err(error) => Err(StoreError::io("read", &path)(error)),
    }
}

fn write_format(dir: &Path, path: &Path) -> Result<(), StoreError> {
    let made = File::create(path).and_then(|mut file| {
        writeln!(file, "{FORMAT}")?;
        file.sync_all()
    });
    made.map_err(StoreError::io("write", path))?;
    sync_dir(dir)
}

/// Makes creations and removals in a directory durable.
pub(crate) fn sync_dir(dir: &Path) -> Result<(), StoreError> {
    File::open(dir)
        .and_then(|file| file.sync_all())
        .map_err(StoreError::io("sync", dir))
}
