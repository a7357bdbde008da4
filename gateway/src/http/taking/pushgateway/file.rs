//! A group's file: JSON, written beside and renamed, synced before. What cannot be read is left where it is and told.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use weir_wire::{Kind, SeriesKey};

use super::group::{Group, Kept};

const EXTENSION: &str = "json";

#[derive(Serialize, Deserialize)]
struct Written {
    labels: Vec<(String, String)>,
    pushed_ms: i64,
    failed_ms: i64,
    ttl_ms: Option<i64>,
    families: Vec<WrittenFamily>,
}

#[derive(Serialize, Deserialize)]
struct WrittenFamily {
    name: String,
    kind: String,
    samples: Vec<WrittenSample>,
    natives: Vec<WrittenKey>,
}

#[derive(Serialize, Deserialize)]
struct WrittenKey {
    name: String,
    labels: Vec<(String, String)>,
}

/// The value is text, since JSON has no NaN and no infinities.
#[derive(Serialize, Deserialize)]
struct WrittenSample {
    #[serde(flatten)]
    key: WrittenKey,
    value: String,
}

/// Where the group of a name has its file.
pub(super) fn path(dir: &Path, key: &[u8]) -> PathBuf {
    let name = xxhash_rust::xxh3::xxh3_128(key);
    dir.join(format!("{name:032x}.{EXTENSION}"))
}

/// # Errors
/// Of the file system.
pub(super) fn write(path: &Path, group: &Group) -> std::io::Result<()> {
    let written = Written {
        labels: group.labels.clone(),
        pushed_ms: group.pushed_ms,
        failed_ms: group.failed_ms,
        ttl_ms: group.ttl_ms,
        families: group.families.iter().map(family).collect(),
    };
    let beside = path.with_extension("new");
    let mut file = std::fs::File::create(&beside)?;
    serde_json::to_writer(&mut file, &written)?;
    file.flush()?;
    file.sync_all()?;
    std::fs::rename(&beside, path)?;
    sync_folder(path)
}

/// # Errors
/// Of the file system, but for a file that is not there.
pub(super) fn remove(path: &Path) -> std::io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => sync_folder(path),
    }
}

/// So that what was renamed or removed in it stays so after a loss of power.
fn sync_folder(path: &Path) -> std::io::Result<()> {
    match path.parent() {
        Some(folder) => std::fs::File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

/// Every group that has a file; the directory is made if it is not there.
///
/// # Errors
/// Of the file system.
pub(super) fn read_all(dir: &Path) -> std::io::Result<Vec<Group>> {
    std::fs::create_dir_all(dir)?;
    let mut groups = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path
            .extension()
            .is_none_or(|extension| extension != EXTENSION)
        {
            continue;
        }
        match read(&path) {
            Ok(group) => groups.push(group),
            Err(why) => tracing::error!("the group in {} is not read: {why}", path.display()),
        }
    }
    Ok(groups)
}

fn family((name, kept): (&String, &Kept)) -> WrittenFamily {
    let samples = kept.samples.iter().map(|(key, value)| WrittenSample {
        key: written_key(key),
        value: value.to_string(),
    });
    WrittenFamily {
        name: name.clone(),
        kind: kept.kind.as_str().to_owned(),
        samples: samples.collect(),
        natives: kept.natives.iter().map(written_key).collect(),
    }
}

fn written_key(key: &SeriesKey) -> WrittenKey {
    let labels = key.labels();
    WrittenKey {
        name: key.name().to_owned(),
        labels: labels
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
    }
}

fn read_key(written: &WrittenKey) -> Result<SeriesKey, String> {
    let labels = written.labels.iter();
    let labels = labels.map(|(name, value)| (name.as_str(), value.as_str()));
    SeriesKey::new(&written.name, labels).map_err(|error| error.to_string())
}

fn read(path: &Path) -> Result<Group, String> {
    let text = std::fs::read(path).map_err(|error| error.to_string())?;
    let written: Written = serde_json::from_slice(&text).map_err(|error| error.to_string())?;
    let mut group = Group {
        labels: written.labels,
        pushed_ms: written.pushed_ms,
        failed_ms: written.failed_ms,
        ttl_ms: written.ttl_ms,
        ..Group::default()
    };
    for family in written.families {
        let kind = Kind::ALL
            .into_iter()
            .find(|kind| kind.as_str() == family.kind);
        let mut kept = Kept {
            kind: kind.unwrap_or_default(),
            samples: BTreeMap::new(),
            natives: BTreeSet::new(),
        };
        for native in &family.natives {
            kept.natives.insert(read_key(native)?);
        }
        for sample in family.samples {
            let key = read_key(&sample.key)?;
            let value = sample.value.parse::<f64>();
            kept.samples
                .insert(key, value.map_err(|error| error.to_string())?);
        }
        group.families.insert(family.name, kept);
    }
    Ok(group)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_comes_back_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let key = |name: &str| SeriesKey::new(name, [("job", "j"), ("x", "\"ü\n")]).unwrap();
        let values = [1.5, -0.0, f64::INFINITY, 1e300, 0.1];
        let named = values.iter().enumerate();
        let kept = Kept {
            kind: Kind::Counter,
            samples: named
                .map(|(at, value)| (key(&format!("s{at}")), *value))
                .collect(),
            natives: [key("took")].into(),
        };
        let group = Group {
            labels: vec![("job".to_owned(), "j".to_owned())],
            families: [("s".to_owned(), kept)].into(),
            pushed_ms: 5,
            failed_ms: 0,
            ttl_ms: Some(7),
        };
        let path = path(dir.path(), b"key");
        write(&path, &group).unwrap();
        assert_eq!(read_all(dir.path()).unwrap(), [group]);
        std::fs::write(&path, "{").unwrap();
        assert!(read_all(dir.path()).unwrap().is_empty());
        remove(&path).unwrap();
        remove(&path).unwrap();
    }
}
