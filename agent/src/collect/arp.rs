//! `arp`: how many neighbours each network device knows, from `/proc/net/arp`.

use std::collections::BTreeMap;

use super::{CollectError, Exclude, Figure, Root};

const PATH: &str = "proc/net/arp";
/// After address, hardware type, flags, hardware address and mask.
const DEVICE_COLUMN: usize = 5;

pub(super) fn collect(
    root: &Root,
    exclude: &Exclude,
    figures: &mut Vec<Figure>,
) -> Result<(), CollectError> {
    for (device, entries) in parse(&root.read(PATH)?) {
        if !exclude.excludes(device) {
            let labels = [("device", device)];
            let figure = Figure::labelled("node_arp_entries", &labels, entries as f64);
            figures.push(figure);
        }
    }
    Ok(())
}

fn parse(text: &str) -> BTreeMap<&str, u64> {
    let mut entries = BTreeMap::new();
    // The first line is the heading.
    for line in text.lines().skip(1) {
        if let Some(device) = line.split_ascii_whitespace().nth(DEVICE_COLUMN) {
            *entries.entry(device).or_default() += 1;
        }
    }
    entries
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_by_device() {
        let text = "IP address       HW type     Flags       HW address            Mask     Device\n\
                    10.0.0.1 0x1 0x2 02:fc:00:00:00:05 * eth0\n\
                    10.0.0.2 0x1 0x0 00:00:00:00:00:00 * eth0\n\
                    172.17.0.2 0x1 0x2 02:42:ac:11:00:02 * docker0\n\
                    cut off\n";
        assert_eq!(parse(text), BTreeMap::from([("docker0", 1), ("eth0", 2)]));
        assert!(parse("").is_empty());
        assert!(parse("IP address\n").is_empty());
    }
}
