//! `cgroup`: CPU, memory, tasks and disk of each container, from the tree of control groups (version 2), under cAdvisor's
//! names. Of the other groups only those that the filter asks for. It speaks to no container engine.

mod container;
mod figures;
mod names;

use std::collections::HashMap;
use std::path::Path;

use super::{CollectError, Exclude, Figure, Include, Root, filesystem};
use container::Container;
use figures::{Labels, push_cpu, push_disk, push_memory, push_memory_events, push_memory_stat};
use names::Names;

const MOUNTS: &str = "proc/self/mountinfo";
/// Deeper than pods in slices in users' sessions; what is below is not looked at.
const MAX_DEPTH: usize = 16;
/// Groups that are looked at in a round; those past it are not.
const MAX_GROUPS: usize = 8192;

pub(super) struct Cgroup {
    exclude: Exclude,
    /// Groups besides containers, by path.
    include: Include,
    names: Names,
    text: String,
}

impl Cgroup {
    pub(super) fn new(exclude: Exclude, include: Include) -> Self {
        Self {
            exclude,
            include,
            names: Names::default(),
            text: String::new(),
        }
    }

    pub(super) fn collect(
        &mut self,
        root: &Root,
        figures: &mut Vec<Figure>,
    ) -> Result<(), CollectError> {
        let absent = CollectError::Absent {
            what: "control groups of version 2",
        };
        let mounts = root.read(MOUNTS)?;
        let mount = filesystem::mount_point_of("cgroup2", &mounts).ok_or(absent)?;
        let mut disks = None;
        self.names.begin();
        for id in groups(&root.join(&mount)) {
            let Some(container) = self.told(root, &id) else {
                continue;
            };
            let labels = Labels::new(&id, container.as_ref());
            self.push(root, &format!("{mount}{id}"), &labels, &mut disks, figures);
        }
        self.names.end();
        Ok(())
    }

    /// `None`: not told. `Some(None)`: told, and no container.
    fn told(&mut self, root: &Root, id: &str) -> Option<Option<Container>> {
        if let Some(container) = Container::of(id) {
            let container = self.names.name(root, container);
            return match self.exclude.excludes(&container.name) {
                true => None,
                false => Some(Some(container)),
            };
        }
        self.include.includes(id).then_some(None)
    }

    /// A file that a controller would have, and that is off, is left out; so is a group that has just ended.
    fn push(
        &mut self,
        root: &Root,
        folder: &str,
        labels: &Labels<'_>,
        disks: &mut Option<HashMap<String, String>>,
        figures: &mut Vec<Figure>,
    ) {
        let text = &mut self.text;
        let read = |file: &str, text: &mut String| {
            root.read_into(&format!("{folder}/{file}"), text).is_ok()
        };
        if read("cpu.stat", text) {
            push_cpu(text, labels, figures);
        }
        let mut current = None;
        if read("memory.current", text) {
            current = text.trim().parse().ok();
        }
        if let Some(current) = current {
            let maximum = read("memory.max", text).then(|| text.trim().parse().unwrap_or(0));
            push_memory(current, maximum, labels, figures);
            if read("memory.stat", text) {
                push_memory_stat(current, text, labels, figures);
            }
            if read("memory.events", text) {
                push_memory_events(text, labels, figures);
            }
        }
        for (file, name) in [
            ("memory.swap.current", "container_memory_swap"),
            ("pids.current", "container_threads"),
        ] {
            let value = read(file, text).then(|| text.trim().parse::<u64>().ok());
            if let Some(value) = value.flatten() {
                labels.push(name, &[], value as f64, figures);
            }
        }
        if read("io.stat", text) && !text.is_empty() {
            let disks = disks.get_or_insert_with(|| disk_names(root));
            push_disk(text, disks, labels, figures);
        }
    }
}

/// The path of every group from the mount on, as `/system.slice/docker-0123.scope`, parents first.
fn groups(mount: &Path) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut open = vec![(String::new(), 0)];
    while let Some((id, depth)) = open.pop() {
        let Ok(entries) = std::fs::read_dir(mount.join(id.trim_start_matches('/'))) else {
            continue;
        };
        for entry in entries.filter_map(Result::ok) {
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            let Some(name) = entry
                .file_name()
                .to_str()
                .filter(|_| is_folder)
                .map(str::to_owned)
            else {
                continue;
            };
            if found.len() >= MAX_GROUPS {
                return found;
            }
            let below = format!("{id}/{name}");
            found.push(below.clone());
            if depth < MAX_DEPTH {
                open.push((below, depth + 1));
            }
        }
    }
    found
}

/// Major and minor number to the device's name.
fn disk_names(root: &Root) -> HashMap<String, String> {
    let text = root.read("proc/diskstats").unwrap_or_default();
    let lines = text.lines().filter_map(|line| {
        let mut words = line.split_ascii_whitespace();
        let (major, minor, name) = (words.next()?, words.next()?, words.next()?);
        Some((format!("{major}:{minor}"), format!("/dev/{name}")))
    });
    lines.collect()
}

#[cfg(test)]
mod tests;
