//! What goes by columns is, bit for bit, what the general engine says: over random series with everything in them
//! that samples may be.

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;
use weir_wire::{Histogram, MatchOp, Matcher, SeriesKey, stale};

use crate::promql::eval::{Eval, Evaluated, Grid};
use crate::promql::notes::Notes;
use crate::promql::{Answer, Engine, QueryValue, Series, Value, parse};
use crate::{
    Budget, GroupLabels, Grouping, Selection, SeriesData, Source, SourceError, Taker, TimeRange,
    Wish,
};

/// All series, whatever their labels, of the name that is asked for, or of any.
#[derive(Debug, Clone)]
struct Fixed {
    selection: Selection,
    /// Among how many takers series are shared out; 0 to give them away as lists alone.
    takers: usize,
}

impl Source for Fixed {
    fn select(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        _: Wish,
        _: &Budget,
    ) -> Result<Selection, SourceError> {
        let within = |at: i64| (range.from_ms..=range.to_ms).contains(&at);
        let mut found = self.selection.clone();
        found.series.retain(|one| {
            let named = matchers.iter().filter(|one| one.op == MatchOp::Equal);
            named
                .map(|one| &one.value)
                .all(|name| name == one.key.name())
        });
        for one in &mut found.series {
            let samples = one.times_ms.iter().zip(&one.values);
            let samples = samples.filter(|(at, _)| within(**at));
            (one.times_ms, one.values) = samples.map(|(at, value)| (*at, *value)).unzip();
            one.histograms.retain(|(at, _)| within(*at));
        }
        let any = |one: &SeriesData| !one.times_ms.is_empty() || !one.histograms.is_empty();
        found.series.retain(any);
        Ok(found)
    }

