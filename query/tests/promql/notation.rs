//! Cases as text: what is stored, what is asked, what must come.
//!
//! ```text
//! load 1m
//!   requests{job="a"} 0+10x5 _ stale {{1 2.5}}
//! eval instant at 5m sum(requests)
//!   {} 50
//! eval range from 0 to 2m step 1m requests
//!   requests{job="a"} 0 10 20
//! eval_fail instant at 0 sum(
//!   end of input
//! ```
//! Values: `a`, `a+bxN` (N+1 values, b apart), `axN`, `_` and `_xN` for none, `stale`, `{{…}}` a histogram of these
//! observations. `eval_ordered` also checks the order; `eval_warn` also that there is a warning. `clear` forgets.

use weir_query::promql::{Engine, Labels, ParseError, QueryValue, Value, parse, parse_duration};
use weir_query::{Budget, SeriesData};
use weir_wire::{Histogram, SeriesKey, stale};

use crate::memory::Memory;

/// Runs a file of cases; panics with the line of the first that fails.
pub(crate) fn run(text: &str) {
    let mut memory = Memory::default();
    let mut lines = text.lines().enumerate().peekable();
    let mut cases = 0;
    while let Some((number, line)) = lines.next() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let mut body = Vec::new();
        while let Some((_, inner)) =
            lines.next_if(|(_, l)| l.starts_with(' ') && !l.trim().is_empty())
        {
            body.push(inner.trim());
        }
        match line.split_once(' ').unwrap_or((line, "")) {
            ("clear", _) => memory.0.clear(),
            ("load", step) => body.iter().for_each(|l| memory.0.push(series(l, ms(step)))),
            (verb, rest) => {
                cases += 1;
                let place = format!("line {}: {line}", number + 1);
                check(&memory, verb, rest, &body, &place);
            }
        }
    }
    assert!(cases > 0, "no cases");
}

fn check(memory: &Memory, verb: &str, rest: &str, body: &[&str], place: &str) {
    let outcome = ask(memory, rest);
    if verb == "eval_fail" {
        let error = outcome.expect_err(place);
        assert!(error.contains(body[0]), "{place}\n  said: {error}");
        return;
    }
    let (found, warned) = outcome.unwrap_or_else(|error| panic!("{place}\n  {error}"));
    assert_eq!(warned, verb == "eval_warn", "{place}: warning");
    let mut wanted: Vec<Row> = body.iter().map(|line| row(line)).collect();
    let mut found = found;
    if verb != "eval_ordered" {
        wanted.sort_by(|a, b| a.0.cmp(&b.0));
        found.sort_by(|a, b| a.0.cmp(&b.0));
    }
    let same = wanted.len() == found.len() && wanted.iter().zip(&found).all(|(w, f)| alike(w, f));
    assert!(same, "{place}\n  wanted {wanted:?}\n  found  {found:?}");
}

/// Labels and a value for each step.
type Row = (Labels, Vec<Option<f64>>);

fn alike(a: &Row, b: &Row) -> bool {
    let near = |(a, b): (&Option<f64>, &Option<f64>)| match (a, b) {
        (None, None) => true,
        (Some(a), Some(b)) => {
            a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-9 * a.abs().max(b.abs())
        }
        _ => false,
    };
    a.0 == b.0 && a.1.len() == b.1.len() && a.1.iter().zip(&b.1).all(near)
}

fn ask(memory: &Memory, rest: &str) -> Result<(Vec<Row>, bool), String> {
    let (kind, rest) = rest.split_once(' ').unwrap();
    let mut words = rest.split(' ');
    let mut word = || words.next().unwrap();
    let budget = Budget::new(1_000, 1_000_000);
    let read = |text: String| parse(&text).map_err(|error: ParseError| error.to_string());
    let times = match kind {
        "instant" => {
            word();
            let at = ms(word());
            (at, at, 1)
        }
        _ => {
            let mut after = || {
                word();
                ms(word())
            };
            (after(), after(), after())
        }
    };
    let expr = read(words.collect::<Vec<_>>().join(" "))?;
    let engine = Engine::default();
    let answer = match kind {
        "instant" => engine.instant(memory, &expr, times.0, &budget),
        _ => engine.range(memory, &expr, times.0, times.1, times.2, &budget),
    };
    let answer = answer.map_err(|error| error.to_string())?;
    Ok((rows(answer.value, times), !answer.warnings.is_empty()))
}

