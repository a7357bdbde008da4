//! `processes`: how many processes and threads there are, in which states, and the limits, from each `/proc/<pid>/stat`.
//! A process that ends while it is read is left out.

use std::collections::BTreeMap;

use super::{CollectError, Figure, Root};

const PROC: &str = "proc";
const MAX_PROCESSES: &str = "proc/sys/kernel/pid_max";
const MAX_THREADS: &str = "proc/sys/kernel/threads-max";
/// Of `num_threads` after the command's name; the state is the first there.
const THREADS_FIELD: usize = 17;

pub(super) fn collect(root: &Root, figures: &mut Vec<Figure>) -> Result<(), CollectError> {
    let (mut states, mut processes, mut threads) = (BTreeMap::<char, u64>::new(), 0_u64, 0_u64);
    for pid in pids(root)? {
        let Ok(text) = root.read(&format!("{PROC}/{pid}/stat")) else {
            continue;
        };
        let Some((state, count)) = parse(&text) else {
            continue;
        };
        *states.entry(state).or_default() += 1;
        processes += 1;
        threads = threads.saturating_add(count);
    }
    if processes == 0 {
        return Err(CollectError::Odd {
            path: "proc/<pid>/stat",
        });
    }
    figures.push(Figure::new("node_processes_pids", processes as f64));
    figures.push(Figure::new("node_processes_threads", threads as f64));
    figures.push(Figure::new(
        "node_processes_max_processes",
        limit(root, MAX_PROCESSES)?,
    ));
    figures.push(Figure::new(
        "node_processes_max_threads",
        limit(root, MAX_THREADS)?,
    ));
    for (state, count) in states {
        let labels = [("state", &*state.to_string())];
        figures.push(Figure::labelled(
            "node_processes_state",
            &labels,
            count as f64,
        ));
    }
    Ok(())
}

fn pids(root: &Root) -> Result<impl Iterator<Item = String>, CollectError> {
    let entries = std::fs::read_dir(root.join(PROC)).map_err(|source| CollectError::Read {
        path: PROC.to_owned(),
        source,
    })?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    Ok(names.filter(|name| name.bytes().all(|byte| byte.is_ascii_digit())))
}

fn limit(root: &Root, path: &'static str) -> Result<f64, CollectError> {
    let limit = root.read(path)?.trim().parse::<u64>();
    limit
        .map(|limit| limit as f64)
        .map_err(|_| CollectError::Odd { path })
}

/// The state and how many threads; the command's name before them may hold anything, also ") R 1".
fn parse(text: &str) -> Option<(char, u64)> {
    let (_, after) = text.rsplit_once(") ")?;
    let mut fields = after.split_ascii_whitespace();
    let mut state = fields.next()?.chars();
    let threads = fields.nth(THREADS_FIELD - 1)?.parse().ok()?;
    let letter = state.next().filter(char::is_ascii_alphabetic)?;
    state.next().is_none().then_some((letter, threads))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_and_the_threads_behind_any_name() {
        let stat = "42 (a) R 1 (b) S 1 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 12 0 300 1 2\n";
        assert_eq!(parse(stat), Some(('S', 12)));
        for odd in [
            "",
            "42 (a",
            "42 (a) ",
            "42 (a) S 1 2",
            "42 (a) SS 1 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 12",
        ] {
            assert_eq!(parse(odd), None, "{odd}");
        }
    }
}
