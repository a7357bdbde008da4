//! `stat`: boot time, context switches, forks, interrupts and running processes of the whole host, from `/proc/stat`.

use super::root::STAT;
use super::{CollectError, Figure, Root};

const KEYS: [(&str, &str); 6] = [
    ("btime", "node_boot_time_seconds"),
    ("ctxt", "node_context_switches_total"),
    ("intr", "node_intr_total"),
    ("processes", "node_forks_total"),
    ("procs_blocked", "node_procs_blocked"),
    ("procs_running", "node_procs_running"),
];

pub(super) fn collect(root: &Root, figures: &mut Vec<Figure>) -> Result<(), CollectError> {
    let before = figures.len();
    figures.extend(root.read_stat()?.lines().filter_map(parse_line));
    if figures.len() == before {
        return Err(CollectError::Odd { path: STAT });
    }
    Ok(())
}

fn parse_line(line: &str) -> Option<Figure> {
    let mut words = line.split_ascii_whitespace();
    let key = words.next()?;
    let (_, name) = KEYS.into_iter().find(|(known, _)| *known == key)?;
    // The first number; of "intr" it is the sum of the others.
    let value: u64 = words.next()?.parse().ok()?;
    Some(Figure::new(name, value as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_number_of_known_keys() {
        let line = |text| parse_line(text).map(|figure| figure.to_string());
        assert_eq!(
            line("intr 2118893 0 9 0").unwrap(),
            "node_intr_total 2118893"
        );
        assert_eq!(line("processes 160619").unwrap(), "node_forks_total 160619");
        assert_eq!(
            line("btime 1795434422").unwrap(),
            "node_boot_time_seconds 1795434422"
        );
        for other in ["cpu0 1 2 3 4", "softirq 1 2", "ctxt", "ctxt x", ""] {
            assert_eq!(line(other), None, "{other}");
        }
    }
}
