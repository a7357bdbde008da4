//! Names that were never made durable. ext4 writes the name of a new file with the file; the standard promises it only
//! after the directory is synced. The kernel's own record of what was created and synced tells which names a stricter
//! file system would have dropped, and they are dropped here too.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

const TRACING: &str = "/sys/kernel/tracing";
const EVENTS: [&str; 2] = ["ext4_allocate_inode", "ext4_sync_file_enter"];
const BUFFER_KIB: &str = "8192";

/// A trace of one file system; gone when dropped.
pub(super) struct Names {
    instance: PathBuf,
}

impl Names {
    /// # Errors
    /// Where the kernel gives no such traces.
    pub(super) fn watch() -> Result<Self> {
        if !Path::new(TRACING).join("instances").is_dir() {
            let mounted = Command::new("mount")
                .args(["-t", "tracefs", "nodev", TRACING])
                .status();
            mounted.context("mount tracefs")?;
        }
        let name = format!("instances/weir-crash-{}", std::process::id());
        let instance = Path::new(TRACING).join(name);
        fs::create_dir(&instance).context("a trace of ext4")?;
        let names = Self { instance };
        fs::write(names.instance.join("buffer_size_kb"), BUFFER_KIB)?;
        for event in EVENTS {
            let switch = format!("events/ext4/{event}/enable");
            fs::write(names.instance.join(switch), "1").context(event)?;
        }
        Ok(names)
    }

    /// Forgets what was recorded: everything of before is on disk.
    pub(super) fn clear(&self) -> Result<()> {
        fs::write(self.instance.join("trace"), "").context("clear the trace")
    }

    /// What has a name that no sync of its directory has made durable.
    pub(super) fn unsynced(&self, device: u64) -> Result<Unsynced> {
        let trace = fs::read_to_string(self.instance.join("trace"))?;
        let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
        Ok(Unsynced::of(&trace, &format!("dev {major},{minor} ")))
    }
}

impl Drop for Names {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.instance);
    }
}

/// Inodes by the inode of the directory they were created in.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Unsynced(BTreeMap<u64, BTreeSet<u64>>);

impl Unsynced {
    fn of(trace: &str, device: &str) -> Self {
        let mut unsynced = Self::default();
        for line in trace.lines().filter(|line| line.contains(device)) {
            let Some(inode) = field(line, "ino") else {
                continue;
            };
            if line.contains("ext4_sync_file_enter:") {
                unsynced.0.remove(&inode);
            } else if let Some(directory) = field(line, "dir") {
                // A number may be used again: what counts is its newest file.
                unsynced.0.values_mut().for_each(|created| {
                    created.remove(&inode);
                });
                unsynced.0.entry(directory).or_default().insert(inode);
            }
        }
        unsynced
    }

    /// Drops the names of files, below this directory, that are unsynced; how many there were.
    pub(super) fn drop_names(&self, directory: &Path) -> Result<u64> {
        let created = self.0.get(&fs::metadata(directory)?.ino());
        let mut dropped = 0;
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            let meta = entry.metadata()?;
            if meta.is_dir() {
                dropped += self.drop_names(&entry.path())?;
            } else if created.is_some_and(|created| created.contains(&meta.ino())) {
                fs::remove_file(entry.path())?;
                dropped += 1;
            }
        }
        Ok(dropped)
    }
}

/// The number after a word.
fn field(line: &str, name: &str) -> Option<u64> {
    let mut words = line.split_whitespace().skip_while(|word| *word != name);
    words.nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_durable_once_its_directory_is_synced_after_it() {
        let trace = "\
# tracer: nop
 weir-1 [0] ... 1.0: ext4_allocate_inode: dev 7,0 ino 20 dir 12 mode 0100644
 weir-1 [0] ... 1.1: ext4_sync_file_enter: dev 7,0 ino 20 parent 12 datasync 0
 weir-1 [0] ... 1.2: ext4_allocate_inode: dev 7,1 ino 30 dir 12 mode 0100644
 weir-1 [0] ... 1.3: ext4_allocate_inode: dev 7,0 ino 21 dir 13 mode 0100644
 weir-1 [0] ... 1.4: ext4_sync_file_enter: dev 7,0 ino 13 parent 2 datasync 0
 weir-1 [0] ... 1.5: ext4_allocate_inode: dev 7,0 ino 22 dir 13 mode 0100644
";
        let unsynced = Unsynced::of(trace, "dev 7,0 ");
        let expected = [(12, [20].into()), (13, [22].into())];
        // Directory 13 was synced before its second file.
        assert_eq!(unsynced, Unsynced(expected.into()));
    }

    #[test]
    fn only_names_in_the_directory_they_were_created_in_are_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join(name);
        fs::create_dir(path("in")).unwrap();
        for name in ["kept", "dropped", "in/linked"] {
            fs::write(path(name), name).unwrap();
        }
        let inode = |name: &str| fs::metadata(path(name)).unwrap().ino();
        let created = [inode("dropped"), inode("in/linked")].into();
        let unsynced = Unsynced([(fs::metadata(dir.path()).unwrap().ino(), created)].into());
        assert_eq!(unsynced.drop_names(dir.path()).unwrap(), 1);
        assert!(path("kept").exists() && path("in/linked").exists() && !path("dropped").exists());
    }
}
