//! Opening RocksDB after whatever happened. A log or a table that it will not take is named, with what to do. Gives back
//! tables that RocksDB took away although its manifest may name them: it does so when the manifest cannot be synced.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rocksdb::DB;

use super::options;
use crate::StoreError;
use crate::error::is_out_of_space;
use crate::lock::sync_dir;

/// Looked at of RocksDB's notes, from their end.
const NOTES_BYTES: usize = 64 << 10;

/// `tables` holds what was to be taken in and, after a failure, was not.
pub(super) fn open(path: &Path, tables: &Path, cache_bytes: usize) -> Result<DB, StoreError> {
    let left = tables_in(tables);
    let mut first = None;
    // Each table that is missing, and which of those left is tried in its place.
    let mut tried: BTreeMap<PathBuf, usize> = BTreeMap::new();
    loop {
        let families = options::families(cache_bytes);
        let error = match DB::open_cf_descriptors(&options::database(), path, families) {
            Ok(db) => return Ok(db),
            Err(error) => error,
        };
        if first.is_none() && is_out_of_space(&error) {
            return Err(StoreError::Backend(error));
        }
        let named = named_table(path, &error);
        let error = first.take().unwrap_or(error);
        // A table knows who made it, and the manifest which it names: what is wrong is told by its name.
        let at = match named.as_ref().map(|named| (named, tried.get(named))) {
            Some((_, Some(at))) => at + 1,
            Some((named, None)) if !named.exists() => 0,
            _ => left.len(),
        };
        let (Some(named), Some(table)) = (named, left.get(at)) else {
            for wrong in tried.keys() {
                let _ = std::fs::remove_file(wrong);
            }
            return Err(failed(path, error));
        };
        let _ = std::fs::remove_file(&named);
        put_back(table, &named)?;
        tried.insert(named, at);
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

/// The table that an error names, by its file or by its number.
fn named_table(path: &Path, error: &rocksdb::Error) -> Option<PathBuf> {
    let text = error.to_string();
    let not_digit = |c: char| !c.is_ascii_digit();
    let digits = match text.split_once("table file ") {
        Some((_, behind)) => behind.split(not_digit).next()?,
        None => text[..text.find(".sst")?].rsplit(not_digit).next()?,
    };
    let number: u64 = digits.parse().ok()?;
    Some(path.join(format!("{number:06}.sst")))
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
