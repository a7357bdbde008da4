//! Classic histograms that are to be added and have other bounds, as after a release that changed them: both get the bounds
//! of either, so that what they add up to never goes down from one bound to the next. At a bound that a histogram does not
//! have it counts what it has up to its next lower one: so many are known to lie below. Pure.

use std::collections::{BTreeMap, BTreeSet};

use weir_wire::SeriesKey;

use super::pushed::{Pushed, Value};

const BOUND: &str = "le";

/// The counts up to each bound of one histogram.
type Counts = Vec<(f64, SeriesKey, f64)>;

/// Gives what a group has of a family, and what is pushed, the same bounds.
pub(super) fn unite(kept: &mut BTreeMap<SeriesKey, f64>, pushed: &mut Vec<Pushed>) {
    let mut both: BTreeMap<SeriesKey, [Counts; 2]> = BTreeMap::new();
    for (key, value) in &*kept {
        put(&mut both, 0, key, *value);
    }
    for sample in &*pushed {
        // One with a time of its own is not added to anything.
        if let (Value::Float(value), None) = (&sample.value, sample.timestamp_ms) {
            put(&mut both, 1, &sample.key, *value);
        }
    }
    for [had, comes] in both.values_mut() {
        if had.is_empty() || comes.is_empty() {
            continue;
        }
        had.sort_by(|a, b| a.0.total_cmp(&b.0));
        comes.sort_by(|a, b| a.0.total_cmp(&b.0));
        for (bound, key) in missing(comes, had) {
            kept.insert(key, up_to(had, bound));
        }
        for (bound, key) in missing(had, comes) {
            pushed.push(Pushed {
                key,
                value: Value::Float(up_to(comes, bound)),
                timestamp_ms: None,
            });
        }
    }
}

fn put(both: &mut BTreeMap<SeriesKey, [Counts; 2]>, side: usize, key: &SeriesKey, value: f64) {
    if let Some((histogram, bound)) = bucket(key) {
        both.entry(histogram).or_default()[side].push((bound, key.clone(), value));
    }
}

/// Which histogram a series is a bucket of, and up to where.
fn bucket(key: &SeriesKey) -> Option<(SeriesKey, f64)> {
    let bound: f64 = key.get(BOUND)?.parse().ok()?;
    if bound.is_nan() || !key.name().ends_with("_bucket") {
        return None;
    }
    let others = key.labels().filter(|(name, _)| *name != BOUND);
    Some((SeriesKey::new(key.name(), others).ok()?, bound))
}

/// What one has and the other has not.
fn missing(of: &Counts, other: &Counts) -> Vec<(f64, SeriesKey)> {
    let known: BTreeSet<&SeriesKey> = other.iter().map(|(_, key, _)| key).collect();
    let missing = of.iter().filter(|(_, key, _)| !known.contains(key));
    missing
        .map(|(bound, key, _)| (*bound, key.clone()))
        .collect()
}

fn up_to(counts: &Counts, bound: f64) -> f64 {
    let below = counts.partition_point(|(other, ..)| *other <= bound);
    let last = below.checked_sub(1).and_then(|at| counts.get(at));
    last.map_or(0.0, |(.., count)| *count)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(job: &str, bound: &str) -> SeriesKey {
        SeriesKey::new("h_bucket", [("job", job), ("le", bound)]).unwrap()
    }

    fn told<'k>(all: impl Iterator<Item = (&'k SeriesKey, f64)>) -> Vec<String> {
        let one = |(key, value): (&SeriesKey, f64)| {
            format!(
                "{} {} {value}",
                key.get("job").unwrap(),
                key.get("le").unwrap()
            )
        };
        let mut told: Vec<String> = all.map(one).collect();
        told.sort();
        told
    }

    #[test]
    fn both_get_the_bounds_of_either() {
        let mut kept: BTreeMap<SeriesKey, f64> = [
            (key("a", "1"), 3.0),
            (key("a", "10"), 5.0),
            (key("a", "+Inf"), 6.0),
            (key("b", "1"), 9.0),
        ]
        .into();
        let pushed = |job: &str, bound: &str, value: f64| Pushed {
            key: key(job, bound),
            value: Value::Float(value),
            timestamp_ms: None,
        };
        let mut comes = vec![
            pushed("a", "0.5", 1.0),
            pushed("a", "2", 4.0),
            pushed("a", "1.0", 2.0),
            pushed("a", "+Inf", 7.0),
            pushed("c", "5", 1.0),
        ];
        unite(&mut kept, &mut comes);
        let had = told(kept.iter().map(|(key, value)| (key, *value)));
        assert_eq!(
            had,
            [
                "a +Inf 6", "a 0.5 0", "a 1 3", "a 1.0 3", "a 10 5", "a 2 3", "b 1 9"
            ]
        );
        let comes = told(comes.iter().map(|one| match one.value {
            Value::Float(value) => (&one.key, value),
            Value::Native(_) => unreachable!(),
        }));
        assert_eq!(
            comes,
            [
                "a +Inf 7", "a 0.5 1", "a 1 2", "a 1.0 2", "a 10 4", "a 2 4", "c 5 1"
            ]
        );
    }
}
