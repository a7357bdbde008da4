//! What chunks of thirty one-minute points take: bounds that are asserted, and a table with times that is printed:
//! `cargo test --release -p weir-store --lib -- --ignored --nocapture rollup`.

use std::hint::black_box;
use std::time::Instant;

use super::*;

const POINTS: i64 = 30;

/// A steady source of numbers below `below`.
fn noise(seed: &mut u64, below: u64) -> i64 {
    *seed = seed
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    ((*seed >> 33) % below) as i64
}

/// Thirty minutes of six samples each; `next` makes a value from the one before.
fn minutes(
    mut next: impl FnMut(i64) -> i64,
    from: i64,
    scale: f64,
    late_ms: u64,
) -> Vec<RollupPoint> {
    let (mut value, mut seed) = (from, 11);
    let (mut times, mut values) = (Vec::new(), Vec::new());
    for at in 0..POINTS * 6 {
        value = next(value);
        times.push(START_MS - START_MS % HOUR_MS + at * 10_000 + noise(&mut seed, late_ms + 1));
        values.push(value as f64 / scale);
    }
    rolled(&times, &values, MINUTE_MS)
}

type Made = (&'static str, Vec<Vec<RollupPoint>>);

fn made() -> Vec<Made> {
    let many = |one: &dyn Fn(u64) -> Vec<RollupPoint>| (0..100).map(one).collect();
    let walk = |seed: u64, late_ms| {
        let mut seed = seed * 77 + 5;
        minutes(
            move |v| v + noise(&mut seed, 401) - 200,
            50_000,
            100.0,
            late_ms,
        )
    };
    let slow = |seed: u64| {
        let mut seed = seed * 77 + 5;
        minutes(move |v| v + noise(&mut seed, 21) - 10, 5_000, 100.0, 0)
    };
    let counter = |seed: u64| {
        let mut seed = seed * 77 + 5;
        let from = noise(&mut seed, 1_000_000);
        minutes(move |v| v + noise(&mut seed, 5_001), from, 1.0, 0)
    };
    let double = |seed: u64| {
        let mut seed = seed * 77 + 5;
        minutes(move |_| noise(&mut seed, 1 << 30), 0, 0.7, 0)
    };
    vec![
        (
            "gauge: random walk, two decimals, ±2.00",
            many(&|seed| walk(seed, 0)),
        ),
        ("· the same, times 0–9 ms late", many(&|seed| walk(seed, 9))),
        ("· steps of ±0.10", many(&slow)),
        ("counter: += 0…5000", many(&counter)),
        (
            "constant",
            many(&|seed| minutes(|v| v, seed as i64 * 37, 100.0, 0)),
        ),
        ("random doubles", many(&double)),
    ]
}

fn bytes_a_point(chunks: &[Vec<RollupPoint>]) -> f64 {
    let bytes: usize = chunks.iter().map(|points| round_trip(points)).sum();
    bytes as f64 / (chunks.len() as f64 * POINTS as f64)
}

#[test]
fn sizes_are_as_documented() {
    let bounds = [7.8, 8.6, 5.5, 7.3, 0.9, 31.0];
    for ((name, chunks), bound) in made().iter().zip(bounds) {
        let size = bytes_a_point(chunks);
        assert!(size <= bound, "{name}: {size}");
    }
}

/// The least of twelve runs, a point.
fn nanoseconds(points: usize, mut run: impl FnMut()) -> f64 {
    let mut least = f64::INFINITY;
    for _ in 0..12 {
        let start = Instant::now();
        run();
        least = least.min(start.elapsed().as_nanos() as f64);
    }
    least / points as f64
}

#[test]
#[ignore = "a measurement"]
fn sizes_and_times() {
    for (name, chunks) in made() {
        let points = chunks.iter().map(Vec::len).sum();
        let bytes: Vec<_> = chunks.iter().map(|points| encoded(points)).collect();
        let encode_ns = nanoseconds(points, || {
            chunks.iter().for_each(|c| drop(black_box(encoded(c))))
        });
        let decode_ns = nanoseconds(points, || {
            bytes.iter().for_each(|b| drop(black_box(decode(b))))
        });
        let read = |b: &Vec<u8>| drop(black_box(aspect(b, Aspect::Max, i64::MIN, i64::MAX)));
        let aspect_ns = nanoseconds(points, || bytes.iter().for_each(read));
        let size = bytes_a_point(&chunks);
        println!("| {name} | {size:.2} | {encode_ns:.0} | {decode_ns:.0} | {aspect_ns:.0} |");
    }
}
