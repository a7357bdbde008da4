use std::sync::Arc;

use proptest::prelude::*;
use weir_wire::Histogram;

use super::*;
use crate::SeriesId;

const WINDOW_MS: i64 = 60_000;

fn head() -> Head {
    Head::new(WINDOW_MS, 2)
}

fn put(head: &Head, series: u32, samples: &[(i64, f64)]) -> Tally {
    let mut points = Points::default();
    for (time, value) in samples {
        points.push(SeriesId(series), *time, *value);
    }
    head.insert(&points)
}

fn tally(new: u64, duplicate: u64, replaced: u64) -> Tally {
    Tally {
        new,
        duplicate,
        replaced,
    }
}

fn columns(head: &Head, series: u32) -> Columns {
    let (mut bytes, mut found) = (Vec::new(), Vec::new());
    let series = [series].into_iter();
    head.read(series, i64::MIN, i64::MAX, &mut bytes, &mut found);
    found.remove(0)
}

fn read(head: &Head, series: u32) -> Vec<(i64, f64)> {
    let found = columns(head, series);
    found.times_ms.into_iter().zip(found.values).collect()
}

fn frozen(head: &Head, window: Window) -> Vec<(u32, usize)> {
    let (mut bytes, mut found) = (Vec::new(), Vec::new());
    let series = head.freeze(window);
    head.frozen(series.iter().copied(), window, &mut bytes, &mut found);
    let counts = found.iter().map(|columns| columns.len());
    series.iter().copied().zip(counts).collect()
}

#[test]
fn the_last_to_come_stays_and_order_is_kept() {
    let head = head();
    assert_eq!(put(&head, 7, &[(20, 1.0)]), tally(1, 0, 0));
    assert_eq!(put(&head, 7, &[(10, 2.0), (20, 1.0)]), tally(1, 1, 0));
    assert_eq!(put(&head, 7, &[(20, 3.0)]), tally(0, 0, 1));
    assert_eq!(
        put(
            &head,
            7,
            &[(30, weir_wire::stale()), (30, weir_wire::stale())]
        ),
        tally(1, 1, 0)
    );
    assert_eq!(
        put(&head, 7, &[(10, 2.0), (40, 4.0), (40, 5.0), (40, 5.0)]),
        tally(1, 2, 1)
    );
    let found = read(&head, 7);
    assert_eq!(
        (found[0], found[1], found[3]),
        ((10, 2.0), (20, 3.0), (40, 5.0))
    );
    assert_eq!(head.samples(), 4);
}

#[test]
fn a_window_being_sealed_is_read_under_what_came_since() {
    let head = head();
    put(&head, 7, &[(10, 1.0), (20, 1.0), (WINDOW_MS, 2.0)]);
    assert_eq!(frozen(&head, 0), [(7, 2)]);
    put(&head, 7, &[(20, 9.0), (15, 5.0)]);
    let all = [(10, 1.0), (15, 5.0), (20, 9.0), (WINDOW_MS, 2.0)];
    assert_eq!(read(&head, 7), all);
    head.thaw(0);
    assert_eq!(read(&head, 7), all);
    assert_eq!(frozen(&head, 0), [(7, 3)]);
    put(&head, 7, &[(16, 6.0)]);
    head.release(0, 3, 0);
    assert_eq!(read(&head, 7), [(16, 6.0), (WINDOW_MS, 2.0)]);
    assert_eq!(head.open_windows(), BTreeSet::from([0, 1]));
}

#[test]
fn what_is_sealed_gives_its_memory_back_and_idle_series_leave() {
    let head = head();
    let samples: Vec<(i64, f64)> = (0..6_000).map(|n| (n * 10, n as f64 * 0.1)).collect();
    for series in 0..100 {
        put(&head, series, &samples);
    }
    let full = head.used_bytes();
    assert_eq!(frozen(&head, 0).len(), 100);
    head.release(0, 600_000, 0);
    assert!(
        head.used_bytes() * 10 < full,
        "{} of {full}",
        head.used_bytes()
    );
    assert_eq!(head.samples(), 0);
    put(&head, 1, &[(WINDOW_MS, 1.0)]);
    let before = head.used_bytes();
    frozen(&head, 1);
    head.release(1, 1, 2);
    assert!(head.used_bytes() < before);
    put(&head, 1, &[(2 * WINDOW_MS, 1.0)]);
    assert_eq!(read(&head, 1), [(2 * WINDOW_MS, 1.0)]);
}

