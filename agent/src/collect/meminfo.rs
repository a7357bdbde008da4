//! `meminfo`: every line of `/proc/meminfo`, renamed as node_exporter does: `Active(anon): 4 kB` is
//! `node_memory_Active_anon_bytes 4096`, and a count without a unit has no `_bytes`.

use super::{CollectError, Figure, Root};

const PATH: &str = "proc/meminfo";

pub(super) fn collect(root: &Root, figures: &mut Vec<Figure>) -> Result<(), CollectError> {
    let before = figures.len();
    figures.extend(root.read(PATH)?.lines().filter_map(parse_line));
    if figures.len() == before {
        return Err(CollectError::Odd { path: PATH });
    }
    Ok(())
}

fn parse_line(line: &str) -> Option<Figure> {
    let (key, rest) = line.split_once(':')?;
    let key = key.replace('(', "_").replace(')', "");
    if key.is_empty()
        || !key
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    {
        return None;
    }
    let mut words = rest.split_ascii_whitespace();
    let value: u64 = words.next()?.parse().ok()?;
    match words.next() {
        None => Some(Figure::new(format!("node_memory_{key}"), value as f64)),
        Some("kB") => Some(Figure::new(
            format!("node_memory_{key}_bytes"),
            value as f64 * 1024.0,
        )),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_and_parentheses() {
        let line = |text| parse_line(text).map(|figure| figure.to_string());
        assert_eq!(
            line("MemTotal:       24684084 kB").unwrap(),
            "node_memory_MemTotal_bytes 25276502016"
        );
        assert_eq!(
            line("Active(anon):       1672 kB").unwrap(),
            "node_memory_Active_anon_bytes 1712128"
        );
        assert_eq!(
            line("HugePages_Total:       3").unwrap(),
            "node_memory_HugePages_Total 3"
        );
        assert_eq!(
            line("Committed_AS:   1 kB").unwrap(),
            "node_memory_Committed_AS_bytes 1024"
        );
        for odd in [
            "",
            "MemTotal",
            ":",
            ": 4 kB",
            "A b: 4 kB",
            "A: -4 kB",
            "A: 4 MB",
            "A: kB",
            "A: 99999999999999999999 kB",
        ] {
            assert_eq!(line(odd), None, "{odd}");
        }
    }
}
