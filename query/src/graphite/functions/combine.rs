//! Many series made one, point by point: sums, averages, extremes. Gaps never count; a point where all are gaps is one.

use super::super::GraphiteError;
use super::super::consolidate::Consolidation;
use super::super::series::RenderedSeries;

pub(super) fn combine(
    function: &str,
    series: Vec<RenderedSeries>,
) -> Result<Vec<RenderedSeries>, GraphiteError> {
    let Some(first) = series.first() else {
        return Ok(Vec::new());
    };
    let same = |one: &RenderedSeries| {
        (one.start_s, one.step_s, one.values.len())
            == (first.start_s, first.step_s, first.values.len())
    };
    if !series.iter().all(same) {
        return Err(GraphiteError::argument(
            function,
            "the series have different steps; combine before summarize",
        ));
    }
    let (name, how, tag) = match function {
        "sum" | "sumSeries" => ("sumSeries", Consolidation::Sum, "sum"),
        "avg" | "averageSeries" => ("averageSeries", Consolidation::Average, "average"),
        "maxSeries" => ("maxSeries", Consolidation::Max, "max"),
        "minSeries" => ("minSeries", Consolidation::Min, "min"),
        _ => ("countSeries", Consolidation::Count, "count"),
    };
    let mut column = Vec::with_capacity(series.len());
    let mut point = |at: usize| {
        column.clear();
        column.extend(series.iter().filter_map(|one| one.values.get(at).copied()));
        how.of(&column)
    };
    let values = (0..first.values.len()).map(&mut point).collect();
    let mut out = RenderedSeries::new(
        format!("{name}({})", expressions(&series)),
        first.start_s,
        first.step_s,
        values,
    );
    let common = first
        .tags
        .iter()
        .filter(|(key, value)| series.iter().all(|one| one.tags.get(*key) == Some(*value)));
    out.tags
        .extend(common.map(|(key, value)| (key.clone(), value.clone())));
    out.tag("aggregatedBy", tag);
    Ok(vec![out])
}

/// The expressions of the series, each once, in order.
fn expressions(series: &[RenderedSeries]) -> String {
    let mut seen: Vec<&str> = series.iter().map(|one| one.expression.as_str()).collect();
    seen.sort_unstable();
    seen.dedup();
    seen.join(",")
}
