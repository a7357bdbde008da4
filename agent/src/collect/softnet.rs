//! `softnet`: packets that each processor took from the network devices, dropped, or left for later, from
//! `/proc/net/softnet_stat`: hexadecimal columns, a line a processor.

use super::{CollectError, Figure, Root};

const PATH: &str = "proc/net/softnet_stat";
const NAMES: [&str; 3] = [
    "node_softnet_processed_total",
    "node_softnet_dropped_total",
    "node_softnet_times_squeezed_total",
];
/// Where newer kernels say which processor it is; lines of those that are off are missing.
const CPU_COLUMN: usize = 12;

pub(super) fn collect(root: &Root, figures: &mut Vec<Figure>) -> Result<(), CollectError> {
    let text = root.read(PATH)?;
    let before = figures.len();
    for (at, line) in text.lines().enumerate() {
        let (cpu, values) = parse_line(at, line).ok_or(CollectError::Odd { path: PATH })?;
        let cpu = cpu.to_string();
        for (name, value) in NAMES.into_iter().zip(values) {
            figures.push(Figure::labelled(name, &[("cpu", &cpu)], value as f64));
        }
    }
    if figures.len() == before {
        return Err(CollectError::Odd { path: PATH });
    }
    Ok(())
}

fn parse_line(at: usize, line: &str) -> Option<(usize, [u32; NAMES.len()])> {
    let mut words = line
        .split_ascii_whitespace()
        .map(|word| u32::from_str_radix(word, 16).ok());
    let values = [words.next()??, words.next()??, words.next()??];
    let cpu = match words.nth(CPU_COLUMN - NAMES.len()) {
        Some(cpu) => cpu? as usize,
        None => at,
    };
    Some((cpu, values))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_old_and_new_kernels() {
        let new = "0306d9ba 0000000f 00000001 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000003 00000000 00000000";
        assert_eq!(parse_line(1, new), Some((3, [0x0306_d9ba, 15, 1])));
        assert_eq!(parse_line(1, "1 2 ffffffff"), Some((1, [1, 2, u32::MAX])));
        for odd in ["", "1 2", "1 2 x", "1 2 -3", "1 2 fffffffff"] {
            assert_eq!(parse_line(0, odd), None, "{odd}");
        }
    }
}
