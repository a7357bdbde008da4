//! `conntrack`: the table of connections that the packet filter follows, from `/proc/sys/net/netfilter` and
//! `/proc/net/stat/nf_conntrack`. A host whose kernel follows none has neither, which is no failure.

use super::{CollectError, Figure, Root};

const ENTRIES: &str = "proc/sys/net/netfilter/nf_conntrack_count";
const LIMIT: &str = "proc/sys/net/netfilter/nf_conntrack_max";
const STAT: &str = "proc/net/stat/nf_conntrack";
/// Columns that are told, each under its own name; all are sums over processors.
const COLUMNS: [(&str, &str); 8] = [
    ("found", "node_nf_conntrack_stat_found"),
    ("invalid", "node_nf_conntrack_stat_invalid"),
    ("ignore", "node_nf_conntrack_stat_ignore"),
    ("insert", "node_nf_conntrack_stat_insert"),
    ("insert_failed", "node_nf_conntrack_stat_insert_failed"),
    ("drop", "node_nf_conntrack_stat_drop"),
    ("early_drop", "node_nf_conntrack_stat_early_drop"),
    ("search_restart", "node_nf_conntrack_stat_search_restart"),
];

pub(super) fn collect(root: &Root, figures: &mut Vec<Figure>) -> Result<(), CollectError> {
    let entries = root
        .read_number(ENTRIES)
        .map_err(|error| error.absent("tracking of connections in its packet filter"))?;
    figures.push(Figure::new("node_nf_conntrack_entries", entries as f64));
    let limit = root.read_number(LIMIT)?;
    figures.push(Figure::new("node_nf_conntrack_entries_limit", limit as f64));
    // Newer kernels may be built without this file.
    if let Ok(text) = root.read(STAT) {
        let sums = parse(&text).ok_or(CollectError::Odd { path: STAT })?;
        for ((_, name), sum) in COLUMNS.into_iter().zip(sums) {
            figures.push(Figure::new(name, sum as f64));
        }
    }
    Ok(())
}

/// A line of names, then one of hexadecimal numbers for each processor.
fn parse(text: &str) -> Option<[u64; COLUMNS.len()]> {
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next()?.split_ascii_whitespace().collect();
    let mut sums = [0_u64; COLUMNS.len()];
    for line in lines {
        for (name, word) in names.iter().zip(line.split_ascii_whitespace()) {
            let value = u64::from_str_radix(word, 16).ok()?;
            let known = COLUMNS.iter().position(|(column, _)| column == name);
            if let Some(sum) = known.and_then(|at| sums.get_mut(at)) {
                *sum = sum.saturating_add(value);
            }
        }
    }
    names.contains(&"found").then_some(sums)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processors_are_summed_by_the_names_of_columns() {
        let text = "entries  clashres found new invalid ignore delete chainlength insert insert_failed drop early_drop icmp_error  expect_new expect_create expect_delete search_restart\n\
                    00000021 00000000 0000000a 00000000 00000002 00000000 00000000 00000003 00000000 00000001 00000000 00000004 00000000 00000000 00000000 00000000 0000000f\n\
                    00000021 00000000 00000006 00000000 00000001 00000000 00000000 00000003 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000001\n";
        assert_eq!(parse(text), Some([16, 3, 0, 0, 1, 0, 4, 16]));
    }

    #[test]
    fn odd_tables_are_none_and_huge_numbers_end_at_the_greatest() {
        for odd in ["", "\n", "entries\n1\n", "found\nxyz\n", "found\n-1\n"] {
            assert_eq!(parse(odd), None, "{odd}");
        }
        let most = parse("found\nffffffffffffffff\n1\n").unwrap();
        assert_eq!(most[0], u64::MAX);
    }
}
