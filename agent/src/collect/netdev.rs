//! `netdev`: bytes, packets, errors and drops of each network device and direction, from `/proc/net/dev`.

use super::{CollectError, Exclude, Figure, Root};

const PATH: &str = "proc/net/dev";

/// The columns of both sides in the kernel's order.
const COLUMNS: [&str; 16] = [
    "node_network_receive_bytes_total",
    "node_network_receive_packets_total",
    "node_network_receive_errs_total",
    "node_network_receive_drop_total",
    "node_network_receive_fifo_total",
    "node_network_receive_frame_total",
    "node_network_receive_compressed_total",
    "node_network_receive_multicast_total",
    "node_network_transmit_bytes_total",
    "node_network_transmit_packets_total",
    "node_network_transmit_errs_total",
    "node_network_transmit_drop_total",
    "node_network_transmit_fifo_total",
    "node_network_transmit_colls_total",
    "node_network_transmit_carrier_total",
    "node_network_transmit_compressed_total",
];

pub(super) fn collect(
    root: &Root,
    exclude: &Exclude,
    figures: &mut Vec<Figure>,
) -> Result<(), CollectError> {
    let text = root.read(PATH)?;
    let devices: Vec<_> = text.lines().filter_map(parse_line).collect();
    if devices.is_empty() {
        return Err(CollectError::Odd { path: PATH });
    }
    for (device, values) in devices
        .into_iter()
        .filter(|(device, _)| !exclude.excludes(device))
    {
        for (name, value) in COLUMNS.into_iter().zip(values) {
            figures.push(Figure::labelled(name, &[("device", device)], value as f64));
        }
    }
    Ok(())
}

fn parse_line(line: &str) -> Option<(&str, [u64; COLUMNS.len()])> {
    // The last colon: the name of an alias has one itself.
    let (device, rest) = line.rsplit_once(':')?;
    let device = device.trim();
    let mut values = [0; COLUMNS.len()];
    let mut words = rest.split_ascii_whitespace();
    for value in &mut values {
        *value = words.next()?.parse().ok()?;
    }
    (!device.is_empty() && words.next().is_none()).then_some((device, values))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_both_sides() {
        let (device, values) =
            parse_line("  eth0:565069952 2 3 4 5 6 7 8 9 10 11 12 13 14 15 18446744073709551615")
                .unwrap();
        assert_eq!(
            (device, values[0], values[8], values[15]),
            ("eth0", 565_069_952, 9, u64::MAX)
        );
        assert_eq!(
            parse_line("br0:1: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16")
                .unwrap()
                .0,
            "br0:1"
        );
    }

    #[test]
    fn headings_and_odd_lines_are_left_out() {
        for odd in [
            "Inter-|   Receive    |  Transmit",
            " face |bytes    packets errs drop fifo frame compressed multicast|bytes",
            "eth0: 1 2 3",
            ": 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16",
            "eth0: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17",
            "eth0: 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 x",
        ] {
            assert!(parse_line(odd).is_none(), "{odd}");
        }
    }
}
