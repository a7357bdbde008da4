//! Introduces the store to those who keep it: the admin API while the gateway runs, and the `store` commands on a
//! directory that nobody uses.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Subcommand;
use serde_json::{Value, json};
use weir_query::promql;
use weir_store::{Cardinality, Clock, Options, Sealed, Store};

use crate::http::Admin;

/// Where the admin API puts backups, under the data directory.
const SNAPSHOTS: &str = "snapshots";

#[derive(Debug, Subcommand)]
pub(crate) enum StoreCommand {
    /// Verify every checksum and invariant of a data directory; changes nothing.
    Check { dir: PathBuf },
    /// Copy a data directory that no gateway uses into a new one. A running gateway makes backups by its admin API.
    Backup { dir: PathBuf, to: PathBuf },
    /// Compare a backup with its list of checksums.
    Verify { backup: PathBuf },
    /// Verify a backup and copy it to a data directory that holds no store.
    Restore { backup: PathBuf, dir: PathBuf },
    /// Delete the series that a selector matches, with all their samples.
    Delete {
        dir: PathBuf,
        /// As in a query: '{__name__=~"debug_.*"}'
        selector: String,
        /// Rewrite the tables at once, so that the space is free; may take long.
        #[arg(long)]
        purge: bool,
    },
}

/// The admin API's work, on a store.
pub(crate) fn admin(store: &Arc<Store>, clock: &Clock, data_dir: &Path) -> Admin {
    let (flushed, clock_of_flush) = (Arc::clone(store), Arc::clone(clock));
    let (copied, clock_of_copy, dir) = (
        Arc::clone(store),
        Arc::clone(clock),
        data_dir.join(SNAPSHOTS),
    );
    let (deleted, purged) = (Arc::clone(store), Arc::clone(store));
    Admin {
        flush: Arc::new(move || {
            let now_ms = clock_of_flush();
            let sealed = flushed.flush(now_ms).map_err(|error| error.to_string())?;
            let days = flushed.roll_up(now_ms).map_err(|error| error.to_string())?;
            Ok(flush_json(&sealed, days))
        }),
        snapshot: Arc::new(move || {
            let name = format!("{}", clock_of_copy());
            std::fs::create_dir_all(&dir).map_err(|error| error.to_string())?;
            let copied = copied
                .backup(&dir.join(&name))
                .map_err(|error| error.to_string())?;
            tracing::info!(
                "backup {name}: {} files, {} bytes",
                copied.files,
                copied.bytes
            );
            Ok(name)
        }),
        delete: Arc::new(move |matchers| {
            let gone = deleted
                .delete(matchers)
                .map_err(|error| error.to_string())?;
            tracing::warn!("{gone} series deleted by the admin API");
            Ok(gone)
        }),
        purge: Arc::new(move || purged.purge_deleted().map_err(|error| error.to_string())),
    }
}

fn flush_json(sealed: &Sealed, days: u64) -> Value {
    json!({
        "windows": sealed.windows, "chunks": sealed.chunks, "samples": sealed.samples,
        "chunkBytes": sealed.chunk_bytes, "journalBytesFreed": sealed.journal_bytes_freed, "daysRolled": days,
    })
}

/// In the words of Prometheus' `/api/v1/status/tsdb`.
pub(crate) fn cardinality_json(found: Cardinality) -> Value {
    let list = |counted: Vec<(String, u64)>| -> Vec<Value> {
        counted
            .into_iter()
            .map(|(name, value)| json!({"name": name, "value": value}))
            .collect()
    };
    json!({
        "headStats": {"numSeries": found.series},
        "seriesCountByMetricName": list(found.by_metric),
        "labelValueCountByLabelName": list(found.by_label),
        "seriesCountByLabelValuePair": list(found.by_pair),
    })
}

/// Does what a `store` command says; gives back what to print, and whether all is well.
///
/// # Errors
/// The store's, and a selector that is none.
pub(crate) fn run(command: &StoreCommand, clock: &Clock) -> anyhow::Result<(String, bool)> {
    Ok(match command {
        StoreCommand::Check { dir } => checked(dir)?,
        StoreCommand::Backup { dir, to } => {
            let store = open(dir, clock)?;
            let copied = store.backup(to);
            store.close();
            let copied = copied?;
            (
                format!(
                    "backed up: {} files, {} bytes in {}\n",
                    copied.files,
                    copied.bytes,
                    to.display()
                ),
                true,
            )
        }
        StoreCommand::Verify { backup } => {
            let copied = weir_store::verify_backup(backup)?;
            (
                format!(
                    "ok: {} files, {} bytes are what was backed up\n",
                    copied.files, copied.bytes
                ),
                true,
            )
        }
        StoreCommand::Restore { backup, dir } => {
            let copied = weir_store::restore(backup, dir)?;
            (
                format!(
                    "restored: {} files, {} bytes in {}\n",
                    copied.files,
                    copied.bytes,
                    dir.display()
                ),
                true,
            )
        }
        StoreCommand::Delete {
            dir,
            selector,
            purge,
        } => {
            let matchers = promql::parse_selector(selector)?;
            let store = open(dir, clock)?;
            let gone = store.delete(&matchers);
            let purged = if *purge {
                store.purge_deleted()
            } else {
                Ok(())
            };
            store.close();
            let gone = gone?;
            purged?;
            (format!("deleted: {gone} series\n"), true)
        }
    })
}

/// A store that was made before: an empty directory is no place to look for one.
fn open(dir: &Path, clock: &Clock) -> anyhow::Result<Store> {
    let window_ms = weir_store::window_of(dir)?;
    let options = Options {
        window_ms,
        ..Options::new(dir.to_owned(), Arc::clone(clock))
    };
    Ok(Store::open(options)?.0)
}

fn checked(dir: &Path) -> anyhow::Result<(String, bool)> {
    let found = weir_store::check(dir)?;
    let [raw, minutes, hours] = found.chunks;
    let mut text = format!(
        "series {}\nwindows {}\ndays {}\nchunks {raw}\nchunks of minutes {minutes}\nchunks of hours {hours}\nsamples {}\n\
         rollups compared {}\njournal groups {}\ntorn bytes {}\nchunks of deleted series {}\n",
        found.series,
        found.windows,
        found.days,
        found.samples,
        found.compared,
        found.journal_groups,
        found.torn_bytes,
        found.of_deleted,
    );
    if let Some(note) = &found.note {
        text.push_str(&format!("note: {note}\n"));
    }
    for problem in &found.named {
        text.push_str(&format!("problem: {problem}\n"));
    }
    let unnamed = found.problems - found.named.len() as u64;
    if unnamed > 0 {
        text.push_str(&format!("problem: {unnamed} more\n"));
    }
    text.push_str(if found.problems == 0 {
        "ok\n"
    } else {
        "not ok\n"
    });
    Ok((text, found.problems == 0))
}