fn rows(value: QueryValue, (start, end, step): (i64, i64, i64)) -> Vec<Row> {
    let float = |value: &Value| value.float().expect("compare histograms by functions");
    match value {
        QueryValue::Scalar(scalar) => vec![(Labels::default(), vec![Some(scalar.value)])],
        QueryValue::Text(_) => panic!("cases have no strings"),
        QueryValue::Vector(elements) => elements
            .into_iter()
            .map(|element| (element.labels, vec![Some(float(&element.point.value))]))
            .collect(),
        QueryValue::Matrix(series) => series
            .into_iter()
            .map(|one| {
                let at = |time: i64| one.points.iter().find(|point| point.time_ms == time);
                let times = (0..=(end - start) / step).map(|i| start + i * step);
                // A range vector at one time: its samples as they are.
                let values: Vec<Option<f64>> = if start == end && step == 1 {
                    one.points
                        .iter()
                        .map(|point| Some(float(&point.value)))
                        .collect()
                } else {
                    times
                        .map(|time| at(time).map(|point| float(&point.value)))
                        .collect()
                };
                (one.labels, values)
            })
            .collect(),
    }
}

fn ms(text: &str) -> i64 {
    match text.strip_prefix('-') {
        Some(rest) => -parse_duration(rest).unwrap(),
        None => parse_duration(text).unwrap_or_else(|| panic!("{text} is no duration")),
    }
}

fn row(line: &str) -> Row {
    let (labels, rest) = metric(line);
    let values = values(rest).into_iter().map(|value| match value {
        Some(Stored::Float(value)) => Some(value),
        None => None,
        Some(Stored::Histogram(_)) => panic!("compare histograms by functions"),
    });
    (labels, values.collect())
}

fn series(line: &str, step: i64) -> SeriesData {
    let (labels, rest) = metric(line);
    let pairs = labels.iter().filter(|(name, _)| *name != "__name__");
    let key = SeriesKey::new(labels.name(), pairs).unwrap();
    let mut series = SeriesData {
        key,
        times_ms: Vec::new(),
        values: Vec::new(),
        histograms: Vec::new(),
    };
    for (i, value) in (0..).zip(values(rest)) {
        match value {
            None => {}
            Some(Stored::Float(value)) => {
                series.times_ms.push(i * step);
                series.values.push(value);
            }
            Some(Stored::Histogram(histogram)) => {
                series.histograms.push((i * step, histogram.into()));
            }
        }
    }
    series
}

/// The labels at the head of a line, and the rest.
fn metric(line: &str) -> (Labels, &str) {
    let first = line.split(' ').next().unwrap_or_default();
    if first.starts_with(|c: char| c.is_ascii_digit() || "+-_.NI".contains(c)) {
        return (Labels::default(), line);
    }
    let braced = line.find('{').filter(|at| *at < first.len());
    let end = match braced {
        Some(at) => at + line[at..].find('}').unwrap() + 1,
        None => first.len(),
    };
    let (text, rest) = line.split_at(end);
    if text == "{}" {
        return (Labels::default(), rest.trim());
    }
    let matchers = weir_query::promql::parse_selector(text).unwrap();
    let pairs = matchers.iter().map(|m| (m.name.as_str(), m.value.as_str()));
    (Labels::new(pairs), rest.trim())
}

#[derive(Clone)]
enum Stored {
    Float(f64),
    Histogram(Histogram),
}

fn values(text: &str) -> Vec<Option<Stored>> {
    let mut out = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix("{{") {
            let (observed, after) = inner.split_once("}}").unwrap();
            let mut histogram = Histogram::new();
            for value in observed.split_whitespace() {
                histogram.record(value.parse().unwrap(), 1).unwrap();
            }
            let times = after.split(' ').next().unwrap();
            let count = times
                .strip_prefix('x')
                .map_or(1, |n| n.parse::<usize>().unwrap() + 1);
            out.extend(vec![Some(Stored::Histogram(histogram)); count]);
            rest = after[times.len()..].trim_start();
            continue;
        }
        let (word, after) = rest.split_once(' ').unwrap_or((rest, ""));
        out.extend(word_values(word));
        rest = after.trim_start();
    }
    out
}

fn word_values(word: &str) -> Vec<Option<Stored>> {
    if word == "stale" {
        return vec![Some(Stored::Float(stale()))];
    }
    let (value, count) = match word.split_once('x') {
        Some((value, count)) => (value, count.parse::<usize>().unwrap()),
        None => (word, 0),
    };
    if value == "_" {
        return vec![None; count.max(1)];
    }
    // The sign that parts start and increment is not the first character, nor an exponent's.
    let split = value[1..].find(['+', '-']).map(|at| at + 1);
    let split = split.filter(|at| !value[..*at].ends_with('e'));
    let (start, by) = value.split_at(split.unwrap_or(value.len()));
    let number = |text: &str| {
        text.parse::<f64>()
            .unwrap_or_else(|_| panic!("{text} is no number"))
    };
    let (start, by) = (number(start), if by.is_empty() { 0.0 } else { number(by) });
    (0..=count)
        .map(|i| Some(Stored::Float(start + by * i as f64)))
        .collect()
}
