//! Rollups as their callers see them: what a bucket keeps, fine to coarse, and chunks that come back or are refused.

mod bytes;
mod sizes;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::chunk::ChunkError;

const START_MS: i64 = 1_700_000_000_000;
const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 3_600_000;

fn rolled(times_ms: &[i64], values: &[f64], resolution_ms: i64) -> Vec<RollupPoint> {
    let mut out = Vec::new();
    roll_up(times_ms, values, &[], resolution_ms, &mut out);
    out
}

fn distribution(values: &[f64]) -> Arc<Histogram> {
    let mut histogram = Histogram::new();
    values
        .iter()
        .for_each(|&value| histogram.record(value, 1).unwrap());
    Arc::new(histogram)
}

fn point(last_ms: i64, [last, count, sum, min, max]: [f64; 5]) -> RollupPoint {
    let histogram = None;
    RollupPoint {
        last_ms,
        last,
        count,
        sum,
        min,
        max,
        histogram,
    }
}

/// Points as something to compare: every bit of the floats, the histograms as they are.
fn bits(points: &[RollupPoint]) -> Vec<(i64, [u64; 5], Option<Arc<Histogram>>)> {
    let of = |p: &RollupPoint| {
        let floats = [p.last, p.count, p.sum, p.min, p.max].map(f64::to_bits);
        (p.last_ms, floats, p.histogram.clone())
    };
    points.iter().map(of).collect()
}

fn encoded(points: &[RollupPoint]) -> Vec<u8> {
    let mut out = Vec::new();
    encode(points, &mut out);
    out
}

/// What one aspect of a chunk reads as.
type Read = (Vec<i64>, Vec<f64>, Vec<(i64, Arc<Histogram>)>);

fn aspect(bytes: &[u8], aspect: Aspect, from_ms: i64, to_ms: i64) -> Result<Read, ChunkError> {
    let (mut times, mut values, mut histograms) = Read::default();
    decode_aspect(
        bytes,
        aspect,
        from_ms,
        to_ms,
        &mut times,
        &mut values,
        &mut histograms,
    )?;
    Ok((times, values, histograms))
}

const ASPECTS: [Aspect; 5] = [
    Aspect::Last,
    Aspect::Count,
    Aspect::Sum,
    Aspect::Min,
    Aspect::Max,
];

/// Encodes, decodes whole and by aspect, compares every bit, and returns the length.
fn round_trip(points: &[RollupPoint]) -> usize {
    let bytes = encoded(points);
    assert_eq!(bits(&decode(&bytes).unwrap()), bits(points));
    let with_floats: Vec<_> = points.iter().filter(|point| point.has_floats()).collect();
    for (at, which) in ASPECTS.into_iter().enumerate() {
        let (times, values, histograms) = aspect(&bytes, which, i64::MIN, i64::MAX).unwrap();
        let read: Vec<_> = times
            .into_iter()
            .zip(values.iter().map(|v| v.to_bits()))
            .collect();
        let column = |p: &&RollupPoint| [p.last, p.count, p.sum, p.min, p.max][at].to_bits();
        let expected: Vec<_> = with_floats.iter().map(|p| (p.last_ms, column(p))).collect();
        assert_eq!(read, expected, "{which:?}");
        let beside = points
            .iter()
            .filter_map(|p| Some((p.last_ms, p.histogram.clone()?)));
        assert_eq!(histograms, beside.collect::<Vec<_>>());
    }
    bytes.len()
}

/// Floats, both, histograms alone, floats again: each in a minute of its own.
fn mixture() -> Vec<RollupPoint> {
    let minute = |at: i64| START_MS - START_MS % MINUTE_MS + at * MINUTE_MS;
    let times = [minute(0), minute(0) + 10_000, minute(1) + 5_000, minute(3)];
    let histograms = [
        (minute(1), distribution(&[4.0, 8.0])),
        (minute(1) + 50_000, distribution(&[16.0])),
        (minute(2), distribution(&[32.0])),
    ];
    let mut out = Vec::new();
    roll_up(
        &times,
        &[1.5, 2.5, 7.0, -1.0],
        &histograms,
        MINUTE_MS,
        &mut out,
    );
    out
}

