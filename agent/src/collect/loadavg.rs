//! `loadavg`: the three load averages of `/proc/loadavg`.

use super::{CollectError, Figure, Root};

const PATH: &str = "proc/loadavg";
const NAMES: [&str; 3] = ["node_load1", "node_load5", "node_load15"];

pub(super) fn collect(root: &Root, figures: &mut Vec<Figure>) -> Result<(), CollectError> {
    let loads = parse(&root.read(PATH)?).ok_or(CollectError::Odd { path: PATH })?;
    figures.extend(
        NAMES
            .into_iter()
            .zip(loads)
            .map(|(name, load)| Figure::new(name, load)),
    );
    Ok(())
}

fn parse(text: &str) -> Option<[f64; 3]> {
    let mut words = text.split_ascii_whitespace();
    let mut load = || {
        words
            .next()?
            .parse()
            .ok()
            .filter(|load: &f64| load.is_finite())
    };
    Some([load()?, load()?, load()?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_or_nothing() {
        assert_eq!(
            parse("0.52 1.25 10.00 3/412 81230\n"),
            Some([0.52, 1.25, 10.0])
        );
        for odd in ["", "0.52 1.25", "a b c", "NaN 1 1", "inf 1 1"] {
            assert_eq!(parse(odd), None, "{odd}");
        }
    }
}
