//! Answers from rollups: what is asked of the source, and that what comes of it is what the raw samples would give.

use std::sync::Mutex;

use weir_query::promql::{Engine, parse};
use weir_query::{Aspect, Budget, Selection, SeriesData, Source, SourceError, TimeRange, Wish};
use weir_wire::{Matcher, SeriesKey};

use crate::memory::Memory;

const HOUR_MS: i64 = 3_600_000;

/// A memory whose samples before a time are gone but for hourly rollups, and whose later ones have rollups too.
struct Tiered {
    memory: Memory,
    raw_from_ms: i64,
    asked: Mutex<Vec<(TimeRange, Wish)>>,
}

impl Tiered {
    /// `m` every ten minutes for ten hours, from 1 on, raw from the fifth hour on.
    fn new() -> Self {
        let times_ms: Vec<i64> = (0..60).map(|i| i * 600_000).collect();
        let memory = Memory(vec![SeriesData {
            key: SeriesKey::bare("m").unwrap(),
            values: (1..=60).map(f64::from).collect(),
            times_ms,
            histograms: Vec::new(),
        }]);
        Self {
            memory,
            raw_from_ms: 5 * HOUR_MS,
            asked: Mutex::default(),
        }
    }

    fn at(&self, text: &str, time_ms: i64) -> String {
        let expr = parse(text).unwrap();
        let answer = Engine::default().instant(self, &expr, time_ms, &Budget::new(10, 10_000));
        weir_query::json::to_string(&answer.unwrap().value)
    }

    fn over(&self, text: &str, (start, end, step): (i64, i64, i64)) -> String {
        let expr = parse(text).unwrap();
        let budget = Budget::new(10, 10_000);
        let answer = Engine::default().range(self, &expr, start, end, step, &budget);
        let text = weir_query::json::to_string(&answer.unwrap().value);
        let (_, values) = text.split_once("\"values\":").unwrap_or(("", "none"));
        values.trim_end_matches("}]}").to_owned()
    }

    fn wishes(&self) -> Vec<(Aspect, i64)> {
        let asked = std::mem::take(&mut *self.asked.lock().unwrap());
        let wishes = asked.into_iter().map(|(_, wish)| wish);
        wishes.map(|wish| (wish.aspect, wish.spacing_ms)).collect()
    }
}

