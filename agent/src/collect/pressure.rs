//! `pressure`: the time that tasks waited for processor, memory, disk and interrupts, from `/proc/pressure`.
//! "Waiting" is some task, "stalled" is all of them. Form: <https://docs.kernel.org/accounting/psi.html>.

use super::{CollectError, Figure, Root};

const MICROSECONDS: f64 = 1e6;

/// File, line, figure. The "full" line of the processor is always 0 for a whole host, and interrupts have no "some".
const LINES: [(&str, &str, &str); 6] = [
    (
        "proc/pressure/cpu",
        "some",
        "node_pressure_cpu_waiting_seconds_total",
    ),
    (
        "proc/pressure/memory",
        "some",
        "node_pressure_memory_waiting_seconds_total",
    ),
    (
        "proc/pressure/memory",
        "full",
        "node_pressure_memory_stalled_seconds_total",
    ),
    (
        "proc/pressure/io",
        "some",
        "node_pressure_io_waiting_seconds_total",
    ),
    (
        "proc/pressure/io",
        "full",
        "node_pressure_io_stalled_seconds_total",
    ),
    (
        "proc/pressure/irq",
        "full",
        "node_pressure_irq_stalled_seconds_total",
    ),
];

/// Gives what there is; the interrupts' file is younger than the others. Without any, the first reason.
pub(super) fn collect(root: &Root, figures: &mut Vec<Figure>) -> Result<(), CollectError> {
    let (before, mut reason) = (figures.len(), None);
    for (path, line, name) in LINES {
        match root.read(path) {
            Ok(text) => match parse(&text, line) {
                Some(seconds) => figures.push(Figure::new(name, seconds)),
                None => reason = reason.or(Some(CollectError::Odd { path })),
            },
            Err(error) => reason = reason.or(Some(error.absent("pressure stall information"))),
        }
    }
    match reason {
        Some(reason) if figures.len() == before => Err(reason),
        _ => Ok(()),
    }
}

fn parse(text: &str, line: &str) -> Option<f64> {
    let fields = text
        .lines()
        .find_map(|text| text.strip_prefix(line)?.strip_prefix(' '))?;
    let total = fields
        .split(' ')
        .find_map(|field| field.strip_prefix("total="))?;
    let microseconds: u64 = total.trim_end().parse().ok()?;
    Some(microseconds as f64 / MICROSECONDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "some avg10=52.96 avg60=45.40 avg300=37.79 total=351255163\nfull avg10=0.00 avg60=0.12 avg300=0.42 total=500000\n";

    #[test]
    fn microseconds_become_seconds() {
        assert_eq!(parse(TEXT, "some"), Some(351.255163));
        assert_eq!(parse(TEXT, "full"), Some(0.5));
        for odd in [
            "",
            "some",
            "some total=",
            "some total=-1",
            "some avg10=1",
            "sometotal=1",
            "full total=1",
        ] {
            assert_eq!(parse(odd, "some"), None, "{odd}");
        }
    }
}
