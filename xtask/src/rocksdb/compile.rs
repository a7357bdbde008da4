//! Owns the compiling: the batches, their parallel runs, the second chance of a batch that does not compile as one unit.
//! Never touches the finished archive.

use std::{
    ffi::OsStr,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use anyhow::{Context, Result, bail};

use super::recipe::{BATCHES, Recipe};
use crate::progress::Progress;

/// One g++ -O3 on 22 files was seen to take 1.3 GB; on a machine with many cores and little memory, fewer run at a time.
const BATCH_MEMORY_KIB: u64 = 2_000_000;

/// Compiles every file into objects in `folder`. Objects that an interrupted run has finished are kept.
///
/// # Errors
/// When a file does not compile by itself either.
pub(super) fn compile(recipe: &Recipe, files: &[PathBuf], folder: &Path) -> Result<Vec<PathBuf>> {
    fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
    let batches: Vec<&[PathBuf]> = files.chunks(files.len().div_ceil(BATCHES).max(1)).collect();
    let progress = Progress::new("RocksDB", batches.len());
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..jobs().min(batches.len()) {
            scope.spawn(|| {
                while let Some((index, batch)) = take(&next, &batches) {
                    let objects = compile_batch(recipe, index, batch, folder);
                    match &objects {
                        Ok(_) => progress.step(),
                        // The others stop at their next batch: the outcome is already decided.
                        Err(_) => next.store(batches.len(), Ordering::Relaxed),
                    }
                    if let Ok(mut results) = results.lock() {
                        results.push((index, objects));
                    }
                }
            });
        }
    });
    progress.finish();
    in_order(results.into_inner().unwrap_or_default())
}

fn in_order(mut results: Vec<(usize, Result<Vec<PathBuf>>)>) -> Result<Vec<PathBuf>> {
    results.sort_by_key(|(index, _)| *index);
    let mut all = Vec::new();
    for (_, objects) in results {
        all.extend(objects?);
    }
    Ok(all)
}

fn take<'a>(next: &AtomicUsize, batches: &[&'a [PathBuf]]) -> Option<(usize, &'a [PathBuf])> {
    let index = next.fetch_add(1, Ordering::Relaxed);
    batches.get(index).map(|batch| (index, *batch))
}

fn compile_batch(
    recipe: &Recipe,
    index: usize,
    batch: &[PathBuf],
    folder: &Path,
) -> Result<Vec<PathBuf>> {
    let unit = folder.join(format!("unit-{index:02}.cc"));
    let object = unit.with_extension("o");
    fs::write(&unit, unity(batch)).with_context(|| format!("write {}", unit.display()))?;
    if object.exists() || run_compiler(recipe, &unit, &object).is_ok() {
        return Ok(vec![object]);
    }
    eprintln!(
        "RocksDB: batch {} does not compile as one unit, its {} files are tried singly",
        index + 1,
        batch.len()
    );
    let mut objects = Vec::with_capacity(batch.len());
    for (position, file) in batch.iter().enumerate() {
        let object = folder.join(format!("unit-{index:02}-{position:02}.o"));
        if !object.exists() {
            run_compiler(recipe, file, &object)?;
        }
        objects.push(object);
    }
    Ok(objects)
}

fn unity(batch: &[PathBuf]) -> String {
    let mut text = String::new();
    for file in batch {
        // A write into a String does not fail.
        let _ = writeln!(text, "#include \"{}\"", file.display());
    }
    text
}

/// The object gets its name only when it is complete.
fn run_compiler(recipe: &Recipe, source: &Path, object: &Path) -> Result<()> {
    let unfinished = object.with_extension("unfinished");
    let output = Command::new(&recipe.compiler)
        .args(&recipe.flags)
        .args(
            recipe
                .includes
                .iter()
                .flat_map(|dir| [OsStr::new("-I"), dir.as_os_str()]),
        )
        .args([
            OsStr::new("-c"),
            source.as_os_str(),
            OsStr::new("-o"),
            unfinished.as_os_str(),
        ])
        .output()
        .with_context(|| format!("run {}", recipe.compiler))?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        bail!(
            "{} failed on {}: {}",
            recipe.compiler,
            source.display(),
            first_error(&text)
        );
    }
    fs::rename(&unfinished, object).with_context(|| format!("rename {}", unfinished.display()))
}

fn first_error(text: &str) -> &str {
    text.lines()
        .find(|line| line.contains("error"))
        .or_else(|| text.lines().next_back())
        .unwrap_or("no message")
}

fn jobs() -> usize {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let meminfo = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    cores.min(jobs_by_memory(&meminfo)).max(1)
}

fn jobs_by_memory(meminfo: &str) -> usize {
    meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemAvailable:"))
        .and_then(|rest| {
            rest.trim()
                .trim_end_matches("kB")
                .trim()
                .parse::<u64>()
                .ok()
        })
        .and_then(|kib| usize::try_from(kib / BATCH_MEMORY_KIB).ok())
        .unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_includes_its_files_in_order() {
        let text = unity(&[PathBuf::from("/a/x.cc"), PathBuf::from("/a/y.cc")]);
        assert_eq!(text, "#include \"/a/x.cc\"\n#include \"/a/y.cc\"\n");
    }

    #[test]
    fn memory_bounds_the_jobs_where_it_is_known() {
        assert_eq!(
            jobs_by_memory("MemTotal: 9 kB\nMemAvailable:    4100000 kB\n"),
            2
        );
        assert_eq!(jobs_by_memory("MemAvailable: 1000 kB"), 0);
        assert_eq!(jobs_by_memory(""), usize::MAX);
    }

    #[test]
    fn the_first_error_is_what_is_told() {
        assert_eq!(
            first_error("a.cc: note: x\na.cc:1: error: y\nb: error: z"),
            "a.cc:1: error: y"
        );
        assert_eq!(first_error("killed"), "killed");
        assert_eq!(first_error(""), "no message");
    }

    #[test]
    fn a_batch_that_clashes_is_compiled_file_by_file() {
        let folder = std::env::temp_dir().join(format!("weir-xtask-clash-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let files = ["a", "b"].map(|name| folder.join(format!("{name}.cc")));
        for file in &files {
            // The same static name twice: fine as two units, an error as one.
            fs::write(file, "static int twice() { return 1; } int use_it();").expect("a file");
        }
        let recipe = Recipe {
            compiler: "g++".into(),
            flags: vec!["-w".into()],
            includes: Vec::new(),
            name: "clash".into(),
        };
        let objects =
            compile_batch(&recipe, 0, &files, &folder.join(".")).expect("compiles singly");
        let all_there = objects.iter().all(|object| object.exists());
        fs::remove_dir_all(&folder).expect("removed");
        assert_eq!(objects.len(), 2);
        assert!(all_there);
    }
}
