//! A timer's figures, from its values in order; pure arithmetic. Sums go from the least value to the largest, so that they
//! round as etsy's do.

/// One interval's, in the order of the names; `None` where etsy sends nothing.
pub(super) fn figures(
    values: &mut [f64],
    count: f64,
    interval_s: f64,
    percentiles: &[f64],
    bins: &[f64],
) -> Vec<Option<f64>> {
    if values.is_empty() {
        let none = 7 + percentiles.len() * 5 + bins.len();
        let counts = [Some(0.0); 2].into_iter();
        return counts.chain(std::iter::repeat_n(None, none)).collect();
    }
    values.sort_unstable_by(f64::total_cmp);
    let sums = Sums::of(values);
    let number = values.len() as f64;
    let (sum, squares) = sums.first(values.len());
    let mean = sum / number;
    let off: f64 = values
        .iter()
        .map(|value| (value - mean) * (value - mean))
        .sum();
    let mut all = vec![
        Some(count),
        Some(count / interval_s),
        Some((off / number).sqrt()),
        values.last().copied(),
        values.first().copied(),
        Some(sum),
        Some(squares),
        Some(mean),
        Some(median(values)),
    ];
    for percentile in percentiles {
        all.extend(at_percentile(values, &sums, *percentile));
    }
    all.extend(frequencies(values, bins).map(Some));
    all
}

/// Running sums of the values and of their squares.
struct Sums(Vec<(f64, f64)>);

impl Sums {
    fn of(values: &[f64]) -> Self {
        let mut all = (0.0, 0.0);
        let add = |value: &f64| {
            all = (all.0 + value, all.1 + value * value);
            all
        };
        Self(values.iter().map(add).collect())
    }

    /// Of the least so many.
    fn first(&self, number: usize) -> (f64, f64) {
        number
            .checked_sub(1)
            .and_then(|at| self.0.get(at))
            .copied()
            .unwrap_or_default()
    }
}

fn median(values: &[f64]) -> f64 {
    let middle = values.len() / 2;
    if values.len() % 2 == 1 {
        return values[middle];
    }
    (values[middle - 1] + values[middle]) / 2.0
}

/// Number, mean, the end that is nearest to the rest, sum and sum of squares of the values inside.
fn at_percentile(values: &[f64], sums: &Sums, percentile: f64) -> [Option<f64>; 5] {
    let count = values.len();
    if count == 1 {
        let value = values[0];
        return [1.0, value, value, value, value * value].map(Some);
    }
    let inside = ((percentile.abs() / 100.0 * count as f64).round() as usize).min(count);
    if inside == 0 {
        return [None; 5];
    }
    let (end, sum, squares) = if percentile > 0.0 {
        let (sum, squares) = sums.first(inside);
        (values[inside - 1], sum, squares)
    } else {
        let (all, all_squares) = sums.first(count);
        let (below, below_squares) = sums.first(count - inside);
        (
            values[count - inside],
            all - below,
            all_squares - below_squares,
        )
    };
    let inside = inside as f64;
    [inside, sum / inside, end, sum, squares].map(Some)
}

/// How many values are below each end and not below the one before; what is past the last is in none.
fn frequencies(values: &[f64], ends: &[f64]) -> impl Iterator<Item = f64> {
    let mut from = 0;
    ends.iter().map(move |end| {
        let to = from.max(values.partition_point(|value| value < end));
        (to - std::mem::replace(&mut from, to)) as f64
    })
}
