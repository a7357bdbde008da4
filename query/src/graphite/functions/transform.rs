//! Functions that keep the number of series: names, rates, scales, `summarize`.

use super::super::GraphiteError;
use super::super::consolidate::Consolidation;
use super::super::series::RenderedSeries;
use super::super::target::Term;
use super::super::time;
use super::Series;

pub(super) fn alias(mut series: Series, name: &str) -> Result<Series, GraphiteError> {
    for one in &mut series {
        name.clone_into(&mut one.target);
    }
    Ok(series)
}

/// Nodes by number (negative from the end) and tags by name, joined by dots; what a series does not have is left out.
pub(super) fn alias_by_node(mut series: Series, nodes: &[Term]) -> Series {
    for one in &mut series {
        let path = innermost_path(&one.target);
        let pieces: Vec<&str> = path.split('.').collect();
        let piece = |node: &Term| match node {
            Term::Number(number) => pieces
                .get(index(*number, pieces.len())?)
                .map(|text| (*text).to_owned()),
            Term::Text(tag) | Term::Path(tag) => one.tags.get(tag).cloned(),
            _ => None,
        };
        let name: Vec<String> = nodes.iter().filter_map(piece).collect();
        one.target = name.join(".");
    }
    series
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a float to integer cast saturates; bounds are checked"
)]
fn index(number: f64, length: usize) -> Option<usize> {
    let number = number as i64;
    let length = i64::try_from(length).ok()?;
    usize::try_from(if number < 0 {
        number.checked_add(length)?
    } else {
        number
    })
    .ok()
}

/// The path within `f(g(a.b.c,1))`, without tags.
fn innermost_path(name: &str) -> &str {
    let inner = name.rsplit('(').next().unwrap_or(name);
    inner.split([',', ')', ';']).next().unwrap_or(inner)
}

pub(super) fn sorted_by_name(mut series: Series) -> Series {
    series.sort_by(|a, b| a.target.cmp(&b.target));
    series
}

pub(super) fn consolidate_by(mut series: Series, how: &str) -> Result<Series, GraphiteError> {
    let chosen =
        Consolidation::named(how).ok_or_else(|| unknown_consolidation("consolidateBy", how))?;
    for one in &mut series {
        one.consolidation = chosen;
        one.tag("consolidateBy", how);
        one.rename(format!("consolidateBy({},\"{how}\")", one.target));
    }
    Ok(series)
}

fn unknown_consolidation(function: &str, how: &str) -> GraphiteError {
    let how: String = how.chars().take(32).collect();
    GraphiteError::argument(
        function,
        format!("unknown {how:?}: use average, sum, min, max, first, last or count"),
    )
}

fn map(mut series: Series, f: impl Fn(f64) -> f64) -> Series {
    for value in series.iter_mut().flat_map(|one| one.values.iter_mut()) {
        *value = value.map(&f);
    }
    series
}

pub(super) fn scale(series: Series, factor: f64) -> Series {
    let mut series = map(series, |value| value * factor);
    for one in &mut series {
        one.tag("scale", factor);
        one.rename(format!("scale({},{factor})", one.target));
    }
    series
}

pub(super) fn offset(series: Series, amount: f64) -> Series {
    let mut series = map(series, |value| value + amount);
    for one in &mut series {
        one.tag("offset", amount);
        one.rename(format!("offset({},{amount})", one.target));
    }
    series
}

pub(super) fn absolute(series: Series) -> Series {
    let mut series = map(series, f64::abs);
    for one in &mut series {
        one.tag("absolute", 1);
        one.rename(format!("absolute({})", one.target));
    }
    series
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a step is far below 2^53 seconds"
)]
pub(super) fn per_second(mut series: Series, max: Option<f64>) -> Series {
    for one in &mut series {
        let step = one.step_s as f64;
        let rises = rises(&one.values, max);
        one.values = rises
            .into_iter()
            .map(|rise| rise.map(|rise| rise / step))
            .collect();
        one.tag("perSecond", 1);
        one.rename(format!("perSecond({})", one.target));
    }
    series
}

pub(super) fn derivative(mut series: Series, max: Option<f64>) -> Series {
    for one in &mut series {
        one.values = rises(&one.values, max);
        one.tag("nonNegativeDerivative", 1);
        one.rename(format!("nonNegativeDerivative({})", one.target));
    }
    series
}

/// Differences to the point before; a gap where either is one, and where a counter fell unless `max` says where it wraps.
fn rises(values: &[Option<f64>], max: Option<f64>) -> Vec<Option<f64>> {
    let mut before: Option<f64> = None;
    let mut rise = |value: &Option<f64>| {
        let value = value.filter(|value| max.is_none_or(|max| *value <= max));
        let (from, to) = (std::mem::replace(&mut before, value)?, value?);
        match max {
            _ if to >= from => Some(to - from),
            Some(max) => Some(max - from + to + 1.0),
            None => None,
        }
    };
    values.iter().map(&mut rise).collect()
}

/// Fills gaps of at most `limit` points (any length without one) that have a value after them or not, as graphite-web.
#[expect(clippy::cast_precision_loss, reason = "points are far below 2^53")]
pub(super) fn keep_last(mut series: Series, limit: Option<f64>) -> Series {
    let limit = limit.unwrap_or(f64::INFINITY);
    for one in &mut series {
        let mut at = 0;
        let mut last: Option<f64> = None;
        while at < one.values.len() {
            if let Some(Some(value)) = one.values.get(at) {
                last = Some(*value);
                at += 1;
                continue;
            }
            let gap = one
                .values
                .iter()
                .skip(at)
                .take_while(|value| value.is_none())
                .count();
            if (gap as f64) <= limit {
                one.values
                    .iter_mut()
                    .skip(at)
                    .take(gap)
                    .for_each(|value| *value = last);
            }
            at += gap.max(1);
        }
        one.rename(format!("keepLastValue({})", one.target));
    }
    series
}

pub(super) fn summarize(
    mut series: Series,
    interval: &str,
    how: &str,
    align: bool,
) -> Result<Series, GraphiteError> {
    let band_s = time::seconds(interval).ok_or_else(|| {
        GraphiteError::argument("summarize", "the interval must be such as \"1h\"")
    })?;
    let chosen =
        Consolidation::named(how).ok_or_else(|| unknown_consolidation("summarize", how))?;
    for one in &mut series {
        summarize_one(one, band_s, chosen, align);
        let aligned = if align { ", true" } else { "" };
        one.tag("summarize", interval);
        one.tag("summarizeFunction", how);
        one.rename(format!(
            "summarize({}, \"{interval}\", \"{how}\"{aligned})",
            one.target
        ));
    }
    Ok(series)
}

/// Bands begin at multiples of the interval, or at the series' own start.
fn summarize_one(series: &mut RenderedSeries, band_s: i64, how: Consolidation, align: bool) {
    let band_s = band_s.max(series.step_s);
    let origin = if align {
        series.start_s
    } else {
        series.start_s - series.start_s.rem_euclid(band_s)
    };
    let mut bands: Vec<Option<f64>> = Vec::new();
    let mut members: Vec<Option<f64>> = Vec::new();
    let mut current = 0;
    let mut at_s = series.start_s;
    for value in &series.values {
        let band = at_s.saturating_sub(origin) / band_s;
        if band != current {
            bands.push(how.of(&members));
            members.clear();
            current = band;
        }
        members.push(*value);
        at_s = at_s.saturating_add(series.step_s);
    }
    if !members.is_empty() {
        bands.push(how.of(&members));
    }
    series.values = bands;
    series.start_s = origin;
    series.step_s = band_s;
}
