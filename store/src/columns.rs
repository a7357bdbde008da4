//! Samples in columns: what is handed in, for many series, and what comes out, for one. Floats lie apart from
//! histograms, so that the hot path never asks which a value is.

use std::sync::Arc;

use weir_wire::{Histogram, Sample, Value};

use crate::SeriesId;

/// Samples to be stored, of series that were resolved before.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Points {
    pub(crate) series: Vec<u32>,
    pub(crate) times_ms: Vec<i64>,
    pub(crate) values: Vec<f64>,
    pub(crate) histograms: Vec<Distribution>,
}

/// A histogram on its way in; encoded once, for journal and head.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Distribution {
    pub(crate) series: u32,
    pub(crate) timestamp_ms: i64,
    pub(crate) bytes: Box<[u8]>,
}

impl Points {
    /// With room for so many floats.
    #[must_use]
    pub fn with_capacity(floats: usize) -> Self {
        Self {
            series: Vec::with_capacity(floats),
            times_ms: Vec::with_capacity(floats),
            values: Vec::with_capacity(floats),
            histograms: Vec::new(),
        }
    }

    /// Floats that are in columns already: of one length, or what is longer is cut.
    #[must_use]
    pub fn from_columns(series: Vec<SeriesId>, times_ms: Vec<i64>, values: Vec<f64>) -> Self {
        let mut points = Self {
            series: series.into_iter().map(|series| series.0).collect(),
            times_ms,
            values,
            histograms: Vec::new(),
        };
        let floats = points
            .series
            .len()
            .min(points.times_ms.len())
            .min(points.values.len());
        points.series.truncate(floats);
        points.times_ms.truncate(floats);
        points.values.truncate(floats);
        points
    }

    #[inline]
    pub fn push(&mut self, series: SeriesId, timestamp_ms: i64, value: f64) {
        self.series.push(series.0);
        self.times_ms.push(timestamp_ms);
        self.values.push(value);
    }

    pub fn push_histogram(&mut self, series: SeriesId, timestamp_ms: i64, histogram: &Histogram) {
        let mut bytes = Vec::new();
        histogram.encode(&mut bytes);
        self.histograms.push(Distribution {
            series: series.0,
            timestamp_ms,
            bytes: bytes.into_boxed_slice(),
        });
    }

    pub fn push_sample(&mut self, series: SeriesId, sample: &Sample) {
        match &sample.value {
            Value::Float(value) => self.push(series, sample.timestamp_ms, *value),
            Value::Histogram(histogram) => {
                self.push_histogram(series, sample.timestamp_ms, histogram);
            }
        }
    }

    /// Takes every point out and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.series.clear();
        self.times_ms.clear();
        self.values.clear();
        self.histograms.clear();
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.series.len() + self.histograms.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.series.is_empty() && self.histograms.is_empty()
    }

    /// The series of each point.
    pub fn series(&self) -> impl Iterator<Item = SeriesId> {
        let floats = self.series.iter().copied();
        let histograms = self.histograms.iter().map(|one| one.series);
        floats.chain(histograms).map(SeriesId)
    }

    /// The series and the time of each point.
    pub(crate) fn series_and_times(&self) -> impl Iterator<Item = (SeriesId, i64)> {
        let floats = self
            .series
            .iter()
            .copied()
            .zip(self.times_ms.iter().copied());
        let histograms = self.histograms.iter();
        let histograms = histograms.map(|one| (one.series, one.timestamp_ms));
        let each = floats.chain(histograms);
        each.map(|(series, time_ms)| (SeriesId(series), time_ms))
    }

    /// Keeps the points that the test takes, in their order. It is given series, time, and the float or the encoding
    /// of a histogram.
    pub fn retain_samples(
        &mut self,
        mut keep: impl FnMut(SeriesId, i64, Result<f64, &[u8]>) -> bool,
    ) {
        let mut kept = 0;
        for at in 0..self.series.len() {
            let (series, time_ms, value) = (self.series[at], self.times_ms[at], self.values[at]);
            if keep(SeriesId(series), time_ms, Ok(value)) {
                (self.series[kept], self.times_ms[kept], self.values[kept]) =
                    (series, time_ms, value);
                kept += 1;
            }
        }
        self.series.truncate(kept);
        self.times_ms.truncate(kept);
        self.values.truncate(kept);
        self.histograms
            .retain(|one| keep(SeriesId(one.series), one.timestamp_ms, Err(&one.bytes)));
    }

    /// Keeps the points whose series and time the test takes, in their order.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(u32, i64) -> bool) {
        let mut kept = 0;
        for at in 0..self.series.len() {
            if keep(self.series[at], self.times_ms[at]) {
                self.series[kept] = self.series[at];
                self.times_ms[kept] = self.times_ms[at];
                self.values[kept] = self.values[at];
                kept += 1;
            }
        }
        self.series.truncate(kept);
        self.times_ms.truncate(kept);
        self.values.truncate(kept);
        self.histograms
            .retain(|one| keep(one.series, one.timestamp_ms));
    }

    /// First and last time of all points.
    pub(crate) fn time_range(&self) -> Option<(i64, i64)> {
        let times = self.times_ms.iter().copied();
        let times = times.chain(self.histograms.iter().map(|one| one.timestamp_ms));
        times.fold(None, |range, time| {
            let (first, last) = range.unwrap_or((time, time));
            Some((first.min(time), last.max(time)))
        })
    }
}

