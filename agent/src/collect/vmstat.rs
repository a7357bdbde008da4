//! `vmstat`: page faults, paging, swapping and out-of-memory kills of `/proc/vmstat`; the other lines are left out,
//! as node_exporter does.

use super::{CollectError, Figure, Root};

const PATH: &str = "proc/vmstat";
const KEYS: [(&str, &str); 7] = [
    ("oom_kill", "node_vmstat_oom_kill"),
    ("pgfault", "node_vmstat_pgfault"),
    ("pgmajfault", "node_vmstat_pgmajfault"),
    ("pgpgin", "node_vmstat_pgpgin"),
    ("pgpgout", "node_vmstat_pgpgout"),
    ("pswpin", "node_vmstat_pswpin"),
    ("pswpout", "node_vmstat_pswpout"),
];

pub(super) fn collect(root: &Root, figures: &mut Vec<Figure>) -> Result<(), CollectError> {
    let before = figures.len();
    figures.extend(root.read(PATH)?.lines().filter_map(parse_line));
    if figures.len() == before {
        return Err(CollectError::Odd { path: PATH });
    }
    Ok(())
}

fn parse_line(line: &str) -> Option<Figure> {
    let (key, value) = line.split_once(' ')?;
    let (_, name) = KEYS.into_iter().find(|(known, _)| *known == key)?;
    let value: u64 = value.trim().parse().ok()?;
    Some(Figure::new(name, value as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_known_keys_only() {
        let line = |text| parse_line(text).map(|figure| figure.to_string());
        assert_eq!(
            line("pgmajfault 812").unwrap(),
            "node_vmstat_pgmajfault 812"
        );
        assert_eq!(line("oom_kill 0").unwrap(), "node_vmstat_oom_kill 0");
        for other in [
            "nr_free_pages 5",
            "pgfault",
            "pgfault x",
            "pgfault -1",
            " pgfault 1",
            "",
        ] {
            assert_eq!(line(other), None, "{other}");
        }
    }
}