    fn grouped(
        &self,
        matchers: &[Matcher],
        range: TimeRange,
        wish: Wish,
        by: &Grouping<'_>,
        takers: &mut [&mut dyn Taker],
        budget: &Budget,
    ) -> Result<Option<Vec<GroupLabels>>, SourceError> {
        if self.takers == 0 {
            return Ok(None);
        }
        let found = self.select(matchers, range, wish, budget)?.series;
        budget.take_series(found.len() as u64)?;
        let names: BTreeSet<&str> = found.iter().map(|one| one.key.name()).collect();
        if by.one_name && names.len() > 1 || !self.selection.resolutions.is_empty() {
            return Ok(None);
        }
        let mut groups: Vec<GroupLabels> = Vec::new();
        let each = found.len().div_ceil(self.takers).max(1);
        for (place, one) in found.iter().enumerate() {
            let labels = kept(&one.key, by);
            let group = groups.iter().position(|known| *known == labels);
            let group = group.unwrap_or(groups.len());
            if group == groups.len() {
                groups.push(labels);
            }
            if !one.histograms.is_empty() || groups.len() > by.most {
                return Ok(None);
            }
            takers[place / each].take(group, &one.times_ms, &one.values)?;
        }
        Ok(Some(groups))
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

fn kept(key: &SeriesKey, by: &Grouping<'_>) -> GroupLabels {
    let listed = |label: &str| by.labels.iter().any(|one| one == label);
    let labels = key
        .labels()
        .filter(|(label, _)| listed(label) != by.without);
    let name = by.name.then_some(("__name__", key.name()));
    let pairs = name.into_iter().chain(labels);
    pairs
        .map(|(label, value)| (label.to_owned(), value.to_owned()))
        .collect()
}

/// As text that shows every bit, but for those of NaN, which nobody promises. Series in the order they come.
fn ask(source: &Fixed, text: &str, grid: Grid, by_columns: bool) -> Result<Vec<String>, String> {
    let (engine, notes) = (Engine::default(), Notes::default());
    let budget = Budget::new(u64::MAX, u64::MAX);
    let mut eval = Eval::new(&engine, source, &budget, grid, &notes);
    eval.by_columns = by_columns;
    let expr = parse(text).map_err(|error| error.to_string())?;
    let Evaluated::Vector(series) = eval.eval(&expr).map_err(|error| error.to_string())? else {
        return Err("no vector".to_owned());
    };
    let Answer {
        warnings, infos, ..
    } = notes.answer(QueryValue::Vector(Vec::new()));
    let mut out: Vec<String> = series.iter().map(shown).collect();
    out.extend(warnings);
    out.extend(infos);
    Ok(out)
}

fn shown(series: &Series) -> String {
    let mut out = series.labels.to_string();
    for point in &series.points {
        out += &match &point.value {
            Value::Float(value) if value.is_nan() => format!(" {}:NaN", point.time_ms),
            Value::Float(value) => format!(" {}:{value:e}", point.time_ms),
            Value::Histogram(value) => format!(" {}:{value:?}", point.time_ms),
        };
    }
    out
}

/// A sample at a place of the grid: a number, a histogram, or nothing.
#[derive(Debug, Clone)]
enum Drawn {
    Float(f64),
    Histogram,
    Nothing,
}

/// Numbers with edges.
fn odd() -> impl Strategy<Value = f64> {
    prop::sample::select(vec![
        0.0,
        0.0,
        -0.0,
        -0.0,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::MAX,
        -f64::MAX,
        stale(),
        (1u64 << 53) as f64,
        -1.0,
    ])
}

/// Few different numbers, so that edges meet.
fn edges() -> impl Strategy<Value = Vec<Drawn>> {
    let picks = prop::collection::vec(0..3usize, 0..40);
    ([odd(), odd(), odd()], picks).prop_map(|(odd, picks)| {
        let picked = picks.into_iter().map(|pick| Drawn::Float(odd[pick]));
        picked.collect()
    })
}

fn drawn() -> impl Strategy<Value = Drawn> {
    prop_oneof![
        30 => (-50..50i32).prop_map(|v| Drawn::Float(f64::from(v))),
        15 => (-1e3..1e3).prop_map(Drawn::Float),
        4 => odd().prop_map(Drawn::Float),
        4 => Just(Drawn::Nothing),
    ]
}

/// The kinds of series: any numbers, a counter in whole numbers, one in fractions, a few odd ones, histograms among them.
fn samples() -> impl Strategy<Value = Vec<Drawn>> {
    let counter = |unit: f64| {
        prop::collection::vec(0..20u32, 0..40).prop_map(move |rises| {
            let mut total = 0;
            let total = rises.into_iter().map(|rise| {
                total = if rise == 0 { 0 } else { total + rise };
                Drawn::Float(f64::from(total) * unit)
            });
            total.collect()
        })
    };
    let mixed = prop_oneof![8 => drawn(), 1 => Just(Drawn::Histogram)];
    prop_oneof![
        6 => prop::collection::vec(drawn(), 0..40),
        3 => counter(1.0),
        3 => counter(0.1),
        4 => edges(),
        1 => prop::collection::vec(mixed, 0..40),
    ]
}

fn series() -> impl Strategy<Value = SeriesData> {
    let names = prop_oneof![6 => Just("m"), 1 => Just("n")];
    let starts = prop_oneof![Just(0i64), Just(0), Just(30_000), 0..60_000i64];
    let labels = (0..4u8, 0..4u8);
    (names, labels, starts, samples()).prop_map(|(name, (a, b), start, drawn)| {
        let (a, b) = (format!("a{a}"), format!("b{b}"));
        let labels = [("a", a.as_str()), ("b", b.as_str())];
        let mut out = SeriesData {
            key: SeriesKey::new(name, labels).unwrap(),
            times_ms: Vec::new(),
            values: Vec::new(),
            histograms: Vec::new(),
        };
        for (at, one) in (start..).step_by(10_000).zip(drawn) {
            match one {
                Drawn::Nothing => {}
                Drawn::Float(value) => {
                    out.times_ms.push(at);
                    out.values.push(value);
                }
                Drawn::Histogram => {
                    let mut one = Histogram::new();
                    one.record(at as f64, 1).unwrap();
                    out.histograms.push((at, Arc::new(one)));
                }
            }
        }
        out
    })
}

/// Sums of which are the same in any order.
fn whole() -> impl Strategy<Value = SeriesData> {
    let values = prop::collection::vec(-50..50i32, 0..40);
    (series(), values).prop_map(|(mut one, values)| {
        one.histograms.clear();
        one.values = values.into_iter().map(f64::from).collect();
        one.times_ms.truncate(one.values.len());
        one.values.truncate(one.times_ms.len());
        one
    })
}

fn source(
    one: impl Strategy<Value = SeriesData>,
    takers: std::ops::RangeInclusive<usize>,
) -> impl Strategy<Value = Fixed> {
    let resolutions = prop_oneof![
        4 => Just(vec![]),
        1 => Just(vec![(i64::MIN, 400_000), (150_000, 0)]),
    ];
    let series = prop::collection::vec(one, 0..12);
    (series, resolutions, takers).prop_map(|(mut series, resolutions, takers)| {
        series.sort_by(|a, b| a.key.cmp(&b.key));
        series.dedup_by(|a, b| a.key == b.key);
        Fixed {
            selection: Selection {
                series,
                resolutions,
            },
            takers,
        }
    })
}

fn expression() -> impl Strategy<Value = String> {
    let function = prop::sample::select(vec![
        "rate",
        "increase",
        "delta",
        "irate",
        "idelta",
        "changes",
        "resets",
        "sum_over_time",
        "avg_over_time",
        "count_over_time",
        "min_over_time",
        "max_over_time",
        "first_over_time",
        "last_over_time",
        "present_over_time",
        "stddev_over_time",
    ]);
    let selector = prop::sample::select(vec!["m", "m", "{__name__=~'.+'}"]);
    let range = prop::sample::select(vec!["[45s]", "[2m]", "[5m]", "[2m:20s]"]);
    let shift = prop::sample::select(vec!["", "", " offset 25s", " @ 200"]);
    let windows = (function, selector.clone(), range, shift).prop_map(
        |(function, selector, range, shift)| format!("{function}({selector}{range}{shift})"),
    );
    let instant = (selector, prop::sample::select(vec!["", " offset 15s"]))
        .prop_map(|(selector, shift)| format!("{selector}{shift}"));
    let inner = prop_oneof![2 => windows, 1 => instant];
    let layer = prop::sample::select(vec![
        "",
        "",
        "",
        " * 2.5",
        " / 0",
        " > 1",
        " >= bool 0",
        " ^ 2 - 1",
        " % time()",
    ]);
    let outer = prop::sample::select(vec![
        ("", ""),
        ("sum by (a) (", ")"),
        ("sum(", ")"),
        ("avg without (b) (", ")"),
        ("avg(3 - (", "))"),
        ("min by (a) (", ")"),
        ("max by (__name__, b) (", ")"),
        ("count without () (", ")"),
        ("group by (a, c) (", ")"),
        ("sum by (b) (", ")"),
        ("avg by (b) (", ")"),
        ("sum(sum by (b) (", "))"),
        ("stddev by (a) (", ")"),
    ]);
    (inner, layer, outer)
        .prop_map(|(inner, layer, (open, close))| format!("{open}{inner}{layer}{close}"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn columns_say_what_the_general_engine_says(
        source in source(series(), 0..=1),
        texts in prop::collection::vec(expression(), 10),
        start_ms in prop_oneof![Just(0i64), Just(100_000), 0..200_000i64],
        step_ms in prop::sample::select(vec![1i64, 5_000, 10_000, 10_000, 25_000, 60_000]),
        steps in 1..50i64,
    ) {
        let grid = Grid {
            range: TimeRange { from_ms: start_ms, to_ms: start_ms + (steps - 1) * step_ms },
            step_ms,
            spacing_ms: step_ms,
        };
        for text in texts {
            let fast = ask(&source, &text, grid, true);
            prop_assert_eq!(fast, ask(&source, &text, grid, false), "{}", text);
        }
    }

    #[test]
    fn what_two_threads_fold_is_joined(
        source in source(whole(), 2..=2),
        text in prop::sample::select(vec![
            "sum by (a) (m)",
            "avg by (b) ({__name__=~'.+'})",
            "min(m)",
            "max without (a) (m / 0)",
            "count by (a, __name__) ({__name__=~'.+'} > 5)",
            "group by (a) (m)",
            "sum by (b) (sum_over_time(m[45s]))",
            "max by (b) (rate(m[2m]))",
        ]),
        steps in 1..50i64,
    ) {
        let grid = Grid {
            range: TimeRange { from_ms: 0, to_ms: (steps - 1) * 10_000 },
            step_ms: 10_000,
            spacing_ms: 10_000,
        };
        let fast = ask(&source, text, grid, true);
        prop_assert_eq!(fast, ask(&source, text, grid, false), "{}", text);
    }
}
