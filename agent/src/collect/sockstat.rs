//! `sockstat`: sockets in use and what they hold of memory, from `/proc/net/sockstat` and, where there is IPv6,
//! `/proc/net/sockstat6`. `mem` counts pages and is told in bytes as well.

use super::{CollectError, Figure, Root};

const PATH: &str = "proc/net/sockstat";
const PATH_V6: &str = "proc/net/sockstat6";

pub(super) fn collect(root: &Root, figures: &mut Vec<Figure>) -> Result<(), CollectError> {
    let page_bytes = rustix::param::page_size() as f64;
    let before = figures.len();
    push(&root.read(PATH)?, page_bytes, figures);
    if figures.len() == before {
        return Err(CollectError::Odd { path: PATH });
    }
    // A kernel without IPv6 has no such file.
    if let Ok(text) = root.read(PATH_V6) {
        push(&text, page_bytes, figures);
    }
    Ok(())
}

fn push(text: &str, page_bytes: f64, figures: &mut Vec<Figure>) {
    for line in text.lines() {
        let Some((protocol, rest)) = line.split_once(':') else {
            continue;
        };
        let mut words = rest.split_ascii_whitespace();
        while let (Some(key), Some(value)) = (words.next(), words.next()) {
            let Ok(value) = value.parse::<u64>() else {
                continue;
            };
            if !is_word(protocol) || !is_word(key) {
                continue;
            }
            let name = format!("node_sockstat_{protocol}_{key}");
            if key == "mem" {
                let bytes = value as f64 * page_bytes;
                figures.push(Figure::new(format!("{name}_bytes"), bytes));
            }
            figures.push(Figure::new(name, value as f64));
        }
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::super::figure::lines;
    use super::*;

    #[test]
    fn pairs_of_each_protocol_and_pages_as_bytes() {
        let text = "sockets: used 38\nTCP: inuse 11 orphan 0 tw 856 alloc 11 mem 31\nFRAG: inuse 0 memory 0\n";
        let mut figures = Vec::new();
        push(text, 4096.0, &mut figures);
        assert_eq!(
            lines(&figures),
            [
                "node_sockstat_sockets_used 38",
                "node_sockstat_TCP_inuse 11",
                "node_sockstat_TCP_orphan 0",
                "node_sockstat_TCP_tw 856",
                "node_sockstat_TCP_alloc 11",
                "node_sockstat_TCP_mem_bytes 126976",
                "node_sockstat_TCP_mem 31",
                "node_sockstat_FRAG_inuse 0",
                "node_sockstat_FRAG_memory 0"
            ]
        );
    }

    #[test]
    fn odd_pairs_are_left_out() {
        for odd in [
            "",
            "TCP",
            "TCP:",
            "TCP: inuse",
            "TCP: inuse x",
            ": a 1",
            "T P: a 1",
            "TCP: ä 1",
        ] {
            let mut figures = Vec::new();
            push(odd, 4096.0, &mut figures);
            assert!(figures.is_empty(), "{odd}");
        }
    }
}
