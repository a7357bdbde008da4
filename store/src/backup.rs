//! Backups: a consistent copy of everything acknowledged, made while the store runs, with a list of its files and their
//! checksums; and the way back. A backup is a data directory: opening a restored one replays its journal.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Component, Path, PathBuf};

use xxhash_rust::xxh3::Xxh3;

use crate::lock::{self, sync_dir};
use crate::store::Store;
use crate::writer::Command;
use crate::{StoreError, fail};

/// The list: a line a file, `xxh3-128 in hex, size, path`, and at the end a line with the sum of the lines.
const LIST: &str = "BACKUP";
const BUFFER_BYTES: usize = 1 << 20;

/// What a backup holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copied {
    pub files: u64,
    pub bytes: u64,
}

impl Store {
    /// Copies everything that is acknowledged by now into a new directory; tables are linked where the file system
    /// can. Writes and reads go on; sealing and retention wait until the files are linked, and not until they are summed.
    /// Another backup waits.
    ///
    /// # Errors
    /// The directory exists, or cannot be written.
    pub fn backup(&self, to: &Path) -> Result<Copied, StoreError> {
        let _one = self.backups.lock();
        if to.exists() {
            let exists = std::io::ErrorKind::AlreadyExists.into();
            return Err(StoreError::io("make the backup", to)(exists));
        }
        let beside = beside(to);
        self.take_files(&beside)?;
        finish(&beside, to)
    }

    /// What is taken is never written again, and stays when the store lets go of it.
    pub(crate) fn take_files(&self, beside: &Path) -> Result<(), StoreError> {
        let _upkeep = self.tend()?;
        let _ = std::fs::remove_dir_all(beside);
        std::fs::create_dir_all(beside.join("journal"))
            .map_err(StoreError::io("create", beside))?;
        let through = self.ask(Command::Rotate)?;
        let from = &self.shared.options.dir;
        self.shared.backend.checkpoint(&beside.join("db"))?;
        // IMPORTANT: the journal after the tables. Nothing is trimmed meanwhile: whoever trims waits for us.
        for name in names_in(&from.join("journal"))? {
            let number = name
                .split('.')
                .next()
                .and_then(|stem| stem.parse::<u32>().ok());
            if number.is_some_and(|number| number <= through) {
                copy(
                    &from.join("journal").join(&name),
                    &beside.join("journal").join(&name),
                )?;
            }
        }
        copy(
            &from.join(lock::FORMAT_FILE),
            &beside.join(lock::FORMAT_FILE),
        )?;
        fail::pass("backup.copy").map_err(StoreError::io("copy to", beside))?;
        Ok(())
    }
}

/// Sums what was taken, and gives it its name.
pub(crate) fn finish(beside: &Path, to: &Path) -> Result<Copied, StoreError> {
    let copied = write_list(beside)?;
    sync_all(beside)?;
    std::fs::rename(beside, to).map_err(StoreError::io("name", to))?;
    lock::sync_above(to)?;
    Ok(copied)
}

/// Compares a backup with its list.
///
/// # Errors
/// The first file that is missing, or not what was copied.
pub fn verify_backup(dir: &Path) -> Result<Copied, StoreError> {
    let path = dir.join(LIST);
    let text = std::fs::read_to_string(&path).map_err(StoreError::io("read", &path))?;
    let damaged = |what: String| StoreError::Corrupt {
        path: path.clone(),
        what,
    };
    let (lines, sum) = text
        .trim_end()
        .rsplit_once('\n')
        .ok_or_else(|| damaged("it ends early".into()))?;
    if sum != sum_of(lines) {
        return Err(damaged("its last line does not fit the others".into()));
    }
    let mut copied = Copied { files: 0, bytes: 0 };
    for line in lines.lines() {
        let mut words = line.splitn(3, ' ');
        let (Some(hash), Some(size), Some(name)) = (words.next(), words.next(), words.next())
        else {
            return Err(damaged(format!("line {line:?}")));
        };
        let file = dir.join(plain(name).ok_or_else(|| damaged(format!("path {name:?}")))?);
        let (found_hash, found_size) = hash_of(&file)?;
        if (found_hash.as_str(), found_size.to_string().as_str()) != (hash, size) {
            return Err(StoreError::Corrupt {
                path: file,
                what: "it is not what was backed up".to_owned(),
            });
        }
        copied.files += 1;
        copied.bytes += found_size;
    }
    Ok(copied)
}

