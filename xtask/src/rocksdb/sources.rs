//! Owns where RocksDB's sources are: the vendored tree of the `librocksdb-sys` that Cargo.lock names, and its two codecs' headers.
//! Never compiles and never writes.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// The files of one RocksDB, as the crate would compile them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sources {
    /// The crate's version, e.g. `0.19.0+11.8.1`.
    pub(super) version: String,
    /// Absolute, in the crate's own order.
    pub(super) files: Vec<PathBuf>,
    /// Absolute, in the order in which the compiler is to look.
    pub(super) includes: Vec<PathBuf>,
}

/// Asks cargo, which downloads the packages if need be, and reads the crate's list of files.
///
/// # Errors
/// When cargo cannot resolve the workspace, or when the crate has no longer the expected shape.
pub(super) fn find(workspace: &Path) -> Result<Sources> {
    let metadata = metadata(workspace)?;
    let (version, rocksdb) = package(&metadata, "librocksdb-sys")?;
    let (_, lz4) = package(&metadata, "lz4-sys")?;
    let (_, zstd) = package(&metadata, "zstd-sys")?;
    let list = rocksdb.join("rocksdb_lib_sources.txt");
    let list = fs::read_to_string(&list).with_context(|| format!("read {}", list.display()))?;
    Ok(Sources {
        version,
        files: listed(&rocksdb, &list),
        includes: vec![
            rocksdb.join("rocksdb/include"),
            rocksdb.join("rocksdb"),
            rocksdb.clone(),
            lz4.join("liblz4/lib"),
            zstd.join("zstd/lib"),
        ],
    })
}

/// The crate lists RocksDB's files and puts a generated `build_version.cc` of its own in place of RocksDB's template.
fn listed(rocksdb: &Path, list: &str) -> Vec<PathBuf> {
    list.lines()
        .map(str::trim)
        .filter(|file| !file.is_empty() && *file != "util/build_version.cc")
        .map(|file| rocksdb.join("rocksdb").join(file))
        .chain([rocksdb.join("build_version.cc")])
        .collect()
}

fn metadata(workspace: &Path) -> Result<Value> {
    let mut cargo = Command::new("cargo");
    cargo
        .current_dir(workspace)
        .args(["metadata", "--format-version", "1"]);
    if let Some(host) = host_triple() {
        cargo.args(["--filter-platform", &host]);
    }
    let output = cargo
        .stderr(std::process::Stdio::inherit())
        .output()
        .context("run cargo metadata")?;
    if !output.status.success() {
        bail!("cargo metadata failed: see its message above");
    }
    serde_json::from_slice(&output.stdout).context("read the answer of cargo metadata")
}

/// Without it cargo would also download the packages that only other systems need.
fn host_triple() -> Option<String> {
    let output = Command::new("rustc").arg("-vV").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.lines()
        .find_map(|line| line.strip_prefix("host: "))
        .map(str::to_owned)
}

fn package(metadata: &Value, name: &str) -> Result<(String, PathBuf)> {
    let found = metadata["packages"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|package| package["name"] == name)
        .with_context(|| format!("{name} is not among the workspace's packages"))?;
    let version = found["version"]
        .as_str()
        .context("a package without a version")?;
    let manifest = found["manifest_path"]
        .as_str()
        .context("a package without a manifest")?;
    let folder = Path::new(manifest)
        .parent()
        .context("a manifest without a folder")?;
    Ok((version.to_owned(), folder.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_of_the_version_file_gives_way_to_the_generated_one() {
        let files = listed(
            Path::new("/c"),
            "db/a.cc\n  util/build_version.cc\nutil/b.cc \n\n",
        );
        let expected = [
            "/c/rocksdb/db/a.cc",
            "/c/rocksdb/util/b.cc",
            "/c/build_version.cc",
        ];
        assert_eq!(files, expected.map(PathBuf::from));
    }

    #[test]
    fn a_package_is_found_by_its_exact_name() {
        let metadata = serde_json::json!({ "packages": [
            { "name": "rocksdb", "version": "1", "manifest_path": "/a/Cargo.toml" },
            { "name": "librocksdb-sys", "version": "2", "manifest_path": "/b/Cargo.toml" },
        ]});
        let (version, folder) = package(&metadata, "librocksdb-sys").expect("is there");
        assert_eq!((version.as_str(), folder.as_path()), ("2", Path::new("/b")));
        assert!(package(&metadata, "lz4-sys").is_err());
    }
}
