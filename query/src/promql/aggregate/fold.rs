//! Aggregations that take one value after the other: sum, avg, count, group, min, max, stdvar, stddev.

use super::Group;
use crate::promql::eval::Eval;
use crate::promql::kahan::{Kahan, Mean, Variance};
use crate::promql::notes::Notes;
use crate::promql::{Distribution, Point, Series, Value};

/// One group's result at one step, in the making.
pub(super) trait Fold: Default + Clone {
    fn add(&mut self, value: &Value, notes: &Notes);
    /// `None` where nothing came that this aggregation is about.
    fn done(self, notes: &Notes) -> Option<Value>;
}

/// Folds a group's series step by step; `None` where nothing is left.
pub(super) fn run<F: Fold>(eval: &Eval<'_>, group: Group) -> Option<Series> {
    let mut steps: Vec<Option<F>> = vec![None; eval.grid.len()];
    for point in group.series.iter().flat_map(|series| &series.points) {
        if let Some(fold) = steps.get_mut(eval.grid.step(point.time_ms)) {
            fold.get_or_insert_default().add(&point.value, eval.notes);
        }
    }
    let folds = eval.grid.times().zip(steps);
    let points: Vec<Point> = folds
        .filter_map(|(time_ms, fold)| {
            let value = fold?.done(eval.notes)?;
            Some(Point { time_ms, value })
        })
        .collect();
    let labels = group.labels;
    (!points.is_empty()).then_some(Series { labels, points })
}

/// Adds numbers, merges histograms; a mix of both has no sum.
#[derive(Default, Clone)]
pub(super) struct Sum {
    floats: Option<Kahan>,
    histogram: Option<Box<Distribution>>,
}

impl Fold for Sum {
    fn add(&mut self, value: &Value, _: &Notes) {
        match value {
            Value::Float(value) => self.floats.get_or_insert_default().add(*value),
            Value::Histogram(value) => merge(&mut self.histogram, value),
        }
    }

    fn done(self, notes: &Notes) -> Option<Value> {
        either(self.floats.map(Kahan::total), self.histogram, notes)
    }
}

#[derive(Default, Clone)]
pub(super) struct Avg {
    floats: Option<Mean>,
    histogram: Option<Box<Distribution>>,
    histograms: f64,
}

impl Fold for Avg {
    fn add(&mut self, value: &Value, _: &Notes) {
        match value {
            Value::Float(value) => self.floats.get_or_insert_default().add(*value),
            Value::Histogram(value) => {
                self.histograms += 1.0;
                merge(&mut self.histogram, value);
            }
        }
    }

    fn done(self, notes: &Notes) -> Option<Value> {
        let factor = 1.0 / self.histograms;
        let histogram = self.histogram.map(|sum| Box::new(sum.scaled(factor)));
        either(self.floats.map(Mean::value), histogram, notes)
    }
}

fn merge(into: &mut Option<Box<Distribution>>, value: &Distribution) {
    match into {
        Some(sum) => sum.add(value, 1.0),
        None => *into = Some(Box::new(value.clone())),
    }
}

fn either(
    float: Option<f64>,
    histogram: Option<Box<Distribution>>,
    notes: &Notes,
) -> Option<Value> {
    match (float, histogram) {
        (Some(_), Some(_)) => {
            notes.mixed_aggregation();
            None
        }
        (float, None) => float.map(Value::Float),
        (None, Some(sum)) => Some(Value::from(*sum)),
    }
}

#[derive(Default, Clone)]
pub(super) struct Count(f64);

impl Fold for Count {
    fn add(&mut self, _: &Value, _: &Notes) {
        self.0 += 1.0;
    }

    fn done(self, _: &Notes) -> Option<Value> {
        Some(Value::Float(self.0))
    }
}

#[derive(Default, Clone)]
pub(super) struct Present;

impl Fold for Present {
    fn add(&mut self, _: &Value, _: &Notes) {}

    fn done(self, _: &Notes) -> Option<Value> {
        Some(Value::Float(1.0))
    }
}

/// The aggregations of numbers alone: a start, a step, an end; histograms are passed over.
macro_rules! of_floats {
    ($name:ident, $text:literal, $state:ty, $add:expr, $done:expr) => {
        #[derive(Default, Clone)]
        pub(super) struct $name(Option<$state>);

        impl Fold for $name {
            fn add(&mut self, value: &Value, notes: &Notes) {
                let Some(value) = value.float() else {
                    return notes.skipped_histograms(concat!($text, " aggregation"));
                };
                let add: fn(&mut Option<$state>, f64) = $add;
                add(&mut self.0, value);
            }

            fn done(self, _: &Notes) -> Option<Value> {
                let done: fn($state) -> f64 = $done;
                self.0.map(done).map(Value::Float)
            }
        }
    };
}

of_floats!(
    Min,
    "min",
    f64,
    |least, value| keep(least, value, |old| value < old),
    |least| least
);
of_floats!(
    Max,
    "max",
    f64,
    |most, value| keep(most, value, |old| value > old),
    |most| most
);
of_floats!(Stdvar, "stdvar", Variance, add_variance, Variance::value);
of_floats!(Stddev, "stddev", Variance, add_variance, |variance| {
    variance.value().sqrt()
});

fn add_variance(variance: &mut Option<Variance>, value: f64) {
    variance.get_or_insert_default().add(value);
}

/// NaN gives way to any number.
fn keep(kept: &mut Option<f64>, value: f64, better: impl Fn(f64) -> bool) {
    if kept.is_none_or(|old| better(old) || old.is_nan()) {
        *kept = Some(value);
    }
}
