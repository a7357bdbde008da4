use proptest::prelude::*;

use super::*;

fn exponential(scale: i32, buckets: &[(i32, f64)]) -> Buckets {
    let mut made = Buckets::empty(Layout::Exponential { scale });
    made.positive = buckets
        .iter()
        .map(|&(index, count)| Bucket { index, count })
        .collect();
    made.count = buckets.iter().map(|bucket| bucket.1).sum();
    made
}

fn explicit(bounds: &[f64], counts: &[f64]) -> Buckets {
    let mut made = Buckets::empty(Layout::Explicit {
        bounds: bounds.to_vec(),
    });
    made.positive = (0..)
        .zip(counts)
        .map(|(index, &count)| Bucket { index, count })
        .collect();
    made.count = counts.iter().sum();
    made
}

#[test]
fn exponential_buckets_stand_at_their_geometric_middle() {
    let mut sent = exponential(0, &[(1, 1.0), (4, 2.0)]);
    sent.zero_count = 3.0;
    sent.count = 6.0;
    sent.sum = Some(20.0);
    let converted = sent.to_histogram();
    let histogram = converted.histogram;
    assert_eq!(
        (histogram.count(), histogram.sum(), converted.clamped),
        (6, 20.0, 0)
    );
    assert_eq!(histogram.min(), 0.0);
    // Bucket 4 is (8, 16].
    assert!((histogram.max() - 128_f64.sqrt()).abs() < 1e-9);
    assert!((histogram.quantile(0.6) - 2_f64.sqrt()).abs() < 0.02);
}

#[test]
fn explicit_buckets_stand_where_the_table_says() {
    let middle = |bounds: &[f64], at: i32| {
        let mut counts = vec![0.0; bounds.len() + 1];
        counts[at as usize] = 1.0;
        let mut sent = explicit(bounds, &counts);
        sent.positive.retain(|bucket| bucket.count > 0.0);
        sent.to_histogram().histogram.max()
    };
    assert_eq!(middle(&[10.0, 20.0], 0), 5.0);
    assert_eq!(middle(&[10.0, 20.0], 1), 15.0);
    assert_eq!(middle(&[10.0, 20.0], 2), 20.0);
    let mut known = explicit(&[10.0], &[0.0, 1.0]);
    known.max = Some(99.0);
    assert_eq!(known.to_histogram().histogram.max(), 99.0);
    let mut alone = explicit(&[], &[4.0]);
    alone.sum = Some(10.0);
    assert_eq!(alone.to_histogram().histogram.quantile(0.5), 2.5);
}

#[test]
fn what_lies_outside_is_counted() {
    let mut sent = exponential(-10, &[(1, 1.0), (100, 2.0)]);
    sent.negative = vec![Bucket {
        index: 1,
        count: 3.0,
    }];
    let converted = sent.to_histogram();
    assert_eq!(converted.clamped, 6);
    assert_eq!(converted.histogram.count(), 6);
    assert_eq!(
        (converted.histogram.min(), converted.histogram.max()),
        (0.0, crate::Histogram::MAX)
    );
    let mut bytes = Vec::new();
    converted.histogram.encode(&mut bytes);
    assert!(crate::Histogram::decode(&bytes).is_ok());
}

#[test]
fn parts_of_observations_add_up() {
    let sent = exponential(0, &[(1, 0.4), (2, 0.4), (3, 0.4), (4, 0.4)]);
    assert_eq!(sent.to_histogram().histogram.count(), 2);
}

#[test]
fn what_grew_is_the_difference() {
    let mut before = exponential(3, &[(1, 2.0), (5, 1.0)]);
    let mut after = exponential(3, &[(1, 2.0), (2, 4.0), (5, 3.0)]);
    (before.sum, after.sum) = (Some(3.0), Some(10.0));
    let since = after.since(&before);
    assert!(!since.reset);
    assert_eq!((since.buckets.count, since.buckets.sum), (6.0, Some(7.0)));
    assert_eq!(
        since.buckets.positive,
        exponential(3, &[(2, 4.0), (5, 2.0)]).positive
    );
}

