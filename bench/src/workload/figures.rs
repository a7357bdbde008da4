//! From measurements to figures: quantiles, per million, and how cells of a table are written.

use crate::report::number;

const MILLION: f64 = 1e6;

/// By nearest rank; 0 of nothing.
pub(crate) fn quantile(values: &[f64], q: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (q * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(0.0)
}

pub(super) fn per_million(figure: f64, count: u64) -> f64 {
    figure / count as f64 * MILLION
}

pub(super) fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / MILLION
}

/// A cell for what may not have been measured.
pub(super) fn cell(figure: Option<f64>) -> String {
    figure.map_or_else(|| "–".to_owned(), number)
}

pub(super) fn owned<const N: usize>(texts: [&str; N]) -> Vec<String> {
    texts.map(str::to_owned).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_were_measured() {
        let values: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        assert_eq!(
            [0.5, 0.99, 1.0].map(|q| quantile(&values, q)),
            [50.0, 99.0, 100.0]
        );
        assert_eq!((quantile(&[7.0], 0.5), quantile(&[], 0.5)), (7.0, 0.0));
    }

    #[test]
    fn per_million_is() {
        assert_eq!(per_million(3.0, 6_000_000), 0.5);
    }
}