/// The samples of one series: ascending, one a timestamp over both kinds.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Columns {
    pub times_ms: Vec<i64>,
    pub values: Vec<f64>,
    pub histograms: Vec<(i64, Arc<Histogram>)>,
}

impl Columns {
    #[must_use]
    pub fn len(&self) -> usize {
        self.times_ms.len() + self.histograms.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.times_ms.is_empty() && self.histograms.is_empty()
    }

    /// Empties, and keeps the room.
    pub(crate) fn clear(&mut self) {
        self.times_ms.clear();
        self.values.clear();
        self.histograms.clear();
    }

    /// As single samples, ascending.
    #[must_use]
    pub fn samples(&self) -> Vec<Sample> {
        let floats = self.times_ms.iter().zip(&self.values);
        let floats = floats.map(|(time, value)| Sample {
            timestamp_ms: *time,
            value: Value::Float(*value),
        });
        let histograms = self.histograms.iter().map(|(time, histogram)| Sample {
            timestamp_ms: *time,
            value: Value::Histogram(Arc::clone(histogram)),
        });
        let mut samples: Vec<_> = floats.chain(histograms).collect();
        samples.sort_by_key(|sample| sample.timestamp_ms);
        samples
    }

    /// The time of the last sample.
    pub(crate) fn last_ms(&self) -> Option<i64> {
        let histogram = self.histograms.last().map(|(time, _)| *time);
        self.times_ms.last().copied().max(histogram)
    }

    /// How many floats and how many histograms there are.
    pub(crate) fn ends(&self) -> (usize, usize) {
        (self.times_ms.len(), self.histograms.len())
    }

    /// Leaves out, of what was put behind these ends, what is not between two times, both inclusive.
    pub(crate) fn cut(&mut self, (floats, histograms): (usize, usize), from_ms: i64, to_ms: i64) {
        let tail = &self.times_ms[floats..];
        let end = tail.partition_point(|time| *time <= to_ms);
        let first = tail.partition_point(|time| *time < from_ms).min(end);
        self.times_ms.truncate(floats + end);
        self.values.truncate(floats + end);
        if first > 0 {
            self.times_ms.drain(floats..floats + first);
            self.values.drain(floats..floats + first);
        }
        if self.histograms.len() > histograms {
            let mut tail = self.histograms.split_off(histograms);
            tail.retain(|(time, _)| (from_ms..=to_ms).contains(time));
            self.histograms.append(&mut tail);
        }
    }

    /// Lays what was put behind these ends over what is before them.
    pub(crate) fn fold_in(&mut self, (floats, histograms): (usize, usize)) {
        let before = floats.checked_sub(1).map(|last| self.times_ms[last]);
        let later = before.is_none_or(|last| self.times_ms.get(floats).is_none_or(|at| last < *at));
        if later && self.histograms.is_empty() {
            return;
        }
        let newer = Self {
            times_ms: self.times_ms.split_off(floats),
            values: self.values.split_off(floats),
            histograms: self.histograms.split_off(histograms),
        };
        self.lay_over(newer);
    }

    /// Lays newer samples over these: where both have one at a time, the newer stays.
    pub(crate) fn lay_over(&mut self, newer: Columns) {
        if newer.is_empty() {
            return;
        }
        if self.is_empty() {
            *self = newer;
            return;
        }
        if !self.histograms.is_empty() || !newer.histograms.is_empty() {
            self.make_way_for(&newer);
        }
        lay(
            (&mut self.times_ms, &mut self.values),
            (&newer.times_ms, &newer.values),
        );
        for (time, histogram) in newer.histograms {
            match self.histograms.binary_search_by_key(&time, |one| one.0) {
                Ok(at) => self.histograms[at].1 = histogram,
                Err(at) => self.histograms.insert(at, (time, histogram)),
            }
        }
    }

