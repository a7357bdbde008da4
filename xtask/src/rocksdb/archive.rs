//! Owns the finished archive in the cache: found, or built under a lock and renamed into place when it is whole.
//! Never trusts a folder of which the rename did not happen.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use anyhow::{Context, Result, bail};

use super::{compile::compile, recipe::Recipe, sources::Sources};

/// Answers the folder that holds `librocksdb.a`.
///
/// # Errors
/// When something does not compile, or the cache cannot be written.
pub(super) fn find_or_build(sources: &Sources, recipe: &Recipe, cache: &Path) -> Result<PathBuf> {
    let finished = cache.join(&recipe.name);
    if is_finished(&finished) {
        return Ok(finished);
    }
    fs::create_dir_all(cache).with_context(|| format!("create {}", cache.display()))?;
    let _lock = lock(&cache.join("lock"))?;
    // Another run may have finished it while this one waited.
    if !is_finished(&finished) {
        build(sources, recipe, &finished)?;
    }
    Ok(finished)
}

fn is_finished(folder: &Path) -> bool {
    folder.join("librocksdb.a").is_file()
}

/// Held until the file is dropped; the system lets go of it when the process dies.
fn lock(path: &Path) -> Result<File> {
    let file = File::create(path).with_context(|| format!("create {}", path.display()))?;
    if file.try_lock().is_err() {
        eprintln!("RocksDB: waiting for another build of it to finish");
        file.lock()
            .with_context(|| format!("lock {}", path.display()))?;
    }
    Ok(file)
}

fn build(sources: &Sources, recipe: &Recipe, finished: &Path) -> Result<()> {
    let started = Instant::now();
    eprintln!(
        "RocksDB {}: compiled once, about 4 minutes on two cores, into {}",
        sources.version,
        finished.display()
    );
    let objects = finished.with_file_name(format!("{}.objects", recipe.name));
    let unfinished = finished.with_file_name(format!("{}.unfinished", recipe.name));
    let compiled = compile(recipe, &sources.files, &objects)?;
    fs::create_dir_all(&unfinished).with_context(|| format!("create {}", unfinished.display()))?;
    pack(&compiled, &unfinished.join("librocksdb.a"))?;
    fs::rename(&unfinished, finished)
        .with_context(|| format!("rename {}", unfinished.display()))?;
    // Only space is lost if this fails.
    let _ = fs::remove_dir_all(&objects);
    eprintln!("RocksDB: ready after {} s", started.elapsed().as_secs());
    Ok(())
}

fn pack(objects: &[PathBuf], archive: &Path) -> Result<()> {
    // `ar` adds to an archive that exists.
    let _ = fs::remove_file(archive);
    let status = Command::new("ar")
        .arg("crs")
        .arg(archive)
        .args(objects)
        .status()
        .context("run ar")?;
    if !status.success() {
        bail!("ar could not write {}", archive.display());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("weir-xtask-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        folder
    }

    fn tiny(root: &Path, text: &str) -> (Sources, Recipe) {
        let file = root.join("tiny.cc");
        fs::write(&file, text).expect("a source");
        let sources = Sources {
            version: "1".into(),
            files: vec![file],
            includes: Vec::new(),
        };
        let recipe = Recipe {
            compiler: "g++".into(),
            flags: Vec::new(),
            includes: Vec::new(),
            name: "rocksdb-1-x".into(),
        };
        (sources, recipe)
    }

    #[test]
    fn an_archive_is_built_once_and_leaves_nothing_beside_it() {
        let root = folder("archive");
        let (sources, recipe) = tiny(&root, "int one() { return 1; }");
        let cache = root.join("cache");
        let built = find_or_build(&sources, &recipe, &cache).expect("builds");
        let first = fs::metadata(built.join("librocksdb.a"))
            .and_then(|meta| meta.modified())
            .expect("is there");
        let again = find_or_build(&sources, &recipe, &cache).expect("is found");
        let second = fs::metadata(again.join("librocksdb.a"))
            .and_then(|meta| meta.modified())
            .expect("is there");
        let mut beside: Vec<_> = fs::read_dir(&cache)
            .expect("a cache")
            .flatten()
            .map(|entry| entry.file_name())
            .collect();
        beside.sort();
        fs::remove_dir_all(&root).expect("removed");
        assert_eq!(first, second);
        assert_eq!(beside, ["lock", "rocksdb-1-x"]);
    }

    #[test]
    fn a_source_that_does_not_compile_is_named_and_no_archive_appears() {
        let root = folder("broken");
        let (sources, recipe) = tiny(&root, "this is not C++");
        let cache = root.join("cache");
        let error = find_or_build(&sources, &recipe, &cache).expect_err("cannot build");
        let appeared = is_finished(&cache.join("rocksdb-1-x"));
        fs::remove_dir_all(&root).expect("removed");
        assert!(format!("{error:#}").contains("tiny.cc"), "{error:#}");
        assert!(!appeared);
    }
}