#[test]
fn resets_are_seen() {
    let before = exponential(3, &[(1, 2.0), (5, 1.0)]);
    for after in [
        exponential(3, &[(1, 2.0)]),
        exponential(3, &[(1, 1.0), (5, 9.0)]),
        exponential(4, &[(1, 2.0), (5, 1.0)]),
        explicit(&[1.0], &[5.0, 5.0]),
    ] {
        let since = after.since(&before);
        assert!(since.reset, "{after:?}");
        assert_eq!(since.buckets, after);
    }
    let moved = explicit(&[2.0], &[5.0, 5.0]);
    assert!(moved.since(&explicit(&[1.0], &[1.0, 1.0])).reset);
}

#[test]
fn coarser_scales_and_wider_zeros_are_no_resets() {
    // At scale 1 the buckets 1 and 2 are bucket 1 of scale 0, and -1 and 0 are 0.
    let before = exponential(1, &[(-1, 1.0), (0, 1.0), (1, 1.0), (2, 2.0), (3, 5.0)]);
    let after = exponential(0, &[(0, 2.0), (1, 4.0), (2, 5.0)]);
    let since = after.since(&before);
    assert!(!since.reset);
    assert_eq!(
        since.buckets.positive,
        [Bucket {
            index: 1,
            count: 1.0
        }]
    );

    let mut before = exponential(0, &[(-3, 2.0), (1, 1.0)]);
    before.zero_count = 1.0;
    before.count = 4.0;
    let mut after = exponential(0, &[(1, 1.0)]);
    after.zero_threshold = 0.125;
    after.zero_count = 4.0;
    after.count = 5.0;
    let since = after.since(&before);
    assert!(!since.reset);
    assert_eq!((since.buckets.zero_count, since.buckets.count), (1.0, 1.0));
    after.zero_threshold = 0.1;
    assert!(
        after.since(&before).reset,
        "a threshold within a bucket that holds something"
    );
}

#[test]
fn what_is_no_distribution_is_refused() {
    for bad in [
        exponential(21, &[]),
        exponential(0, &[(1, -1.0)]),
        exponential(0, &[(1, f64::NAN)]),
        exponential(0, &[(1, 1e17)]),
        explicit(&[2.0, 1.0], &[]),
        explicit(&[f64::NAN], &[]),
        explicit(&[1.0], &[0.0, 0.0, 1.0]),
    ] {
        assert!(bad.check().is_err(), "{bad:?}");
    }
    let mut bad = exponential(0, &[]);
    bad.zero_threshold = -1.0;
    assert!(bad.check().is_err());
}

proptest! {
    #[test]
    fn any_distribution_is_converted_and_subtracted(
        scale in -10..=20_i32,
        earlier in prop::collection::btree_map(any::<i32>(), 0.0..1e6f64, 0..20),
        more in prop::collection::btree_map(any::<i32>(), 0.0..1e6f64, 0..20),
    ) {
        let before = exponential(scale, &earlier.clone().into_iter().map(|(i, c)| (i, c.floor())).collect::<Vec<_>>());
        let mut sum = earlier;
        for (index, count) in more {
            *sum.entry(index).or_default() += count;
        }
        let after = exponential(scale, &sum.into_iter().map(|(i, c)| (i, c.floor())).collect::<Vec<_>>());
        let since = after.since(&before);
        prop_assert!(!since.reset);
        prop_assert_eq!(since.buckets.count, after.count - before.count);
        prop_assert_eq!(since.buckets.to_histogram().histogram.count() as f64, since.buckets.count);
        let _ = before.since(&after);
        let coarse = exponential((scale - 3).max(-10), &[]);
        prop_assert_eq!(coarse.since(&after).reset, after.count > 0.0);
    }
}

#[test]
fn the_count_is_that_of_all_buckets() {
    let mut sent = exponential(0, &[(1, 1.0), (4, 2.0)]);
    sent.zero_count = 3.0;
    sent.negative = vec![Bucket {
        index: 0,
        count: 4.0,
    }];
    for (count, sum, is_right) in [
        (10.0, Some(1.0), true),
        (10.0, None, true),
        (11.0, Some(1.0), false),
        (9.0, None, false),
        (11.0, Some(f64::NAN), true),
        (9.0, Some(f64::NAN), false),
    ] {
        (sent.count, sent.sum) = (count, sum);
        assert_eq!(sent.check_count().is_ok(), is_right, "{count} {sum:?}");
    }
}
