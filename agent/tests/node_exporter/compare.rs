//! The comparison: node_exporter is asked between two rounds of the agent's collectors, and each of its values has to lie between
//! the agent's two. What moves back and forth on a busy host is tried again until it once does, so that there is no tolerance:
//! a figure in another unit never gets there.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use weir_agent::collect::Collectors;
use weir_wire::SeriesKey;

use crate::differences::{is_exporters_alone, is_our_own};
use crate::exporter::{Exporter, Values};

/// Of a round of a busy host some ten are needed.
const PATIENCE: Duration = Duration::from_secs(60);
/// What a number loses when it is divided in another order.
const ROUNDING: f64 = 1e-12;

/// Panics with all that differs.
pub(crate) fn compare(collectors: &mut Collectors, exporter: &mut Exporter) -> usize {
    let deadline = Instant::now() + PATIENCE;
    // As exposed by whoever has them, with what was seen last.
    let mut open: HashMap<SeriesKey, String> = HashMap::new();
    let mut settled = HashSet::new();
    loop {
        let before = collect(collectors);
        let theirs = exporter.scrape();
        let after = collect(collectors);
        open.clear();
        for (key, value) in &theirs {
            if is_exporters_alone(key) {
                assert!(
                    !after.contains_key(key),
                    "{key:?} is ours as well: strike it off"
                );
            } else if !settled.contains(key) {
                match verdict(*value, before.get(key), after.get(key)) {
                    Ok(()) => drop(settled.insert(key.clone())),
                    Err(why) => drop(open.insert(key.clone(), why)),
                }
            }
        }
        for key in after.keys() {
            let is_known = theirs.contains_key(key) || settled.contains(key);
            if !is_known && !is_our_own(key) {
                open.insert(key.clone(), "node_exporter does not have it".to_owned());
            }
        }
        if open.is_empty() {
            return settled.len();
        }
        assert!(
            Instant::now() < deadline,
            "{} agree, these differ: {open:#?}",
            settled.len()
        );
    }
}

fn collect(collectors: &mut Collectors) -> Values {
    let figures = collectors.collect();
    let failed: Vec<_> = collectors.failed().collect();
    assert!(failed.is_empty(), "{failed:?}: {:?}", collectors.health());
    let figures = figures.into_iter().map(|figure| {
        let labels = figure
            .labels
            .iter()
            .map(|(name, value)| (*name, value.as_str()));
        (SeriesKey::new(&figure.name, labels).unwrap(), figure.value)
    });
    figures.collect()
}

fn verdict(value: f64, before: Option<&f64>, after: Option<&f64>) -> Result<(), String> {
    let (Some(before), Some(after)) = (before, after) else {
        return Err(format!("{value}, which the agent has not"));
    };
    let (least, most) = (before.min(*after), before.max(*after));
    let slack = ROUNDING * value.abs();
    match (least - slack..=most + slack).contains(&value) {
        true => Ok(()),
        false => Err(format!("{value}, the agent {before} and then {after}")),
    }
}
