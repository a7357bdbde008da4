//! Owns how RocksDB gets built: once, in unity batches, into a cache that every profile and every clone shares.
//! Never decides what is linked with it: it only hands `librocksdb-sys` the variables by which that crate finds a ready archive.

mod archive;
mod compile;
mod recipe;
mod sources;

use std::path::{Path, PathBuf};

use anyhow::Result;

use recipe::Recipe;

/// Where `librocksdb-sys` finds RocksDB.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RocksDb {
    /// A finished `librocksdb.a` in this folder.
    Ready(PathBuf),
    /// The crate compiles it by itself, once per profile; the text says why.
    LeftToTheCrate(String),
}

impl RocksDb {
    /// The variables for cargo. The values are stable from run to run, since a change makes cargo redo the bindings (a minute).
    pub(crate) fn variables(&self) -> Vec<(&'static str, String)> {
        match self {
            Self::Ready(dir) => vec![
                ("ROCKSDB_LIB_DIR", dir.display().to_string()),
                ("ROCKSDB_STATIC", "1".to_owned()),
            ],
            Self::LeftToTheCrate(_) => Vec::new(),
        }
    }
}

/// Finds the archive in `<target_dir>/rocksdb`, or builds it there. Falls back to the crate's own build and says so; an error is
/// only something that would stop that build too, such as an unreadable workspace.
///
/// # Errors
/// When cargo cannot resolve the workspace.
pub(crate) fn prepare(workspace: &Path, target_dir: &Path) -> Result<RocksDb> {
    let sources = sources::find(workspace)?;
    let ready = Recipe::new(&sources)
        .and_then(|recipe| archive::find_or_build(&sources, &recipe, &target_dir.join("rocksdb")));
    Ok(match ready {
        Ok(dir) => RocksDb::Ready(dir),
        Err(why) => {
            let why = format!("{why:#}");
            eprintln!("RocksDB: the unity build is not possible here ({why});");
            eprintln!(
                "RocksDB: cargo compiles it file by file instead: 15 to 30 minutes on two cores, once per profile"
            );
            RocksDb::LeftToTheCrate(why)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ready_archive_is_named_by_two_variables() {
        let ready = RocksDb::Ready(PathBuf::from("/cache/rocksdb-1"));
        assert_eq!(
            ready.variables(),
            [
                ("ROCKSDB_LIB_DIR", "/cache/rocksdb-1".to_owned()),
                ("ROCKSDB_STATIC", "1".to_owned())
            ]
        );
    }

    #[test]
    fn the_crate_s_own_build_is_asked_for_by_silence() {
        assert!(
            RocksDb::LeftToTheCrate("no compiler".into())
                .variables()
                .is_empty()
        );
    }
}
