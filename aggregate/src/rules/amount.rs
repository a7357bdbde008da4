//! What samples amount to: count, sum, extremes, the last, and their distribution. Owns how percentiles are told: exact
//! while the values are there, by the merged histogram when they are not.

use hashbrown::HashSet;
use weir_wire::{Histogram, Value};

use super::cell::Held;
use super::rule::Output;

/// What is kept of samples beside count, sum, extremes and last.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wants {
    pub(super) distribution: bool,
    pub(super) series: bool,
}

/// A summary of samples.
#[derive(Debug, Clone, Default)]
pub(super) struct Amount {
    count: u64,
    sum: f64,
    extremes: Option<(f64, f64)>,
    last: Option<(i64, f64)>,
    series: HashSet<u32>,
    /// Floats that are not in the distribution.
    exact: Vec<f64>,
    merged: Option<Histogram>,
    /// Floats that no histogram takes: negative ones, and those above its bound.
    pub(super) unfit: u64,
}

impl Amount {
    /// In order of series and time, so that a sum does not depend on the order in which samples came.
    pub(super) fn add_all(&mut self, held: &[Held], wants: Wants) {
        for one in held {
            if wants.series {
                self.series.insert(one.series);
            }
            match &one.value {
                Value::Float(value) => self.float(one.timestamp_ms, *value, wants.distribution),
                Value::Histogram(histogram) => self.histogram(histogram, wants.distribution),
            }
        }
    }

    /// Different series, where that is wanted.
    pub(super) fn series(&self) -> usize {
        self.series.len()
    }

    /// Exact values become part of the distribution.
    pub(super) fn spill(&mut self) {
        if self.exact.is_empty() {
            return;
        }
        let merged = self.merged.get_or_insert_default();
        for value in self.exact.drain(..) {
            if merged.record(value, 1).is_err() {
                self.unfit += 1;
            }
        }
    }

    /// A float; `None` where there is none.
    pub(super) fn float_of(&self, output: Output) -> Option<f64> {
        let value = match output {
            Output::Sum => self.sum,
            Output::Average => self.sum / self.count as f64,
            Output::Min => self.extremes?.0,
            Output::Max => self.extremes?.1,
            Output::Count => self.count as f64,
            Output::CountSeries => self.series.len() as f64,
            Output::Last => self.last?.1,
            Output::Percentile(at) => self.quantile(at)?,
            Output::Total | Output::Merge => return None,
        };
        value.is_finite().then_some(value)
    }

    /// All values as one distribution; `None` where there are none that a histogram takes.
    pub(super) fn distribution(&self) -> Option<Histogram> {
        let mut all = self.clone();
        all.spill();
        all.merged.filter(|merged| merged.count() > 0)
    }

    fn float(&mut self, timestamp_ms: i64, value: f64, with_distribution: bool) {
        self.count += 1;
        self.sum += value;
        self.widen(value, value);
        if self.last.is_none_or(|(at, _)| at <= timestamp_ms) {
            self.last = Some((timestamp_ms, value));
        }
        if with_distribution {
            self.exact.push(value);
        }
    }

    fn histogram(&mut self, histogram: &Histogram, with_distribution: bool) {
        if histogram.count() == 0 {
            return;
        }
        self.count += histogram.count();
        self.sum += histogram.sum();
        self.widen(histogram.min(), histogram.max());
        if with_distribution {
            self.merged.get_or_insert_default().merge(histogram);
        }
    }

    fn widen(&mut self, min: f64, max: f64) {
        let (least, most) = self.extremes.unwrap_or((min, max));
        self.extremes = Some((least.min(min), most.max(max)));
    }

    /// Between the two nearest ranks over exact values, as carbon and PromQL have it. Not told when values are missing in
    /// the distribution.
    fn quantile(&self, at: f64) -> Option<f64> {
        if self.merged.is_some() {
            let mut all = self.clone();
            all.spill();
            let whole = all
                .merged
                .filter(|merged| all.unfit == 0 && merged.count() > 0);
            return whole.map(|merged| merged.quantile(at));
        }
        let mut values = self.exact.clone();
        values.sort_unstable_by(f64::total_cmp);
        let rank = at * (values.len().checked_sub(1)?) as f64;
        let (low, high) = (rank.floor() as usize, rank.ceil() as usize);
        let part = rank - rank.floor();
        Some(values.get(low)? * (1.0 - part) + values.get(high)? * part)
    }
}
