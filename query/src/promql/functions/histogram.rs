//! Quantiles and fractions of distributions: of histogram values, and of classic buckets (one series for each upper
//! bound, in the label `le`, counts cumulative), interpolated as Prometheus does (promql/quantile.go there).

use super::arg;
use crate::promql::assembly::{Assembly, Cursor, Table};
use crate::promql::eval::{Eval, Evaluated};
use crate::promql::{
    Bucket, Distribution, Expr, Labels, QueryError, Series, Value, quantile as numbers,
};

/// The label of a classic bucket's upper bound.
const BOUND: &str = "le";
/// Neighbouring counts this near to each other, relatively, are rounding.
const SMALL_DELTA: f64 = 1e-12;

pub(super) fn quantile(eval: &Eval<'_>, args: &[Expr]) -> Result<Evaluated, QueryError> {
    let quantiles = eval.scalar(arg(args, 0)?)?;
    for text in quantiles.iter().filter_map(|q| numbers::warning(*q)) {
        eval.notes.warn(text);
    }
    let of_histogram = |step: usize, h: &Distribution| h.quantile(at(&quantiles, step));
    let of_classic = |step: usize, buckets: Vec<Classic>| {
        classic_quantile(at(&quantiles, step), steady(eval, buckets))
    };
    each(eval, arg(args, 1)?, of_histogram, of_classic)
}

pub(super) fn fraction(eval: &Eval<'_>, args: &[Expr]) -> Result<Evaluated, QueryError> {
    let lower = eval.scalar(arg(args, 0)?)?;
    let upper = eval.scalar(arg(args, 1)?)?;
    let of = |step: usize, h: &Distribution| h.fraction(at(&lower, step), at(&upper, step));
    let of_classic = |step: usize, buckets: Vec<Classic>| match disjoint(&steady(eval, buckets)) {
        Some(h) => of(step, &h),
        None => f64::NAN,
    };
    each(eval, arg(args, 2)?, of, of_classic)
}

fn at(values: &[f64], step: usize) -> f64 {
    values.get(step).copied().unwrap_or(f64::NAN)
}

/// A cumulative bucket: how many observations were not above `upper`.
#[derive(Clone, Copy)]
struct Classic {
    upper: f64,
    count: f64,
}

/// What an input series is at each step: a part of a classic histogram, or a carrier of histogram values.
struct Place {
    /// Of the result: without name, and for buckets without the bound.
    slot: usize,
    bound: Option<f64>,
}

fn each(
    eval: &Eval<'_>,
    expr: &Expr,
    of_histogram: impl Fn(usize, &Distribution) -> f64,
    of_classic: impl Fn(usize, Vec<Classic>) -> f64,
) -> Result<Evaluated, QueryError> {
    let series = eval.vector(expr)?;
    let mut out = Assembly::default();
    let places: Vec<Place> = series.iter().map(|one| place(one, &mut out)).collect();
    let mut cursor = Cursor::new(&series);
    for (step, time_ms) in eval.grid.times().enumerate() {
        eval.budget.check()?;
        let mut classic: Table<usize, Vec<Classic>> = Table::default();
        let mut order = Vec::new();
        for (at, value) in cursor.at(time_ms) {
            let place = &places[at];
            match (value, place.bound) {
                (Value::Histogram(h), _) => {
                    out.push(place.slot, time_ms, Value::Float(of_histogram(step, h)))?;
                }
                (Value::Float(count), Some(upper)) => {
                    let buckets = classic.entry(place.slot).or_insert_with(|| {
                        order.push(place.slot);
                        Vec::new()
                    });
                    buckets.push(Classic {
                        upper,
                        count: *count,
                    });
                }
                (Value::Float(_), None) => bad_bound(eval, &series[at].labels),
            }
        }
        for slot in order {
            let value = of_classic(step, classic.remove(&slot).unwrap_or_default());
            out.push(slot, time_ms, Value::Float(value))?;
        }
    }
    Ok(Evaluated::Vector(out.done()))
}

