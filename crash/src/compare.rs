//! Asks the gateway for everything between two times, metric by metric, and has the oracle judge it.

use std::ops::RangeInclusive;

use anyhow::{Context, Result, bail};

use crate::answers;
use crate::fleet::Fleet;
use crate::http;
use crate::oracle::Answer;
use crate::plan::{FLOAT_METRICS, FLOAT_SERIES, HISTOGRAM_METRICS, Line};
use crate::verdict::Verdict;

/// What one query asks for at most.
const SLICE_MS: i64 = 40 * 60_000;

/// Compares all samples between two times; those before `kept_from_ms` may be gone.
pub(crate) fn compare(
    fleet: &Fleet,
    address: &str,
    range_ms: RangeInclusive<i64>,
    kept_from_ms: i64,
) -> Result<Verdict> {
    let mut verdict = Verdict::default();
    let mut from_ms = *range_ms.start();
    while from_ms <= *range_ms.end() {
        let to_ms = (from_ms + SLICE_MS - 1).min(*range_ms.end());
        for (name, wanted) in metrics() {
            let answers = ask(
                address,
                &format!("{{__name__={name:?}}}"),
                &(from_ms..=to_ms),
            )?;
            let oracle = fleet.control.oracle.lock();
            let judged = oracle.judge(wanted, &answers, from_ms..=to_ms, kept_from_ms);
            verdict.merge(judged);
        }
        from_ms = to_ms + 1;
    }
    Ok(verdict)
}

/// Names that begin as the harness's do and are none of them.
pub(crate) fn strangers(address: &str) -> Result<Vec<String>> {
    let (status, body) = http::get(address, "/api/v1/label/__name__/values")?;
    if status != 200 {
        bail!("the names of the metrics cannot be had: {status} {body}");
    }
    let answer: serde_json::Value = serde_json::from_str(&body)?;
    let names = answer["data"].as_array().context("no list of names")?;
    let known: Vec<String> = metrics().map(|(name, _)| name).collect();
    let strange = names
        .iter()
        .filter_map(serde_json::Value::as_str)
        .filter(|name| name.starts_with("crash_") && !known.iter().any(|k| k == name));
    Ok(strange.map(str::to_owned).collect())
}

/// A metric's name, and which series it has.
fn metrics() -> impl Iterator<Item = (String, Box<dyn Fn(Line) -> bool>)> {
    let floats = (0..FLOAT_METRICS).map(|metric| {
        let wanted: Box<dyn Fn(Line) -> bool> = Box::new(move |line: Line| {
            line.number < FLOAT_SERIES && line.number % FLOAT_METRICS == metric
        });
        (format!("crash_float_{metric}"), wanted)
    });
    let histograms = (0..HISTOGRAM_METRICS).map(|metric| {
        let wanted: Box<dyn Fn(Line) -> bool> = Box::new(move |line: Line| {
            let number = line.number.checked_sub(FLOAT_SERIES);
            number.is_some_and(|number| number % HISTOGRAM_METRICS == metric)
        });
        (format!("crash_histogram_{metric}"), wanted)
    });
    floats.chain(histograms)
}

/// The raw samples: a range is open at its beginning, hence one millisecond more.
fn ask(address: &str, selector: &str, range_ms: &RangeInclusive<i64>) -> Result<Vec<Answer>> {
    let (from_ms, to_ms) = (*range_ms.start(), *range_ms.end());
    let query = format!("{selector}[{}ms]", to_ms - from_ms + 1);
    let time = format!("{}.{:03}", to_ms / 1_000, to_ms % 1_000);
    let form = [("query", query.as_str()), ("time", time.as_str())];
    let (status, body) = http::post(address, "/api/v1/query", &form)?;
    if status != 200 {
        bail!("{query} at {time} was answered {status}: {body}");
    }
    answers::read(&body)
}
