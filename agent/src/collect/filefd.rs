//! `filefd`: how many files are open on the whole host, and how many may be, from `/proc/sys/fs/file-nr`.

use super::{CollectError, Figure, Root};

const PATH: &str = "proc/sys/fs/file-nr";

pub(super) fn collect(root: &Root, figures: &mut Vec<Figure>) -> Result<(), CollectError> {
    let (allocated, maximum) = parse(&root.read(PATH)?).ok_or(CollectError::Odd { path: PATH })?;
    figures.push(Figure::new("node_filefd_allocated", allocated));
    figures.push(Figure::new("node_filefd_maximum", maximum));
    Ok(())
}

/// Allocated, allocated but unused (0 since 2.6), and the limit.
fn parse(text: &str) -> Option<(f64, f64)> {
    let mut words = text.split_ascii_whitespace();
    let mut number = || words.next()?.parse::<u64>().ok();
    let (allocated, _unused, maximum) = (number()?, number()?, number()?);
    Some((allocated as f64, maximum as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_and_the_third() {
        assert_eq!(parse("865\t0\t2466170\n"), Some((865.0, 2_466_170.0)));
        let unbounded = parse("865\t0\t9223372036854775807\n");
        assert_eq!(unbounded, Some((865.0, 9_223_372_036_854_775_807.0)));
        for odd in ["", "865", "865 0", "865 0 x", "-1 0 5"] {
            assert_eq!(parse(odd), None, "{odd}");
        }
    }
}
