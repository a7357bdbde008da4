//! `netclass`: what a network device is and whether it is up, from `/sys/class/net`: carrier, speed, MTU, addresses.
//! What a device does not have, as a bridge has no speed, is left out.

use super::{CollectError, Exclude, Figure, Root};

const PATH: &str = "sys/class/net";
/// Speeds are told by the kernel in millions of bits a second.
const BYTES_OF_MEGABIT: f64 = 1_000_000.0 / 8.0;
const NUMBERS: [(&str, &str); 5] = [
    ("carrier", "node_network_carrier"),
    ("carrier_changes", "node_network_carrier_changes_total"),
    ("flags", "node_network_flags"),
    ("mtu", "node_network_mtu_bytes"),
    ("tx_queue_len", "node_network_transmit_queue_length"),
];
/// File and label of `node_network_info`; what is empty is no label.
const WORDS: [(&str, &str); 5] = [
    ("address", "address"),
    ("broadcast", "broadcast"),
    ("duplex", "duplex"),
    ("ifalias", "ifalias"),
    ("operstate", "operstate"),
];

pub(super) fn collect(
    root: &Root,
    exclude: &Exclude,
    figures: &mut Vec<Figure>,
) -> Result<(), CollectError> {
    let devices = root
        .names_in(PATH)
        .map_err(|error| error.absent("classes of network devices"))?;
    for device in devices.iter().filter(|device| !exclude.excludes(device)) {
        let read = |file: &str| root.read(&format!("{PATH}/{device}/{file}")).ok();
        push(device, read, figures);
    }
    Ok(())
}

fn push(device: &str, read: impl Fn(&str) -> Option<String>, figures: &mut Vec<Figure>) {
    let labels = [("device", device)];
    let numbers = NUMBERS.into_iter();
    figures.extend(numbers.filter_map(|(file, name)| {
        let value = number(&read(file)?)?;
        Some(Figure::labelled(name, &labels, value as f64))
    }));
    // -1 where nothing is plugged in.
    let speed = read("speed").and_then(|text| number(&text));
    if let Some(speed) = speed.filter(|speed| *speed >= 0) {
        let bytes = speed as f64 * BYTES_OF_MEGABIT;
        figures.push(Figure::labelled("node_network_speed_bytes", &labels, bytes));
    }
    let words = WORDS.into_iter().filter_map(|(file, label)| {
        let text = read(file)?.trim().to_owned();
        (!text.is_empty()).then_some((label, text))
    });
    let mut info = Figure::labelled("node_network_info", &labels, 1.0);
    info.labels.extend(words);
    let state = info.labels.iter().find(|(name, _)| *name == "operstate");
    // What has no such file is a file beside the devices, as that of bonding.
    let Some((_, state)) = state else {
        return;
    };
    let is_up = f64::from(u8::from(state == "up"));
    figures.push(Figure::labelled("node_network_up", &labels, is_up));
    figures.push(info);
}

/// Flags are written as 0x1003.
fn number(text: &str) -> Option<i64> {
    let text = text.trim();
    match text.strip_prefix("0x") {
        Some(hex) => i64::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::figure::lines;
    use super::*;

    fn told(files: &[(&str, &str)]) -> Vec<String> {
        let read = |file: &str| {
            let found = files.iter().find(|(name, _)| *name == file)?;
            Some(found.1.to_owned())
        };
        let mut figures = Vec::new();
        push("eth0", read, &mut figures);
        lines(&figures)
    }

    #[test]
    fn a_device_that_is_up() {
        let files = [
            ("carrier", "1\n"),
            ("carrier_changes", "2\n"),
            ("flags", "0x1003\n"),
            ("mtu", "1500\n"),
            ("speed", "1000\n"),
            ("address", "02:fc:00:00:00:01\n"),
            ("ifalias", "\n"),
            ("operstate", "up\n"),
        ];
        assert_eq!(
            told(&files),
            [
                "node_network_carrier{device=\"eth0\"} 1",
                "node_network_carrier_changes_total{device=\"eth0\"} 2",
                "node_network_flags{device=\"eth0\"} 4099",
                "node_network_mtu_bytes{device=\"eth0\"} 1500",
                "node_network_speed_bytes{device=\"eth0\"} 125000000",
                "node_network_up{device=\"eth0\"} 1",
                "node_network_info{address=\"02:fc:00:00:00:01\",device=\"eth0\",operstate=\"up\"} 1",
            ]
        );
    }

    #[test]
    fn what_is_missing_or_odd_is_left_out() {
        assert!(told(&[]).is_empty());
        for odd in ["", "-1", "x", "0x", "0xzz", "99999999999999999999"] {
            assert!(told(&[("speed", odd)]).is_empty(), "{odd}");
        }
        assert!(told(&[("mtu", "x"), ("flags", "0xg")]).is_empty());
    }
}
