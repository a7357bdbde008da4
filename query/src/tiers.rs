//! What follows from an answer that mixes raw samples and rollups: how far apart points may be, which samples a
//! rolled-up sum is the sum of, and how two answers about neighbouring ranges are one.

use crate::{Selection, SeriesData};

/// Buckets that rollups have, largest first.
const BUCKETS_MS: [i64; 2] = [3_600_000, 60_000];

/// The largest bucket that fits these durations and times, such that each is whole buckets; 0 where none does.
pub(crate) fn common_bucket_ms(whole: &[i64]) -> i64 {
    let fits = |bucket: &i64| whole.iter().all(|ms| ms % bucket == 0);
    BUCKETS_MS.into_iter().find(fits).unwrap_or_default()
}

impl Selection {
    /// Whether any stretch is of rollups.
    pub(crate) fn is_rolled_up(&self) -> bool {
        self.resolutions.iter().any(|(_, ms)| *ms > 0)
    }

    /// The spacing of points at this time; 0 where they are raw.
    pub(crate) fn resolution_at(&self, time_ms: i64) -> i64 {
        let after = self
            .resolutions
            .partition_point(|(from, _)| *from <= time_ms);
        let stretch = after.checked_sub(1).and_then(|at| self.resolutions.get(at));
        stretch.map_or(0, |(_, ms)| *ms)
    }

    /// Puts an answer about the range just before in front of this one.
    pub(crate) fn preceded_by(self, earlier: Selection) -> Selection {
        let mut out = Vec::with_capacity(self.series.len().max(earlier.series.len()));
        let mut later = self.series.into_iter().peekable();
        for mut one in earlier.series {
            while let Some(other) = later.next_if(|other| other.key < one.key) {
                out.push(other);
            }
            if let Some(same) = later.next_if(|other| other.key == one.key) {
                one.times_ms.extend(same.times_ms);
                one.values.extend(same.values);
                one.histograms.extend(same.histograms);
            }
            out.push(one);
        }
        out.extend(later);
        let mut resolutions = earlier.resolutions;
        resolutions.extend(self.resolutions);
        Selection {
            series: out,
            resolutions,
        }
    }
}

/// How many samples stand behind each float of each of the sums: by an answer about the counts in the same range.
/// One for a point that the counts do not have, which is a sample that came in between.
pub(crate) fn weights(sums: &[SeriesData], counts: &[SeriesData]) -> Vec<Vec<f64>> {
    let mut rest = counts;
    let of = |sums: &SeriesData| {
        let before = rest.partition_point(|counts| counts.key < sums.key);
        rest = rest.get(before..).unwrap_or_default();
        let same = rest.first().filter(|counts| counts.key == sums.key);
        same.map_or_else(
            || vec![1.0; sums.values.len()],
            |counts| of_points(sums, counts),
        )
    };
    sums.iter().map(of).collect()
}

fn of_points(sums: &SeriesData, counts: &SeriesData) -> Vec<f64> {
    let mut counted = counts.times_ms.iter().zip(&counts.values).peekable();
    let at = |time_ms: &i64| {
        while counted.next_if(|(at, _)| *at < time_ms).is_some() {}
        counted
            .next_if(|(at, _)| *at == time_ms)
            .map_or(1.0, |(_, count)| *count)
    };
    sums.times_ms.iter().map(at).collect()
}

#[cfg(test)]
mod tests {
    use weir_wire::SeriesKey;

    use super::*;

    fn series(name: &str, points: &[(i64, f64)]) -> SeriesData {
        SeriesData {
            key: SeriesKey::bare(name).unwrap(),
            times_ms: points.iter().map(|point| point.0).collect(),
            values: points.iter().map(|point| point.1).collect(),
            histograms: Vec::new(),
        }
    }

    #[test]
    fn buckets_divide_everything_or_are_none() {
        assert_eq!(common_bucket_ms(&[7_200_000, 0, 3_600_000]), 3_600_000);
        assert_eq!(common_bucket_ms(&[300_000, 3_600_000]), 60_000);
        assert_eq!(common_bucket_ms(&[300_000, 1]), 0);
    }

    #[test]
    fn stretches_begin_where_they_say() {
        let selection = Selection {
            series: Vec::new(),
            resolutions: vec![(0, 3_600_000), (100, 0)],
        };
        let at = |time_ms| selection.resolution_at(time_ms);
        assert_eq!(
            [at(-1), at(0), at(99), at(100)],
            [0, 3_600_000, 3_600_000, 0]
        );
    }

    #[test]
    fn neighbouring_answers_are_one_by_key() {
        let answer = |series| Selection {
            series,
            resolutions: Vec::new(),
        };
        let earlier = answer(vec![series("b", &[(1, 1.0)]), series("c", &[(1, 2.0)])]);
        let later = answer(vec![series("a", &[(2, 3.0)]), series("b", &[(2, 4.0)])]);
        let expected = [
            series("a", &[(2, 3.0)]),
            series("b", &[(1, 1.0), (2, 4.0)]),
            series("c", &[(1, 2.0)]),
        ];
        assert_eq!(later.preceded_by(earlier).series, expected);
    }

    #[test]
    fn weights_are_found_by_key_and_time() {
        let sums = [
            series("a", &[(1, 5.0)]),
            series("b", &[(1, 5.0), (2, 6.0), (4, 7.0)]),
        ];
        let counts = [series("b", &[(1, 10.0), (3, 11.0), (4, 12.0)])];
        assert_eq!(weights(&sums, &counts), [vec![1.0], vec![10.0, 1.0, 12.0]]);
    }
}
