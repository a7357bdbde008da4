//! What a server costs, read from outside: processor time of its process tree, peak memory, space on disk.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// Below this share of a core for [`QUIET`] a server counts as idle.
const IDLE_SHARE: f64 = 0.02;
const QUIET: Duration = Duration::from_secs(3);
const LOOK: Duration = Duration::from_millis(500);
const BLOCK_BYTES: u64 = 512;

/// CPU-seconds of a process and everything below it, dead children it has waited for included.
pub(crate) fn cpu_s(pid: u32) -> Result<f64> {
    let mut processes = HashMap::new();
    for entry in fs::read_dir("/proc")?.flatten() {
        let Some(number) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse::<u32>().ok())
        else {
            continue;
        };
        // Gone meanwhile.
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else {
            continue;
        };
        if let Some(parsed) = parse_stat(&stat) {
            processes.insert(number, parsed);
        }
    }
    processes
        .get(&pid)
        .with_context(|| format!("process {pid} is gone"))?;
    let ticks: u64 = processes
        .iter()
        .filter(|(number, _)| descends(&processes, **number, pid))
        .map(|(_, stat)| stat.ticks)
        .sum();
    Ok(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
}

#[derive(Debug, PartialEq, Eq)]
struct Stat {
    parent: u32,
    ticks: u64,
}

fn parse_stat(text: &str) -> Option<Stat> {
    // The name in brackets may hold anything, brackets too. The state follows it.
    let words: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = words.get(11..15)?.iter().map(|word| word.parse::<u64>());
    Some(Stat {
        parent: words.get(1)?.parse().ok()?,
        ticks: ticks.sum::<Result<u64, _>>().ok()?,
    })
}

fn descends(processes: &HashMap<u32, Stat>, mut number: u32, of: u32) -> bool {
    while number != of {
        match processes.get(&number) {
            Some(stat) if stat.parent != 0 => number = stat.parent,
            _ => return false,
        }
    }
    true
}

/// Waits until the process is idle, at most `patience`; false when it never was.
pub(crate) fn wait_until_idle(pid: u32, patience: Duration) -> Result<bool> {
    let deadline = Instant::now() + patience;
    let (mut since, mut before) = (Instant::now(), cpu_s(pid)?);
    while Instant::now() < deadline {
        let looked = Instant::now();
        thread::sleep(LOOK);
        let now = cpu_s(pid)?;
        // A tick is 10 ms, which in one look is the share itself: one tick is quiet.
        if now - before > IDLE_SHARE * looked.elapsed().as_secs_f64() + 0.005 {
            since = Instant::now();
        }
        before = now;
        if since.elapsed() >= QUIET {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The most memory it ever had, and what it has now.
pub(crate) fn rss_bytes(pid: u32) -> Result<(u64, u64)> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let field = |name| kilobytes(&status, name).with_context(|| format!("{name} of {pid}"));
    Ok((field("VmHWM:")?, field("VmRSS:")?))
}

fn kilobytes(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let number: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(number << 10)
}

/// Space that a folder takes, as `du` counts it. What vanishes meanwhile counts nothing.
pub(crate) fn disk_bytes(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let sizes = entries.map(|entry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => disk_bytes(&entry.path()),
        Ok(metadata) => metadata.blocks() * BLOCK_BYTES,
        Err(_) => 0,
    });
    sizes.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_with_a_strange_name_is_read() {
        let text = "7 (a) b) S 3 7 7 0 -1 0 0 0 0 0 10 20 1 2 20 0 4 0 9 9 9";
        assert_eq!(
            parse_stat(text),
            Some(Stat {
                parent: 3,
                ticks: 33
            })
        );
        assert_eq!(parse_stat("7 (a) S 3"), None);
    }

    #[test]
    fn the_tree_is_followed_upwards() {
        let tree = HashMap::from([(1, 0), (5, 1), (6, 5), (9, 1)]);
        let tree = tree
            .into_iter()
            .map(|(number, parent)| (number, Stat { parent, ticks: 1 }))
            .collect();
        let below: Vec<_> = [1, 5, 6, 9]
            .into_iter()
            .filter(|n| descends(&tree, *n, 5))
            .collect();
        assert_eq!(below, [5, 6]);
    }

    #[test]
    fn we_have_used_something_ourselves() {
        let pid = std::process::id();
        let (peak, now) = rss_bytes(pid).unwrap();
        assert!(peak >= now && now > 1 << 20);
        assert!(cpu_s(pid).unwrap() >= 0.0);
        assert!(cpu_s(u32::MAX).is_err());
    }

    #[test]
    fn folders_are_counted_to_the_bottom() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("a/b")).unwrap();
        assert_eq!(disk_bytes(folder.path()), 0);
        fs::write(folder.path().join("a/b/c"), [7; 10_000]).unwrap();
        assert!(disk_bytes(folder.path()) >= 10_000);
    }
}
