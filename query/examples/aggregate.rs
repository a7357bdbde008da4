//! What common expressions cost: CPU milliseconds, and nanoseconds for each sample read, over 100,000 series of ten
//! minutes at ten seconds, from a source that hands out what is ready. The best of a few runs, on one core:
//!
//! `cargo run --release -p weir-query --example aggregate`
#![expect(
    clippy::unwrap_used,
    reason = "a measurement ends at the first surprise"
)]

use std::sync::Mutex;
use std::time::Duration;

use weir_query::promql::{Engine, parse};
use weir_query::{Budget, Selection, SeriesData, Source, SourceError, TimeRange, Wish};
use weir_wire::{Matcher, SeriesKey};

const SERIES: usize = 100_000;
const SAMPLES: usize = 61;
const STEP_MS: i64 = 10_000;
const END_MS: i64 = 1_700_000_000_000;
const RUNS: usize = 5;

const EXPRESSIONS: [&str; 14] = [
    "sum by (region) (m)",
    "sum(m)",
    "avg by (region) (m)",
    "max by (region) (m)",
    "count by (region) (m)",
    "sum without (host, region) (m)",
    "sum by (host) (m)",
    "sum by (region) (m * 2 > 100)",
    "sum(rate(m[1m]))",
    "sum by (region) (rate(m[5m]))",
    "max by (region) (max_over_time(m[5m]))",
    "sum by (region) (avg_over_time(m[5m]))",
    "rate(m[5m])",
    "m",
];

const AT_ONCE: [&str; 5] = [
    "sum by (region) (m)",
    "sum(rate(m[5m]))",
    "topk(10, m)",
    "m",
    "count(m > 1000)",
];

fn main() {
    let tables = [
        (SAMPLES, 0, &EXPRESSIONS[..]),
        (SAMPLES, 1_000, &EXPRESSIONS[..2]),
        (1, 0, &AT_ONCE[..]),
    ];
    for (steps, jitter_ms, expressions) in tables {
        println!("{SERIES} series of {SAMPLES} samples, {jitter_ms} ms of jitter, {steps} steps");
        for text in expressions {
            let best = (0..RUNS)
                .map(|_| measure(text, steps, jitter_ms))
                .min()
                .unwrap();
            let ns = best.as_nanos() as f64;
            let each = ns / (SERIES * SAMPLES) as f64;
            println!("{text:45} {:8.1} ms {each:7.2} ns/sample", ns / 1e6);
        }
    }
}

fn measure(text: &str, steps: usize, jitter_ms: i64) -> Duration {
    let source = Ready(Mutex::new(Some(data(jitter_ms))));
    // As a store does, which hands out keys that it keeps.
    let _keys = keys(&source);
    let expr = parse(text).unwrap();
    let start_ms = END_MS - STEP_MS * (steps as i64 - 1);
    let budget = Budget::new(u64::MAX, u64::MAX);
    let before = cpu_time();
    let answer = match steps {
        1 => Engine::default().instant(&source, &expr, END_MS, &budget),
        _ => Engine::default().range(&source, &expr, start_ms, END_MS, STEP_MS, &budget),
    };
    let spent = cpu_time() - before;
    assert!(answer.is_ok());
    spent
}

fn keys(source: &Ready) -> Vec<SeriesKey> {
    let ready = source.0.lock().unwrap();
    let all = ready.iter().flatten();
    all.map(|series| series.key.clone()).collect()
}

/// What this thread has spent so far, as Linux counts it: to the nanosecond whenever the thread gives way.
fn cpu_time() -> Duration {
    std::thread::yield_now();
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    let ns = text.split(' ').next().and_then(|ns| ns.parse().ok());
    Duration::from_nanos(ns.unwrap())
}

/// Every series has times of its own, where there is jitter.
fn data(jitter_ms: i64) -> Vec<SeriesData> {
    let early_ms = |i: usize| i as i64 * 7_919 % jitter_ms.max(1);
    (0..SERIES).map(|i| series(i, early_ms(i))).collect()
}

fn series(i: usize, early_ms: i64) -> SeriesData {
    let (host, region) = (
        format!("host{i:05}"),
        format!("region-{:02}", i * 7919 % 40),
    );
    let labels = [
        ("app", "shop"),
        ("dc", "east"),
        ("host", &host),
        ("region", &region),
    ];
    let value = |k: usize| i as f64 * 0.37 + k as f64 * 3.3;
    let time_ms = |k: usize| END_MS - early_ms - (SAMPLES - 1 - k) as i64 * STEP_MS;
    SeriesData {
        key: SeriesKey::new("m", labels).unwrap(),
        times_ms: (0..SAMPLES).map(time_ms).collect(),
        values: (0..SAMPLES).map(value).collect(),
        histograms: Vec::new(),
    }
}

/// Gives away what it has, once.
struct Ready(Mutex<Option<Vec<SeriesData>>>);

impl Source for Ready {
    fn select(
        &self,
        _: &[Matcher],
        _: TimeRange,
        _: Wish,
        _: &Budget,
    ) -> Result<Selection, SourceError> {
        let series = self.0.lock().unwrap().take().unwrap();
        Ok(Selection {
            series,
            resolutions: Vec::new(),
        })
    }

    fn series(
        &self,
        _: &[Vec<Matcher>],
        _: TimeRange,
        _: &Budget,
    ) -> Result<Vec<SeriesKey>, SourceError> {
        Ok(Vec::new())
    }

    fn label_names(
        &self,
        _: &[Vec<Matcher>],
        _: TimeRange,
        _: &Budget,
    ) -> Result<Vec<String>, SourceError> {
        Ok(Vec::new())
    }

    fn label_values(
        &self,
        _: &str,
        _: &[Vec<Matcher>],
        _: TimeRange,
        _: &Budget,
    ) -> Result<Vec<String>, SourceError> {
        Ok(Vec::new())
    }
}
