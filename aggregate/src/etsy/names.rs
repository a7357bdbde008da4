//! The paths of a flush. Knows namespaces and the names of figures; computes none.

use weir_wire::{Reject, SeriesKey};

use super::config::{EtsyConfig, Namespaces};
use crate::Labels;

/// etsy's four kinds; each has a namespace, so that one name may be of several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Counter,
    Gauge,
    Timer,
    Set,
}

/// The series of a metric, in the order in which its figures are given.
pub(super) fn series(
    kind: Kind,
    own: &SeriesKey,
    config: &EtsyConfig,
    labels: &Labels,
) -> Result<Vec<SeriesKey>, Reject> {
    let (names, name) = (&config.namespaces, own.name());
    let paths = match kind {
        Kind::Counter => counter(names, name, config.flush_counts),
        Kind::Gauge => vec![names.path("gauges", &names.gauge, &[name])],
        Kind::Set => vec![names.path("sets", &names.set, &[name, "count"])],
        Kind::Timer => {
            let path = |figure: &String| names.path("timers", &names.timer, &[name, figure]);
            figures(name, config).iter().map(path).collect()
        }
    };
    let make = |path: &String| labels.make(path, own);
    paths.iter().map(make).collect()
}

/// The aggregator's own figure beside its counters.
pub(super) fn own(names: &Namespaces, figure: &str) -> String {
    match (names.legacy, figure) {
        // The one path of etsy's that the old namespace leaves without its root.
        (true, "numStats") => names.ended(&[&names.own, figure]),
        (true, _) => names.ended(&["stats", &names.own, figure]),
        (false, _) => names.ended(&[&names.global_prefix, &names.own, figure]),
    }
}

/// What of a timer is sent, in the order of [`super::timer::figures`].
pub(super) fn figures(name: &str, config: &EtsyConfig) -> Vec<String> {
    let mut all: Vec<String> = ["count", "count_ps"].map(str::to_owned).into();
    let own = [
        "std",
        "upper",
        "lower",
        "sum",
        "sum_squares",
        "mean",
        "median",
    ];
    all.extend(own.map(str::to_owned));
    for percentile in &config.percentiles {
        let text = percentile
            .to_string()
            .replacen('.', "_", 1)
            .replacen('-', "top", 1);
        let end = if *percentile > 0.0 { "upper" } else { "lower" };
        let figures = ["count", "mean", end, "sum", "sum_squares"];
        all.extend(figures.map(|figure| format!("{figure}_{text}")));
    }
    for end in bins(name, config) {
        let text = end.to_string().replacen('.', "_", 1);
        all.push(format!("histogram.bin_{text}"));
    }
    all
}

/// Whether each of [`figures`] is sent.
pub(super) fn is_sent(figure: &str, config: &EtsyConfig) -> bool {
    let wanted = &config.timer_metrics;
    if wanted.is_empty() {
        return true;
    }
    let figure = match figure.starts_with("histogram.") {
        true => "histogram".to_owned(),
        false => without_percentile(figure),
    };
    wanted.contains(&figure)
}

/// `mean_90` and `mean_top90` are `mean_percent`; `mean_99_9` is `mean_99_percent`, as etsy's pattern has it.
fn without_percentile(figure: &str) -> String {
    let Some((rest, number)) = figure.rsplit_once('_') else {
        return figure.to_owned();
    };
    let digits = number.strip_prefix("top").unwrap_or(number);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return figure.to_owned();
    }
    format!("{rest}_percent")
}

pub(super) fn bins<'a>(name: &str, config: &'a EtsyConfig) -> &'a [f64] {
    let found = config
        .histograms
        .iter()
        .find(|bins| name.contains(&bins.metric));
    found.map_or(&[], |bins| &bins.ends)
}

fn counter(names: &Namespaces, name: &str, with_counts: bool) -> Vec<String> {
    let mut paths = Vec::with_capacity(2);
    if names.legacy {
        paths.push(names.ended(&["stats", name]));
        if with_counts {
            paths.push(names.ended(&["stats_counts", name]));
        }
    } else {
        paths.push(names.path("", &names.counter, &[name, "rate"]));
        if with_counts {
            paths.push(names.path("", &names.counter, &[name, "count"]));
        }
    }
    paths
}

impl Namespaces {
    fn path(&self, legacy: &str, prefix: &str, rest: &[&str]) -> String {
        let (root, prefix) = match self.legacy {
            true => ("stats", legacy),
            false => (self.global_prefix.as_str(), prefix),
        };
        let parts: Vec<&str> = [root, prefix]
            .into_iter()
            .chain(rest.iter().copied())
            .collect();
        self.ended(&parts)
    }

    /// Parts that are not empty, with dots between them.
    fn ended(&self, parts: &[&str]) -> String {
        let all = parts.iter().copied().chain([self.global_suffix.as_str()]);
        let parts: Vec<&str> = all.filter(|part| !part.is_empty()).collect();
        parts.join(".")
    }
}