#[test]
fn histograms_and_floats_share_one_time_line() {
    let head = head();
    let mut histogram = Histogram::new();
    histogram.record(5.0, 2).unwrap();
    let mut points = Points::default();
    points.push_histogram(SeriesId(3), 10, &histogram);
    assert_eq!(head.insert(&points), tally(1, 0, 0));
    assert_eq!(head.insert(&points), tally(0, 1, 0));
    assert_eq!(put(&head, 3, &[(5, 1.0), (20, 2.0)]), tally(2, 0, 0));
    let found = columns(&head, 3);
    assert_eq!(found.histograms, [(10, Arc::new(histogram))]);
    assert_eq!(found.times_ms, [5, 20]);
    assert_eq!(put(&head, 3, &[(10, 9.0)]), tally(0, 0, 1));
    assert_eq!(read(&head, 3), [(5, 1.0), (10, 9.0), (20, 2.0)]);
}

#[test]
fn a_series_finds_its_shard_and_back() {
    let head = Head::new(WINDOW_MS, 4);
    for series in [0, 1, 1_023, 1_024, 5_000, 123_456, 9_999_999] {
        let (shard, place) = head.shard_of(series);
        assert_eq!(head.series_at(shard, place.local), series);
    }
}

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => (-1_000_000..1_000_000_i64).prop_map(|n| n as f64 / 100.0),
        2 => Just(7.25),
        1 => any::<i32>().prop_map(f64::from),
        1 => any::<u64>().prop_map(f64::from_bits),
        1 => prop_oneof![Just(0.0), Just(-0.0), Just(0.1 + 0.2), Just(f64::INFINITY), Just(1e300), Just(1e15 + 0.5)],
    ]
}

#[test]
fn what_is_held_goes_with_the_series_there_are() {
    let head = Head::new(WINDOW_MS, 2);
    put(&head, 0, &[(1, 1.0)]);
    for series in 1..100_000 {
        put(&head, series, &[(1, 2.0)]);
        head.forget([series].into_iter());
    }
    let held = head.held_bytes();
    assert!(held < 350_000, "{held}");
    assert_eq!(read(&head, 0), [(1, 1.0)]);
    put(&head, 100_000, &[(2, 3.0)]);
    assert_eq!(read(&head, 100_000), [(2, 3.0)]);
    assert_eq!(head.freeze(0), [0, 100_000]);
    head.release(0, 2, 5);
    let emptied = head.held_bytes();
    assert!(emptied < held, "{emptied} of {held}");
}

proptest! {
    /// Every bit of every float comes back, in whatever order samples come.
    #[test]
    fn the_head_is_a_map(
        samples in prop::collection::vec((0..400_i64, 0..3_u32, value()), 1..200),
        freezes in prop::collection::vec(0..200_usize, 0..3),
    ) {
        let head = Head::new(WINDOW_MS, 2);
        let mut model: BTreeMap<(u32, i64), u64> = BTreeMap::new();
        let mut sealing = BTreeSet::new();
        for (at, (time, series, value)) in samples.iter().enumerate() {
            // Half in order, half not; over seven windows.
            let time = if at % 2 == 0 { at as i64 * 1_000 } else { *time * 1_000 };
            put(&head, *series, &[(time, *value)]);
            model.insert((*series, time), value.to_bits());
            if freezes.contains(&at) {
                let window = (time / WINDOW_MS) as Window;
                // One sealing at a time, as upkeep does it.
                if sealing.insert(window) {
                    head.freeze(window);
                }
                if at % 3 == 0 {
                    head.thaw(window);
                    sealing.remove(&window);
                }
            }
        }
        for series in 0..3 {
            let found: Vec<(i64, u64)> = read(&head, series).into_iter().map(|(t, v)| (t, v.to_bits())).collect();
            let expected: Vec<(i64, u64)> = model.range((series, 0)..(series + 1, 0)).map(|((_, t), v)| (*t, *v)).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