    /// Takes out floats at times of newer histograms, and histograms at times of newer floats.
    fn make_way_for(&mut self, newer: &Columns) {
        let floats = &newer.times_ms;
        self.histograms
            .retain(|(time, _)| floats.binary_search(time).is_err());
        self.retain_floats(|time| {
            let found = newer.histograms.binary_search_by_key(&time, |one| one.0);
            found.is_err()
        });
    }

    /// Takes out what lies in the buckets of points.
    pub(crate) fn give_way_to(&mut self, points: &Columns, bucket_ms: i64) {
        let bucket = |time: i64| time.div_euclid(bucket_ms);
        let (times, histograms) = (&points.times_ms, &points.histograms);
        let is_free = |time: i64| {
            let floats = times.binary_search_by_key(&bucket(time), |time| bucket(*time));
            let beside = histograms.binary_search_by_key(&bucket(time), |one| bucket(one.0));
            floats.is_err() && beside.is_err()
        };
        self.retain_floats(is_free);
        self.histograms.retain(|(time, _)| is_free(*time));
    }

    fn retain_floats(&mut self, keep: impl Fn(i64) -> bool) {
        let kept: Vec<bool> = self.times_ms.iter().map(|time| keep(*time)).collect();
        let mut keep = kept.iter();
        self.times_ms.retain(|_| *keep.next().unwrap_or(&true));
        let mut keep = kept.iter();
        self.values.retain(|_| *keep.next().unwrap_or(&true));
    }
}

fn lay((times, values): (&mut Vec<i64>, &mut Vec<f64>), (new_times, new_values): (&[i64], &[f64])) {
    let (Some(last), Some(first)) = (times.last(), new_times.first()) else {
        times.extend_from_slice(new_times);
        values.extend_from_slice(new_values);
        return;
    };
    if last < first {
        times.extend_from_slice(new_times);
        values.extend_from_slice(new_values);
        return;
    }
    // Only what is not before the first new sample has to be woven.
    let from = times.partition_point(|time| time < first);
    let (old_times, old_values) = (times.split_off(from), values.split_off(from));
    let (mut old, mut new) = (0, 0);
    while old < old_times.len() || new < new_times.len() {
        let next_old = old_times.get(old).copied().unwrap_or(i64::MAX);
        let take_old = new >= new_times.len() || next_old < new_times[new];
        if take_old && old < old_times.len() {
            times.push(old_times[old]);
            values.push(old_values[old]);
            old += 1;
            continue;
        }
        if next_old == new_times[new] {
            old += 1;
        }
        times.push(new_times[new]);
        values.push(new_values[new]);
        new += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn floats(samples: &[(i64, f64)]) -> Columns {
        Columns {
            times_ms: samples.iter().map(|one| one.0).collect(),
            values: samples.iter().map(|one| one.1).collect(),
            histograms: Vec::new(),
        }
    }

    #[test]
    fn newer_samples_lie_over_older_ones() {
        let mut columns = floats(&[(1, 1.0), (3, 3.0), (5, 5.0)]);
        columns.lay_over(floats(&[(2, 2.0), (3, 9.0), (6, 6.0)]));
        let woven = [(1, 1.0), (2, 2.0), (3, 9.0), (5, 5.0), (6, 6.0)];
        assert_eq!(columns, floats(&woven));
    }

    #[test]
    fn what_was_put_behind_is_cut_and_folded_in() {
        let read = |more: &[(i64, f64)]| {
            let mut columns = floats(&[(1, 1.0), (3, 3.0)]);
            let ends = columns.ends();
            columns.times_ms.extend(more.iter().map(|one| one.0));
            columns.values.extend(more.iter().map(|one| one.1));
            columns.cut(ends, 2, 6);
            columns.fold_in(ends);
            columns
        };
        assert_eq!(
            read(&[(4, 4.0), (6, 6.0), (7, 7.0)]),
            floats(&[(1, 1.0), (3, 3.0), (4, 4.0), (6, 6.0)])
        );
        assert_eq!(
            read(&[(1, 9.0), (2, 2.0), (3, 9.0)]),
            floats(&[(1, 1.0), (2, 2.0), (3, 9.0)])
        );
        assert_eq!(read(&[(1, 9.0), (9, 9.0)]), read(&[]));
    }

    #[test]
    fn one_sample_a_time_over_both_kinds() {
        let histogram = Arc::new(Histogram::new());
        let mut columns = floats(&[(1, 1.0), (3, 3.0)]);
        columns.lay_over(Columns {
            histograms: vec![(3, Arc::clone(&histogram))],
            ..Columns::default()
        });
        assert_eq!((columns.len(), &columns.times_ms[..]), (2, &[1][..]));
        columns.lay_over(floats(&[(3, 4.0)]));
        assert_eq!(columns, floats(&[(1, 1.0), (3, 4.0)]));
    }
}
