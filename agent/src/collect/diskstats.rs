//! `diskstats`: reads, writes, discards, flushes and their times of each block device, from `/proc/diskstats`.
//! Columns: <https://docs.kernel.org/admin-guide/iostats.html>; an old kernel has fewer, and then those figures are absent.

use super::{CollectError, Exclude, Figure, Root};

const PATH: &str = "proc/diskstats";
const SECTOR_BYTES: f64 = 512.0;
const MS: f64 = 1000.0;
/// What every kernel since 2.6.25 has; the lines of partitions of older ones mean something else.
const LEAST_COLUMNS: usize = 11;

#[derive(Clone, Copy)]
enum Unit {
    Count,
    Sectors,
    Milliseconds,
}

const COLUMNS: [(&str, Unit); 17] = [
    ("node_disk_reads_completed_total", Unit::Count),
    ("node_disk_reads_merged_total", Unit::Count),
    ("node_disk_read_bytes_total", Unit::Sectors),
    ("node_disk_read_time_seconds_total", Unit::Milliseconds),
    ("node_disk_writes_completed_total", Unit::Count),
    ("node_disk_writes_merged_total", Unit::Count),
    ("node_disk_written_bytes_total", Unit::Sectors),
    ("node_disk_write_time_seconds_total", Unit::Milliseconds),
    ("node_disk_io_now", Unit::Count),
    ("node_disk_io_time_seconds_total", Unit::Milliseconds),
    (
        "node_disk_io_time_weighted_seconds_total",
        Unit::Milliseconds,
    ),
    ("node_disk_discards_completed_total", Unit::Count),
    ("node_disk_discards_merged_total", Unit::Count),
    ("node_disk_discarded_sectors_total", Unit::Count),
    ("node_disk_discard_time_seconds_total", Unit::Milliseconds),
    ("node_disk_flush_requests_total", Unit::Count),
    (
        "node_disk_flush_requests_time_seconds_total",
        Unit::Milliseconds,
    ),
];

pub(super) fn collect(
    root: &Root,
    exclude: &Exclude,
    figures: &mut Vec<Figure>,
) -> Result<(), CollectError> {
    let text = root.read(PATH)?;
    let devices: Vec<_> = text.lines().filter_map(parse_line).collect();
    // A host without any block device has an empty file, which is no error.
    if devices.is_empty() && !text.trim().is_empty() {
        return Err(CollectError::Odd { path: PATH });
    }
    for (device, values) in devices {
        if !exclude.excludes(device) {
            push(device, &values, figures);
        }
    }
    Ok(())
}

fn parse_line(line: &str) -> Option<(&str, Vec<u64>)> {
    let mut words = line.split_ascii_whitespace().skip(2);
    let device = words.next()?;
    let values: Vec<u64> = words
        .take(COLUMNS.len())
        .map_while(|word| word.parse().ok())
        .collect();
    (values.len() >= LEAST_COLUMNS).then_some((device, values))
}

fn push(device: &str, values: &[u64], figures: &mut Vec<Figure>) {
    for ((name, unit), value) in COLUMNS.into_iter().zip(values) {
        let value = match unit {
            Unit::Count => *value as f64,
            Unit::Sectors => *value as f64 * SECTOR_BYTES,
            Unit::Milliseconds => *value as f64 / MS,
        };
        figures.push(Figure::labelled(name, &[("device", device)], value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_of_a_new_kernel() {
        let line =
            " 254       0 vda 11 12 13 14500 21 22 23 24 1 70616 439692 31 32 33 34 12375 1505 99";
        let (device, values) = parse_line(line).unwrap();
        let mut figures = Vec::new();
        push(device, &values, &mut figures);
        let lines = super::super::figure::lines(&figures);
        assert_eq!(lines.len(), 17);
        for expected in [
            "node_disk_read_bytes_total{device=\"vda\"} 6656",
            "node_disk_read_time_seconds_total{device=\"vda\"} 14.5",
            "node_disk_io_now{device=\"vda\"} 1",
            "node_disk_io_time_weighted_seconds_total{device=\"vda\"} 439.692",
            "node_disk_discarded_sectors_total{device=\"vda\"} 33",
            "node_disk_flush_requests_time_seconds_total{device=\"vda\"} 1.505",
        ] {
            assert!(
                lines.iter().any(|line| line == expected),
                "{expected} in {lines:?}"
            );
        }
    }

    #[test]
    fn old_kernels_and_odd_lines() {
        assert_eq!(
            parse_line("8 0 sda 1 2 3 4 5 6 7 8 9 10 11")
                .unwrap()
                .1
                .len(),
            11
        );
        for odd in [
            "",
            "8 0",
            "8 1 sda1 1 2 3 4",
            "8 0 sda 1 2 3 4 5 6 7 8 9 10 x",
            "8 0 sda -1 2 3 4 5 6 7 8 9 10 11",
        ] {
            assert!(parse_line(odd).is_none(), "{odd}");
        }
    }
}