impl Source for Tiered {
    fn select(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        wish: Wish,
        budget: &Budget,
    ) -> Result<Selection, SourceError> {
        self.asked.lock().unwrap().push((range, wish));
        let raw_from_ms = match wish.spacing_ms >= HOUR_MS {
            true => i64::MAX,
            false => self.raw_from_ms,
        };
        let everything = TimeRange {
            from_ms: 0,
            to_ms: i64::MAX,
        };
        let raw = Wish {
            aspect: Aspect::Last,
            ..wish
        };
        let mut found = self.memory.select(matchers, everything, raw, budget)?;
        for series in &mut found.series {
            *series = rolled_up(series, wish.aspect, raw_from_ms, range);
        }
        found.series.retain(|series| !series.times_ms.is_empty());
        found.resolutions = match raw_from_ms {
            0 => Vec::new(),
            _ => vec![(i64::MIN, HOUR_MS), (raw_from_ms, 0)],
        };
        Ok(found)
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

fn rolled_up(raw: &SeriesData, aspect: Aspect, raw_from_ms: i64, range: TimeRange) -> SeriesData {
    let mut buckets: Vec<(i64, i64, f64)> = Vec::new();
    for (time_ms, value) in raw.times_ms.iter().zip(&raw.values) {
        let value = if aspect == Aspect::Count { 1.0 } else { *value };
        let bucket = match *time_ms < raw_from_ms {
            true => time_ms / HOUR_MS,
            false => *time_ms,
        };
        match buckets.last_mut().filter(|last| last.0 == bucket) {
            None => buckets.push((bucket, *time_ms, value)),
            Some((_, last_ms, kept)) => {
                *last_ms = *time_ms;
                *kept = match aspect {
                    Aspect::Last => value,
                    Aspect::Sum | Aspect::Count => *kept + value,
                    Aspect::Min => kept.min(value),
                    Aspect::Max => kept.max(value),
                };
            }
        }
    }
    buckets.retain(|(_, time_ms, _)| (range.from_ms..=range.to_ms).contains(time_ms));
    SeriesData {
        key: raw.key.clone(),
        times_ms: buckets.iter().map(|bucket| bucket.1).collect(),
        values: buckets.iter().map(|bucket| bucket.2).collect(),
        histograms: Vec::new(),
    }
}

#[test]
fn old_points_are_found_though_they_are_farther_apart_than_the_lookback() {
    let source = Tiered::new();
    // The third hour's last sample, at 2:50, was its 18th; the next point is at 3:50.
    assert!(source.at("m", 3 * HOUR_MS).contains("\"18\""));
    assert!(
        source
            .at("m", 3 * HOUR_MS + 3_000_000 - 1)
            .contains("\"18\"")
    );
    assert!(source.at("m", 3 * HOUR_MS + 3_000_000).contains("\"24\""));
    // Raw samples count for the lookback alone.
    assert!(source.at("m", 8 * HOUR_MS + 299_999).contains("\"49\""));
    assert!(source.at("m", 8 * HOUR_MS + 300_000).contains("[]"));
    let over = source.over("m", (4 * HOUR_MS, 6 * HOUR_MS, HOUR_MS));
    assert_eq!(over, r#"[[14400,"24"],[18000,"31"],[21600,"37"]]"#);
}

#[test]
fn aggregates_over_windows_are_exact_in_every_tier() {
    let source = Tiered::new();
    let at = 6 * HOUR_MS - 1;
    for (text, value) in [
        ("sum_over_time(m[6h])", "666"),
        ("count_over_time(m[6h])", "36"),
        ("avg_over_time(m[6h])", "18.5"),
        ("min_over_time(m[6h])", "1"),
        ("max_over_time(m[6h])", "36"),
        ("last_over_time(m[6h])", "36"),
        ("present_over_time(m[2h] offset 3h)", "1"),
        ("increase(m[4h] offset 1h)", "24"),
        // The points of a subquery are counted, whatever they are made of.
        ("count_over_time(m[6h:1h])", "5"),
    ] {
        let found = source.at(text, at);
        assert!(found.contains(&format!("\"{value}")), "{text}: {found}");
    }
}

#[test]
fn each_function_asks_for_what_it_makes_of_the_samples() {
    let source = Tiered::new();
    let hours = (6 * HOUR_MS, 9 * HOUR_MS, HOUR_MS);
    let minutes = (6 * HOUR_MS, 9 * HOUR_MS, 600_000);
    let late = (8 * HOUR_MS, 9 * HOUR_MS, HOUR_MS);
    let odd = (6 * HOUR_MS + 1, 9 * HOUR_MS, HOUR_MS);
    for (text, grid, wished) in [
        ("m", hours, vec![(Aspect::Last, 300_000)]),
        (
            "m",
            (9 * HOUR_MS, 9 * HOUR_MS + 60_000, 15_000),
            vec![(Aspect::Last, 15_000)],
        ),
        ("sum_over_time(m[2h])", hours, vec![(Aspect::Sum, HOUR_MS)]),
        ("sum_over_time(m[2h])", minutes, vec![(Aspect::Sum, 60_000)]),
        ("sum_over_time(m[2h])", odd, vec![(Aspect::Sum, 0)]),
        (
            "max_over_time(m[2h] offset 1s)",
            hours,
            vec![(Aspect::Max, 0)],
        ),
        (
            "min_over_time(m[1h] @ 3600)",
            odd,
            vec![(Aspect::Min, HOUR_MS)],
        ),
        (
            "avg_over_time(m[2h])",
            hours,
            vec![(Aspect::Sum, HOUR_MS), (Aspect::Count, HOUR_MS)],
        ),
        (
            "count_over_time(m[1h])",
            hours,
            vec![(Aspect::Count, HOUR_MS)],
        ),
        (
            "quantile_over_time(0.5, m[1h])",
            hours,
            vec![(Aspect::Last, 0)],
        ),
        ("rate(m[2h])", hours, vec![(Aspect::Last, 1_800_000)]),
        ("rate(m[2h])", minutes, vec![(Aspect::Last, 600_000)]),
        (
            "max_over_time(m[1h:30s])",
            late,
            vec![(Aspect::Last, 30_000)],
        ),
    ] {
        source.over(text, grid);
        assert_eq!(source.wishes(), wished, "{text}");
    }
    source.at("m", 9 * HOUR_MS);
    source.at("rate(m[1h])", 9 * HOUR_MS);
    assert_eq!(source.wishes(), [(Aspect::Last, 0), (Aspect::Last, 0)]);
}

#[test]
fn an_average_of_raw_samples_is_asked_for_once() {
    let mut source = Tiered::new();
    source.raw_from_ms = 0;
    let found = source.at("avg_over_time(m[1h])", 9 * HOUR_MS - 1);
    assert!(found.contains("\"51.5\""), "{found}");
    assert_eq!(source.wishes(), [(Aspect::Sum, 0)]);
}