#[test]
fn a_bucket_begins_at_a_multiple_and_ends_before_the_next() {
    let times = [-1, 0, 59_999, 60_000, 180_000];
    let points = rolled(&times, &[9.0, 4.0, -2.0, 3.0, 0.5], MINUTE_MS);
    let expected = [
        point(-1, [9.0, 1.0, 9.0, 9.0, 9.0]),
        point(59_999, [-2.0, 2.0, 2.0, -2.0, 4.0]),
        point(60_000, [3.0, 1.0, 3.0, 3.0, 3.0]),
        point(180_000, [0.5, 1.0, 0.5, 0.5, 0.5]),
    ];
    assert_eq!(bits(&points), bits(&expected));
    let ends = rolled(&[i64::MIN, i64::MAX], &[1.0, 2.0], HOUR_MS);
    assert_eq!([ends[0].last_ms, ends[1].last_ms], [i64::MIN, i64::MAX]);
}

#[test]
fn stale_marks_are_no_samples() {
    let stale = weir_wire::stale();
    let times = [0, 1_000, 60_000, 120_000, 121_000];
    let points = rolled(&times, &[5.0, stale, stale, stale, 6.0], MINUTE_MS);
    let expected = [
        point(0, [5.0, 1.0, 5.0, 5.0, 5.0]),
        point(121_000, [6.0, 1.0, 6.0, 6.0, 6.0]),
    ];
    assert_eq!(bits(&points), bits(&expected));
    assert!(rolled(&[7], &[stale], MINUTE_MS).is_empty());
}

#[test]
fn infinities_and_negative_zero_are_kept() {
    let inf = f64::INFINITY;
    let points = rolled(&[0, 1, 60_000, 60_001], &[0.0, -0.0, inf, -inf], MINUTE_MS);
    let expected = [
        point(1, [-0.0, 2.0, 0.0, -0.0, 0.0]),
        point(60_001, [-inf, 2.0, f64::NAN, -inf, inf]),
    ];
    assert_eq!(bits(&points), bits(&expected));
    round_trip(&points);
}

#[test]
fn histograms_merge_beside_the_floats_and_count_alone_where_there_are_none() {
    let points = mixture();
    let shape: Vec<_> = points
        .iter()
        .map(|p| (p.count, p.sum, p.min, p.max, p.last))
        .collect();
    assert_eq!(
        shape[..2],
        [(2.0, 4.0, 1.5, 2.5, 2.5), (1.0, 7.0, 7.0, 7.0, 7.0)]
    );
    let alone = &points[2];
    assert_eq!(
        [alone.count, alone.sum, alone.min, alone.max],
        [1.0, 32.0, 32.0, 32.0]
    );
    assert!(alone.last.is_nan());
    assert_eq!(
        points[1].last_ms % MINUTE_MS,
        50_000,
        "the later histogram's time"
    );
    let merged = points[1].histogram.as_deref().unwrap();
    assert_eq!(*merged, *distribution(&[4.0, 8.0, 16.0]));
    assert!(points[0].histogram.is_none() && points[3].histogram.is_none());
    round_trip(&points);
    let hour = coarse(&points, HOUR_MS);
    assert_eq!((hour.len(), hour[0].count, hour[0].sum), (1, 4.0, 10.0));
    assert_eq!(hour[0].histogram.as_ref().unwrap().count(), 4);
}

#[test]
fn an_empty_histogram_is_a_point_that_counts_nothing() {
    let mut points = Vec::new();
    roll_up(
        &[],
        &[],
        &[(5, Arc::new(Histogram::new()))],
        MINUTE_MS,
        &mut points,
    );
    assert_eq!((points[0].count, points[0].sum), (0.0, 0.0));
    round_trip(&points);
}

fn coarse(finer: &[RollupPoint], resolution_ms: i64) -> Vec<RollupPoint> {
    let mut out = Vec::new();
    coarsen(finer, resolution_ms, &mut out);
    out
}

#[test]
fn a_range_includes_both_its_ends() {
    let points = mixture();
    let (bytes, at) = (encoded(&points), |i: usize| points[i].last_ms);
    let (times, values, histograms) = aspect(&bytes, Aspect::Sum, at(1), at(2)).unwrap();
    assert_eq!((times, values), (vec![at(1)], vec![7.0]));
    assert_eq!(
        histograms.iter().map(|h| h.0).collect::<Vec<_>>(),
        [at(1), at(2)]
    );
    let none = aspect(&bytes, Aspect::Sum, at(1) + 1, at(2) - 1).unwrap();
    assert_eq!(none, Read::default());
    assert_eq!(
        aspect(&bytes, Aspect::Sum, at(3), at(0)).unwrap(),
        Read::default()
    );
}

