//! `processes`: how many processes and threads there are, in which states, and the limits, from each `/proc/<pid>/stat`,
//! read once for these and for the configured groups. A process that ends while it is read is left out.

mod group;
mod groups;
mod line;

use std::collections::BTreeMap;
use std::fmt::Write;

use super::{CollectError, Figure, Root};
pub(super) use groups::Groups;
use line::Line;

const PROC: &str = "proc";
const MAX_PROCESSES: &str = "proc/sys/kernel/pid_max";
const MAX_THREADS: &str = "proc/sys/kernel/threads-max";

pub(super) struct Processes {
    groups: Groups,
    /// Used again for each process.
    path: String,
    text: String,
}

impl Processes {
    pub(super) fn new(groups: Groups) -> Self {
        Self {
            groups,
            path: String::new(),
            text: String::new(),
        }
    }

    pub(super) fn collect(
        &mut self,
        root: &Root,
        figures: &mut Vec<Figure>,
    ) -> Result<(), CollectError> {
        let (mut states, mut processes, mut threads) = (BTreeMap::<char, u64>::new(), 0_u64, 0_u64);
        self.groups.begin();
        for pid in pids(root)? {
            self.path.clear();
            let written = write!(self.path, "{PROC}/{pid}/stat");
            if written.is_err() || root.read_into(&self.path, &mut self.text).is_err() {
                continue;
            }
            let Some(line) = Line::parse(&self.text) else {
                continue;
            };
            *states.entry(line.state).or_default() += 1;
            processes += 1;
            threads = threads.saturating_add(line.threads);
            self.groups.see(root, pid, &line);
        }
        if processes == 0 {
            return Err(CollectError::Odd {
                path: "proc/<pid>/stat",
            });
        }
        figures.push(Figure::new("node_processes_pids", processes as f64));
        figures.push(Figure::new("node_processes_threads", threads as f64));
        for (name, path) in [
            ("node_processes_max_processes", MAX_PROCESSES),
            ("node_processes_max_threads", MAX_THREADS),
        ] {
            figures.push(Figure::new(name, root.read_number(path)? as f64));
        }
        for (state, count) in states {
            let labels = [("state", &*state.to_string())];
            let figure = Figure::labelled("node_processes_state", &labels, count as f64);
            figures.push(figure);
        }
        self.groups.end(root, figures);
        Ok(())
    }
}

fn pids(root: &Root) -> Result<impl Iterator<Item = u32> + use<>, CollectError> {
    let entries = std::fs::read_dir(root.join(PROC)).map_err(|source| CollectError::Read {
        path: PROC.to_owned(),
        source,
    })?;
    Ok(entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()))
}
