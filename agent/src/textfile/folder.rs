//! A folder's `*.prom` files, in the order of their names, to series and values; which of them are bad, and why. Bounded in
//! files and samples. Source of names and outcomes: node_exporter 1.9, collector/textfile.go.

use std::collections::HashSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use weir_aggregate::Labels;
use weir_wire::SeriesKey;

use super::read::{self, File};

/// Files that are read; more are a problem of the folder.
const MAX_FILES: usize = 1_000;
/// Samples of all files together.
const MAX_SAMPLES: usize = 200_000;
const ENDING: &str = ".prom";

/// What a round found.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) samples: Vec<(SeriesKey, f64)>,
    /// Samples that are left out.
    pub(super) not_finite: usize,
    pub(super) problems: Vec<Problem>,
}

/// A file, or the folder, and why it gave nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) path: PathBuf,
    pub(super) reason: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.reason)
    }
}

/// Reads all of it; blocks as long as the files do.
pub(super) fn read(folder: &Path, labels: &Labels) -> Found {
    let mut round = Round {
        labels,
        seen: HashSet::new(),
        found: Found::default(),
    };
    match names(folder) {
        Ok(mut names) => {
            if names.len() > MAX_FILES {
                let reason = format!("more than {MAX_FILES} files; the first by name are read");
                round.problem(folder, reason);
                names.truncate(MAX_FILES);
            }
            for name in names {
                let path = folder.join(name);
                if let Err(reason) = round.file(&path) {
                    round.problem(&path, reason);
                }
            }
        }
        Err(error) => round.problem(folder, error.to_string()),
    }
    let is_bad = !round.found.problems.is_empty();
    round.own(
        "node_textfile_scrape_error",
        None,
        f64::from(u8::from(is_bad)),
    );
    round.found
}

/// What ends as it should, ascending.
fn names(folder: &Path) -> std::io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name();
        let name = name.to_string_lossy();
        if name.ends_with(ENDING) {
            names.push(name.into_owned());
        }
    }
    names.sort();
    Ok(names)
}

struct Round<'a> {
    labels: &'a Labels,
    seen: HashSet<SeriesKey>,
    found: Found,
}

impl Round<'_> {
    fn problem(&mut self, path: &Path, reason: String) {
        let path = path.to_owned();
        self.found.problems.push(Problem { path, reason });
    }

    /// Takes a file whole or not at all.
    fn file(&mut self, path: &Path) -> Result<(), String> {
        let File {
            samples,
            not_finite,
            modified,
        } = read::file(path, self.labels)?;
        if self.found.samples.len() + samples.len() > MAX_SAMPLES {
            return Err(format!(
                "all files together have more than {MAX_SAMPLES} samples"
            ));
        }
        if let Some((twice, _)) = samples.iter().find(|(key, _)| self.seen.contains(key)) {
            return Err(format!("{twice} is in a file before it already"));
        }
        self.seen.extend(samples.iter().map(|(key, _)| key.clone()));
        self.found.samples.extend(samples);
        self.found.not_finite += not_finite;
        // Whole seconds, as node_exporter tells them.
        let seconds = modified
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        self.own("node_textfile_mtime_seconds", Some(path), seconds as f64);
        Ok(())
    }

    /// A figure about the reading itself.
    fn own(&mut self, name: &str, file: Option<&Path>, value: f64) {
        let file = file.map(|path| path.to_string_lossy());
        let labels = file.as_deref().map(|path| ("file", path));
        // A path that is too long for a label has no series.
        let key = SeriesKey::new(name, labels).ok();
        let key = key.and_then(|key| self.labels.put_on(&key, "").ok());
        self.found.samples.extend(key.map(|key| (key, value)));
    }
}