fn place(series: &Series, out: &mut Assembly) -> Place {
    let bound = series.labels.get(BOUND).and_then(number);
    let labels = match bound {
        Some(_) => series.labels.drop(&[BOUND.to_owned()]),
        None => series.labels.without_name(),
    };
    Place {
        slot: out.slot(labels),
        bound,
    }
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|bound: &f64| !bound.is_nan())
}

fn bad_bound(eval: &Eval<'_>, labels: &Labels) {
    let (bound, name) = (labels.get(BOUND).unwrap_or_default(), labels.name());
    eval.notes.warn(format!(
        "PromQL warning: bucket label \"le\" is missing or has a malformed value of {bound:?} for metric name {name:?}"
    ));
}

/// Sorted, one for each bound, counts never falling.
fn steady(eval: &Eval<'_>, mut buckets: Vec<Classic>) -> Vec<Classic> {
    buckets.sort_by(|a, b| a.upper.total_cmp(&b.upper));
    buckets.dedup_by(|next, kept| {
        let same = next.upper == kept.upper;
        if same {
            kept.count += next.count;
        }
        same
    });
    let mut before = f64::NEG_INFINITY;
    for bucket in &mut buckets {
        let near =
            (bucket.count - before).abs() <= SMALL_DELTA * (bucket.count.abs() + before.abs());
        if bucket.count < before && !near {
            eval.notes.inform(
                "PromQL info: input to histogram_quantile needed to be fixed for monotonicity"
                    .to_owned(),
            );
        }
        if before.is_finite() && (bucket.count < before || near) {
            bucket.count = before;
        }
        before = bucket.count;
    }
    buckets
}

fn classic_quantile(quantile: f64, buckets: Vec<Classic>) -> f64 {
    if quantile.is_nan() {
        return f64::NAN;
    }
    if !(0.0..=1.0).contains(&quantile) {
        return f64::INFINITY.copysign(quantile);
    }
    let [finite @ .., total] = buckets.as_slice() else {
        return f64::NAN;
    };
    let Some(highest) = finite
        .last()
        .filter(|_| total.upper == f64::INFINITY && total.count != 0.0)
    else {
        return f64::NAN;
    };
    if total.count.is_nan() {
        return f64::NAN;
    }
    let rank = quantile * total.count;
    let place = finite.partition_point(|bucket| bucket.count < rank);
    let Some(bucket) = finite.get(place) else {
        // In the bucket without an upper end: the best that can be said.
        return highest.upper;
    };
    let below = place.checked_sub(1).and_then(|before| finite.get(before));
    match below {
        None if bucket.upper <= 0.0 => bucket.upper,
        None => bucket.upper * (rank / bucket.count),
        Some(below) => {
            let share = (rank - below.count) / (bucket.count - below.count);
            below.upper + (bucket.upper - below.upper) * share
        }
    }
}

/// Cumulative buckets as disjoint ones; `None` without one for everything. The first begins at zero unless it ends below.
fn disjoint(buckets: &[Classic]) -> Option<Distribution> {
    let total = buckets
        .last()
        .filter(|last| last.upper == f64::INFINITY && buckets.len() > 1)?;
    let first = buckets.first()?;
    let mut lower = if first.upper > 0.0 {
        0.0
    } else {
        f64::NEG_INFINITY
    };
    let mut below = 0.0;
    let mut parts = Vec::with_capacity(buckets.len());
    for bucket in buckets {
        parts.push(Bucket {
            lower,
            upper: bucket.upper,
            count: bucket.count - below,
        });
        (lower, below) = (bucket.upper, bucket.count);
    }
    Some(Distribution {
        count: total.count,
        sum: f64::NAN,
        min: f64::NAN,
        max: f64::NAN,
        buckets: parts,
    })
}
