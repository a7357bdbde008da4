//! Which group each process belongs to, remembered, since command lines are read only of processes that are new. As many
//! are remembered as live, which the kernel bounds.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::time::Duration;

use regex::Regex;

use super::super::{Figure, Root};
use super::group::{Group, Now, Total, Units};
use super::line::{Line, Usage};

/// Of a command line; expressions are tried on no more.
const MAX_COMMAND_BYTES: usize = 4096;
/// Looks at a command line after which it is taken for final: a new process is for a moment what it was forked from.
const LOOKS: u8 = 3;
/// Counted one by one where the kernel does not say the number at once (before 6.2).
const MAX_OPEN_FILES: usize = 1 << 20;

pub(in super::super) struct Groups {
    groups: Vec<Group>,
    known: HashMap<u32, Known>,
    round: u64,
    /// When the youngest process started that was seen so far, and until the round before, in ticks.
    newest: u64,
    newest_before: u64,
    units: Units,
    command_line: String,
}

struct Known {
    command: String,
    usage: Usage,
    group: Option<usize>,
    looks: u8,
    round: u64,
}

impl Groups {
    /// Of names and expressions; a process is in the first that fits its command line.
    pub(in super::super) fn new(patterns: &BTreeMap<String, String>) -> Result<Self, regex::Error> {
        let group = |(name, pattern): (&String, &String)| {
            Ok(Group {
                name: name.clone(),
                pattern: Regex::new(pattern)?,
                total: Total::default(),
                now: Now::new(),
            })
        };
        Ok(Self {
            groups: patterns.iter().map(group).collect::<Result<_, _>>()?,
            known: HashMap::new(),
            round: 0,
            newest: 0,
            newest_before: 0,
            units: Units {
                ticks_per_second: rustix::param::clock_ticks_per_second().max(1) as f64,
                page_bytes: rustix::param::page_size() as f64,
                boot: None,
            },
            command_line: String::new(),
        })
    }

    pub(super) fn begin(&mut self) {
        self.round += 1;
        self.newest_before = self.newest;
        for group in &mut self.groups {
            group.now = Now::new();
        }
    }

    /// Puts one process where it belongs.
    pub(super) fn see(&mut self, root: &Root, pid: u32, line: &Line<'_>) {
        let Some(usage) = line.usage.filter(|_| !self.groups.is_empty()) else {
            return;
        };
        let known = self.known.remove(&pid);
        // What it used before this agent started does not count: a total that began with it would fall when the agent
        // starts anew, and then all of it would count once more. The same where a process could not be read for a round.
        let is_new = self.round > 1 && usage.start_ticks >= self.newest_before;
        let had_used = match is_new {
            true => Usage::default(),
            false => usage,
        };
        self.newest = self.newest.max(usage.start_ticks);
        let mut known = known
            .filter(|known| known.usage.start_ticks == usage.start_ticks)
            .unwrap_or_else(|| Known::new(had_used));
        if known.command != line.command {
            // It has become another program.
            known.looks = 0;
            line.command.clone_into(&mut known.command);
        }
        if known.looks < LOOKS {
            known.looks += 1;
            known.group = self.group_of(root, pid, line.command);
        }
        if let Some(group) = known.group.and_then(|at| self.groups.get_mut(at)) {
            group.total.add(&known.usage, &usage);
            group.now.add(line, &usage);
            match open_files(root, pid) {
                Ok(files) => group.now.open_files = group.now.open_files.map(|sum| sum + files),
                // It has ended.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(_) => group.now.open_files = None,
            }
        }
        (known.usage, known.round) = (usage, self.round);
        self.known.insert(pid, known);
    }

    /// Forgets who ended, and tells what the groups amount to.
    pub(super) fn end(&mut self, root: &Root, figures: &mut Vec<Figure>) {
        self.known.retain(|_, known| known.round == self.round);
        if self.units.boot.is_none() && !self.groups.is_empty() {
            self.units.boot = boot(root);
        }
        for group in &self.groups {
            group.push(self.units, figures);
        }
    }

    fn group_of(&mut self, root: &Root, pid: u32, command: &str) -> Option<usize> {
        let path = format!("proc/{pid}/cmdline");
        let line = &mut self.command_line;
        let read = root.read_start(&path, MAX_COMMAND_BYTES, line);
        if read.is_err() || line.trim_matches('\0').is_empty() {
            // The kernel's own threads have none, and are written as `ps` does.
            line.clear();
            line.extend(["[", command, "]"]);
        }
        let line = line.trim_end_matches('\0').replace('\0', " ");
        self.groups
            .iter()
            .position(|group| group.pattern.is_match(&line))
    }
}

impl Known {
    fn new(usage: Usage) -> Self {
        Self {
            command: String::new(),
            usage,
            group: None,
            looks: 0,
            round: 0,
        }
    }
}

fn open_files(root: &Root, pid: u32) -> io::Result<u64> {
    let folder = root.join(&format!("proc/{pid}/fd"));
    match std::fs::metadata(&folder)?.len() {
        0 => Ok(std::fs::read_dir(folder)?.take(MAX_OPEN_FILES).count() as u64),
        files => Ok(files),
    }
}

fn boot(root: &Root) -> Option<Duration> {
    let text = root.read_stat().ok()?;
    let seconds = text.lines().find_map(|line| line.strip_prefix("btime "))?;
    seconds.trim().parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests;
