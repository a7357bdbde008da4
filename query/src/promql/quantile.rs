//! Quantiles of plain numbers, interpolated as Prometheus does (promql/quantile.go there).

/// The quantile of these numbers, which get sorted, NaN smallest. Outside 0..=1 infinite; NaN for none.
pub(super) fn quantile(quantile: f64, values: &mut [f64]) -> f64 {
    if values.is_empty() || quantile.is_nan() {
        return f64::NAN;
    }
    if quantile < 0.0 {
        return f64::NEG_INFINITY;
    }
    if quantile > 1.0 {
        return f64::INFINITY;
    }
    values.sort_unstable_by(|a, b| match (a.is_nan(), b.is_nan()) {
        (false, false) => a.total_cmp(b),
        (left, right) => right.cmp(&left),
    });
    let last = values.len() - 1;
    let rank = quantile * last as f64;
    let lower = (rank.floor() as usize).min(last);
    let upper = (lower + 1).min(last);
    let weight = rank - rank.floor();
    values[lower] * (1.0 - weight) + values[upper] * weight
}

/// What Prometheus warns of.
pub(super) fn warning(quantile: f64) -> Option<String> {
    let bad = quantile.is_nan() || !(0.0..=1.0).contains(&quantile);
    let shown = crate::json::Float(quantile);
    bad.then(|| format!("PromQL warning: quantile value should be between 0 and 1, got {shown}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interpolates_between_neighbours() {
        assert_eq!(quantile(0.5, &mut [3.0, 1.0]), 2.0);
        assert_eq!(quantile(0.75, &mut [4.0, 1.0, 2.0, 3.0, 5.0]), 4.0);
        assert_eq!(quantile(1.0, &mut [1.0, f64::NAN]), 1.0);
        assert!(quantile(0.0, &mut [1.0, f64::NAN]).is_nan());
        assert!(quantile(0.5, &mut []).is_nan());
    }
}