/// Copies a backup, once verified, to a data directory that holds no store.
///
/// # Errors
/// As [`verify_backup`]; a store is there already; the directory cannot be written.
pub fn restore(backup: &Path, to: &Path) -> Result<Copied, StoreError> {
    let copied = verify_backup(backup)?;
    for taken in [lock::FORMAT_FILE, "db", "journal"] {
        if to.join(taken).exists() {
            let exists = std::io::ErrorKind::AlreadyExists.into();
            return Err(StoreError::io("restore over", &to.join(taken))(exists));
        }
    }
    for dir in ["db", "journal"] {
        let (from, to) = (backup.join(dir), to.join(dir));
        std::fs::create_dir_all(&to).map_err(StoreError::io("create", &to))?;
        for name in names_in(&from)? {
            copy_whole(&from.join(&name), &to.join(&name))?;
        }
    }
    // The file that makes it a store comes last.
    copy_whole(&backup.join(lock::FORMAT_FILE), &to.join(lock::FORMAT_FILE))?;
    sync_all(to)?;
    lock::sync_above(to)?;
    Ok(copied)
}

fn beside(to: &Path) -> PathBuf {
    let mut name = to.as_os_str().to_owned();
    name.push(".new");
    name.into()
}

/// A relative path without ways out of its directory.
fn plain(name: &str) -> Option<&Path> {
    let path = Path::new(name);
    let normal = path
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    (normal && !name.is_empty()).then_some(path)
}

/// The files of a directory, ascending by name.
fn names_in(dir: &Path) -> Result<Vec<String>, StoreError> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(StoreError::io("list", dir))? {
        let entry = entry.map_err(StoreError::io("list", dir))?;
        if entry.path().is_file() {
            names.extend(entry.file_name().into_string());
        }
    }
    names.sort();
    Ok(names)
}

/// Links where it can: what is copied is never written again.
fn copy(from: &Path, to: &Path) -> Result<(), StoreError> {
    match std::fs::hard_link(from, to) {
        Ok(()) => Ok(()),
        Err(_) => copy_whole(from, to),
    }
}

fn copy_whole(from: &Path, to: &Path) -> Result<(), StoreError> {
    std::fs::copy(from, to)
        .map(drop)
        .map_err(StoreError::io("copy to", to))
}

fn write_list(dir: &Path) -> Result<Copied, StoreError> {
    let mut copied = Copied { files: 0, bytes: 0 };
    let mut lines = Vec::new();
    let folders = ["", "db", "journal"];
    for folder in folders {
        for name in names_in(&dir.join(folder))? {
            let relative = Path::new(folder).join(name);
            let (hash, size) = hash_of(&dir.join(&relative))?;
            lines.push(format!("{hash} {size} {}", relative.display()));
            copied.files += 1;
            copied.bytes += size;
        }
    }
    let lines = lines.join("\n");
    let path = dir.join(LIST);
    let written =
        File::create(&path).and_then(|mut file| writeln!(file, "{lines}\n{}", sum_of(&lines)));
    written.map_err(StoreError::io("write", &path))?;
    Ok(copied)
}

fn sum_of(lines: &str) -> String {
    format!("{:032x}", xxhash_rust::xxh3::xxh3_128(lines.as_bytes()))
}

fn hash_of(path: &Path) -> Result<(String, u64), StoreError> {
    let mut file = File::open(path).map_err(StoreError::io("open", path))?;
    let (mut hash, mut size) = (Xxh3::new(), 0);
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let read = file
            .read(&mut buffer)
            .map_err(StoreError::io("read", path))?;
        if read == 0 {
            return Ok((format!("{:032x}", hash.digest128()), size));
        }
        hash.update(&buffer[..read]);
        size += read as u64;
    }
}

fn sync_all(dir: &Path) -> Result<(), StoreError> {
    for folder in ["", "db", "journal"] {
        let folder = dir.join(folder);
        for name in names_in(&folder)? {
            let path = folder.join(name);
            let synced = File::open(&path).and_then(|file| file.sync_all());
            synced.map_err(StoreError::io("sync", &path))?;
        }
        sync_dir(&folder)?;
    }
    sync_dir(dir)
}