/// A float of a kind that a series may hold.
fn any_value() -> impl Strategy<Value = f64> {
    prop_oneof![
        8 => (-100_000_i32..100_000).prop_map(|cents| f64::from(cents) / 100.0),
        4 => -1e12..1e12_f64,
        1 => Just(-0.0),
        1 => Just(0.0),
        1 => Just(weir_wire::stale()),
    ]
}

/// Ascending times over a few hours, negative ones among them.
fn any_times() -> impl Strategy<Value = Vec<i64>> {
    vec(-HOUR_MS..3 * HOUR_MS, 1..300).prop_map(|mut times| {
        times.sort_unstable();
        times.dedup();
        times
    })
}

/// Samples, every `nth` one a histogram, the others floats; `nth` 0 for none.
fn samples(times: &[i64], values: &[f64], nth: usize) -> Samples {
    let mut out = Samples::default();
    for (at, (&time, &value)) in times.iter().zip(values).enumerate() {
        if nth > 0 && at % nth == 0 {
            out.2.push((time, distribution(&[at as f64, 1_000.0])));
        } else {
            out.0.push(time);
            out.1.push(value);
        }
    }
    out
}

type Samples = (Vec<i64>, Vec<f64>, Vec<(i64, Arc<Histogram>)>);

proptest! {
    #[test]
    fn hours_of_minutes_are_hours_of_samples(
        times in any_times(),
        values in vec(any_value(), 300),
        infinite in proptest::option::of((any::<prop::sample::Index>(), any::<bool>())),
        nth in 0_usize..4,
    ) {
        let (times, mut values, histograms) = samples(&times, &values, nth);
        if let (Some((at, negative)), false) = (infinite, values.is_empty()) {
            let at = at.index(values.len());
            values[at] = if negative { f64::NEG_INFINITY } else { f64::INFINITY };
        }
        let (mut minutes, mut hours) = (Vec::new(), Vec::new());
        roll_up(&times, &values, &histograms, MINUTE_MS, &mut minutes);
        roll_up(&times, &values, &histograms, HOUR_MS, &mut hours);
        let coarse = coarse(&minutes, HOUR_MS);
        let without_sum = |points: &[RollupPoint]| {
            let blank = |p: &RollupPoint| RollupPoint { sum: 0.0, ..p.clone() };
            bits(&points.iter().map(blank).collect::<Vec<_>>())
        };
        prop_assert_eq!(without_sum(&coarse), without_sum(&hours));
        for (coarse, hour) in coarse.iter().zip(&hours) {
            let in_hour = |&(&time, value): &(&i64, &f64)| {
                time.div_euclid(HOUR_MS) == hour.last_ms.div_euclid(HOUR_MS) && !value.is_nan()
            };
            let magnitude: f64 = times.iter().zip(&values).filter(in_hour).map(|(_, v)| v.abs()).sum();
            let off = (coarse.sum - hour.sum).abs();
            let same = coarse.sum.to_bits() == hour.sum.to_bits();
            prop_assert!(same || off <= 2.0 * f64::EPSILON * magnitude, "{} {}", coarse.sum, hour.sum);
        }
        prop_assert_eq!(bits(&super::tests::coarse(&minutes, MINUTE_MS)), bits(&minutes));
    }

    #[test]
    fn rolled_samples_come_back(
        times in any_times(),
        values in vec(any_value(), 300),
        nth in 0_usize..4,
        resolution_ms in prop::sample::select(vec![1, 7_000, MINUTE_MS, HOUR_MS]),
    ) {
        let (times, values, histograms) = samples(&times, &values, nth);
        let mut points = Vec::new();
        roll_up(&times, &values, &histograms, resolution_ms, &mut points);
        round_trip(&points);
    }

    #[test]
    fn any_points_come_back(
        mut times in vec(any::<i64>(), 0..60),
        floats in vec(any::<[u64; 5]>(), 60),
        common in 0_u32..64,
        same in 0_u8..32,
    ) {
        times.sort_unstable();
        times.dedup();
        let any_point = |(&time, raw): (&i64, &[u64; 5])| {
            let mut raw = raw.map(|bits| f64::from_bits(bits >> common << common));
            for column in (0..5).filter(|column| same >> column & 1 == 1) {
                raw[column] = [raw[0], 6.0, raw[0] * raw[1], raw[0], raw[0]][column];
            }
            point(time, raw)
        };
        let points: Vec<_> = times.iter().zip(&floats).map(any_point).collect();
        round_trip(&points);
    }
}
