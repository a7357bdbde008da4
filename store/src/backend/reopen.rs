//! Opening RocksDB after whatever happened. A log or a table that it will not take is named, with what to do. Gives back
//! tables that RocksDB took away although its manifest may name them: it does so when the manifest cannot be synced.

use std::path::{Path, PathBuf};

use rocksdb::DB;

use super::options;
use crate::StoreError;
use crate::lock::sync_dir;

/// Looked at of RocksDB's notes, from their end.
const NOTES_BYTES: usize = 64 << 10;

/// `tables` holds what was to be taken in and, after a failure, was not.
pub(super) fn open(path: &Path, tables: &Path, cache_bytes: usize) -> Result<DB, StoreError> {
    let mut left = tables_in(tables);
    let mut first = None;
    // Which of those left was put where.
    let mut put: Option<(usize, PathBuf)> = None;
    loop {
        let families = options::families(cache_bytes);
        let error = match DB::open_cf_descriptors(&options::database(), path, families) {
            Ok(db) => return Ok(db),
            Err(error) => error,
        };
        let missing = missing_table(path, &error);
        let error = first.take().unwrap_or(error);
        let next = match (put.take(), missing) {
            // RocksDB has gone on to another: what was put there was right.
            (Some((at, _)), Some(missing)) => {
                left.remove(at);
                Some((0, missing))
            }
            // A table knows who made it, and the manifest which it names.
            (Some((at, wrong)), None) => {
                std::fs::remove_file(&wrong).map_err(StoreError::io("remove", &wrong))?;
                Some((at + 1, wrong))
            }
            (None, missing) => missing.map(|missing| (0, missing)),
        };
        put = next.filter(|(at, _)| *at < left.len());
        let Some((at, missing)) = &put else {
            return Err(failed(path, error));
        };
        put_back(&left[*at], missing)?;
        first = Some(error);
    }
}

fn put_back(table: &Path, missing: &Path) -> Result<(), StoreError> {
    let (from, to) = (table.display(), missing.display());
    tracing::warn!("{to} is missing, and may be {from}: it is put back");
    std::fs::hard_link(table, missing)
        .or_else(|_| std::fs::copy(table, missing).map(drop))
        .map_err(StoreError::io("put back", missing))?;
    sync_dir(missing.parent().unwrap_or(missing))
}

fn tables_in(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    found.retain(|path| path.extension().is_some_and(|end| end == "sst"));
    found.sort();
    found
}

/// The table that an error names and that is not there.
fn missing_table(path: &Path, error: &rocksdb::Error) -> Option<PathBuf> {
    let text = error.to_string();
    let before = &text[..text.find(".sst")?];
    let digits = before.rsplit(|c: char| !c.is_ascii_digit()).next()?;
    let table = path.join(format!("{digits}.sst"));
    (!digits.is_empty() && !table.exists()).then_some(table)
}

/// Says what is wrong with the tables, and what to do.
pub(super) fn failed(path: &Path, error: rocksdb::Error) -> StoreError {
    if error.kind() != rocksdb::ErrorKind::Corruption {
        return StoreError::Backend(error);
    }
    let text = error.to_string();
    let names_file = text.contains(".sst") || text.contains("MANIFEST");
    let log = (!names_file).then(|| dropped_from(path)).flatten();
    let file = log.map_or_else(|| path.to_owned(), |name| path.join(name));
    StoreError::Corrupt {
        path: file,
        what: format!("{error}; restore a backup"),
    }
}

/// Of which log RocksDB says in its own notes that it left something out: its error names none.
fn dropped_from(path: &Path) -> Option<String> {
    let notes = std::fs::read(path.join("LOG")).ok()?;
    let notes = String::from_utf8_lossy(&notes[notes.len().saturating_sub(NOTES_BYTES)..]);
    let line = notes
        .lines()
        .rfind(|line| line.contains(".log: dropping "))?;
    let before = line.split(": dropping ").next()?;
    let name = before.rsplit([' ', '/']).next()?;
    Some(name.to_owned())
}
