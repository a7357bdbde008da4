//! One group, and what a push makes of it. Pure: what is to be stored comes out, and the group after it.

use std::collections::{BTreeMap, BTreeSet};

use weir_wire::buckets::Buckets;
use weir_wire::{Invalid, Kind, SeriesKey, stale};

use super::pushed::{FAILURE_TIME, Family, PUSH_TIME, Value};
use super::{adding, bounds};

/// A group and its last values.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Group {
    pub(super) labels: Vec<(String, String)>,
    pub(super) families: BTreeMap<String, Kept>,
    /// Milliseconds; 0 for never.
    pub(super) pushed_ms: i64,
    pub(super) failed_ms: i64,
    /// `None`: as the configuration says.
    pub(super) ttl_ms: Option<i64>,
}

/// A family's last values.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Kept {
    pub(super) kind: Kind,
    pub(super) samples: BTreeMap<SeriesKey, f64>,
    /// Series of native histograms, whose values are stored and not kept: of the next ones a part is known.
    pub(super) natives: BTreeSet<SeriesKey>,
}

/// A push.
pub(super) struct Change {
    /// `PUT`: what is not in it goes.
    pub(super) replace_all: bool,
    pub(super) aggregate: bool,
    pub(super) ttl_ms: Option<i64>,
    pub(super) pushed: Vec<Family>,
}

/// What is to be stored.
#[derive(Debug)]
pub(super) enum Point {
    Float(SeriesKey, i64, f64),
    Native {
        key: SeriesKey,
        timestamp_ms: i64,
        buckets: Box<Buckets>,
        counts: Counts,
    },
}

/// What a native histogram counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Counts {
    /// One run of a job: aggregate mode.
    Run,
    /// All so far, of a series that was never pushed before.
    AllAtFirst,
    /// All so far.
    All,
}

impl Group {
    pub(super) fn of(group: &weir_wire::pushgateway::Group) -> Self {
        let labels = group.labels();
        Self {
            labels: labels
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            ..Self::default()
        }
    }

    /// The group after a push, and what of the push is to be stored: later than any push before it, since a series has one
    /// sample a time.
    ///
    /// # Errors
    /// As [`adding::check`], where the push is to be added.
    pub(super) fn changed(
        &self,
        change: Change,
        now_ms: i64,
    ) -> Result<(Self, Vec<Point>), Invalid> {
        let now_ms = now_ms.max(self.pushed_ms + 1);
        let (mut after, mut points) = (self.clone(), Vec::new());
        after.pushed_ms = now_ms;
        after.ttl_ms = change.ttl_ms.or(self.ttl_ms);
        if change.replace_all && !change.aggregate {
            after.families.clear();
        }
        for family in change.pushed {
            let before = self.families.get(&family.name);
            if change.aggregate {
                adding::check(&family, before)?;
            }
            let (name, kept) = take(family, before, change.aggregate, now_ms, &mut points);
            after.families.insert(name, kept);
        }
        let gone = self.series().filter(|(key, _)| !after.has(key));
        points.extend(gone.map(|(key, _)| Point::Float(key.clone(), now_ms, stale())));
        points.extend(after.times(now_ms));
        Ok((after, points))
    }

    fn has(&self, key: &SeriesKey) -> bool {
        self.families
            .values()
            .any(|family| family.samples.contains_key(key))
    }

    fn series(&self) -> impl Iterator<Item = (&SeriesKey, f64)> {
        let families = self.families.values();
        families.flat_map(|family| family.samples.iter().map(|(key, value)| (key, *value)))
    }

    pub(super) fn len(&self) -> usize {
        self.families
            .values()
            .map(|family| family.samples.len() + family.natives.len())
            .sum()
    }

    /// Everything, at a later time.
    pub(super) fn again(&self, now_ms: i64) -> Vec<Point> {
        let series = self.series();
        let mut points: Vec<Point> = series
            .map(|(key, value)| Point::Float(key.clone(), now_ms, value))
            .collect();
        points.extend(self.times(now_ms));
        points
    }

    /// The end of everything.
    pub(super) fn ended(&self, now_ms: i64) -> Vec<Point> {
        let mut points = self.again(now_ms);
        for point in &mut points {
            if let Point::Float(_, _, value) = point {
                *value = stale();
            }
        }
        points
    }

    /// When its time to live is over; `None` for never.
    pub(super) fn ends_ms(&self, default_ttl_ms: i64) -> Option<i64> {
        let ttl_ms = self.ttl_ms.unwrap_or(default_ttl_ms);
        let heard_ms = self.pushed_ms.max(self.failed_ms);
        (ttl_ms > 0).then(|| heard_ms.saturating_add(ttl_ms))
    }

    pub(super) fn times(&self, now_ms: i64) -> impl Iterator<Item = Point> {
        let labels = || {
            self.labels
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()))
        };
        let seconds = |ms: i64| ms as f64 / 1_000.0;
        let times = [
            (PUSH_TIME, seconds(self.pushed_ms)),
            (FAILURE_TIME, seconds(self.failed_ms)),
        ];
        let points = times.map(|(name, value)| {
            // The path's own bounds are those of a series.
            let key = SeriesKey::new(name, labels()).ok()?;
            Some(Point::Float(key, now_ms, value))
        });
        points.into_iter().flatten()
    }
}

/// A family after a push.
fn take(
    mut family: Family,
    before: Option<&Kept>,
    aggregate: bool,
    now_ms: i64,
    points: &mut Vec<Point>,
) -> (String, Kept) {
    let known = |key: &SeriesKey| before.is_some_and(|before| before.natives.contains(key));
    let mut kept = Kept {
        kind: family.kind,
        samples: BTreeMap::new(),
        natives: BTreeSet::new(),
    };
    if let Some(before) = before.filter(|_| aggregate) {
        kept.samples.clone_from(&before.samples);
        kept.natives.clone_from(&before.natives);
        if family.kind == Kind::Histogram {
            bounds::unite(&mut kept.samples, &mut family.samples);
        }
    }
    for sample in family.samples {
        match (sample.value, sample.timestamp_ms) {
            (Value::Native(buckets), at_ms) => {
                kept.natives.insert(sample.key.clone());
                points.push(Point::Native {
                    counts: match (aggregate, known(&sample.key)) {
                        (true, _) => Counts::Run,
                        (false, false) => Counts::AllAtFirst,
                        (false, true) => Counts::All,
                    },
                    key: sample.key,
                    timestamp_ms: at_ms.unwrap_or(now_ms),
                    buckets,
                });
            }
            // It has a time of its own, at which it is true; nothing is said of later ones.
            (Value::Float(value), Some(at_ms)) => {
                points.push(Point::Float(sample.key, at_ms, value));
            }
            (Value::Float(value), None) => {
                let adds = aggregate && adding::adds_up(family.kind, sample.key.name());
                let before = kept.samples.get(&sample.key).filter(|_| adds);
                let value = adding::sum(before.copied(), value);
                points.push(Point::Float(sample.key.clone(), now_ms, value));
                kept.samples.insert(sample.key, value);
            }
        }
    }
    (family.name, kept)
}

#[cfg(test)]
mod tests {
    use super::super::pushed::Pushed;
    use super::*;

    fn family(name: &str, kind: Kind, value: f64) -> Family {
        let key = SeriesKey::new(name, [("job", "j")]).unwrap();
        let sample = Pushed {
            key,
            value: Value::Float(value),
            timestamp_ms: None,
        };
        Family {
            name: name.to_owned(),
            kind,
            samples: vec![sample],
        }
    }

    fn push(replace_all: bool, aggregate: bool, pushed: Vec<Family>) -> Change {
        Change {
            replace_all,
            aggregate,
            ttl_ms: None,
            pushed,
        }
    }

    fn values(group: &Group) -> Vec<String> {
        let series = group.series();
        series
            .map(|(key, value)| format!("{} {value}", key.name()))
            .collect()
    }

    fn staled(points: &[Point]) -> Vec<&str> {
        let stale = points.iter().filter_map(|point| match point {
            Point::Float(key, _, value) if weir_wire::is_stale(*value) => Some(key.name()),
            _ => None,
        });
        stale.collect()
    }

    #[test]
    fn put_replaces_all_and_post_what_it_names() {
        let two = vec![family("a", Kind::Gauge, 1.0), family("b", Kind::Gauge, 2.0)];
        let (group, points) = Group::default()
            .changed(push(true, false, two), 1_000)
            .unwrap();
        assert_eq!(values(&group), ["a 1", "b 2"]);
        assert_eq!(points.len(), 4, "with the two times");
        let one = vec![family("b", Kind::Gauge, 3.0)];
        let (posted, points) = group.changed(push(false, false, one), 2_000).unwrap();
        assert_eq!(values(&posted), ["a 1", "b 3"]);
        assert!(staled(&points).is_empty());
        let one = vec![family("b", Kind::Gauge, 4.0)];
        let (put, points) = group.changed(push(true, false, one), 3_000).unwrap();
        assert_eq!(values(&put), ["b 4"]);
        assert_eq!(staled(&points), ["a"]);
    }

    #[test]
    fn jobs_add_up_in_aggregate_mode() {
        let run = || {
            vec![
                family("runs_total", Kind::Counter, 2.0),
                family("last", Kind::Gauge, 7.0),
            ]
        };
        let (group, _) = Group::default()
            .changed(push(true, true, run()), 1_000)
            .unwrap();
        let (group, _) = group.changed(push(true, true, run()), 2_000).unwrap();
        assert_eq!(values(&group), ["last 7", "runs_total 4"]);
    }

    #[test]
    fn a_native_histogram_is_new_as_a_whole_once() {
        let buckets = || Buckets::empty(weir_wire::buckets::Layout::Exponential { scale: 0 });
        let native = || {
            let mut family = family("took", Kind::Histogram, 0.0);
            family.samples[0].value = Value::Native(Box::new(buckets()));
            vec![family]
        };
        let told = |points: &[Point]| {
            let mut natives = points.iter().filter_map(|point| match point {
                Point::Native {
                    counts,
                    timestamp_ms,
                    ..
                } => Some((*counts, *timestamp_ms)),
                Point::Float(..) => None,
            });
            natives.next().unwrap()
        };
        let (group, points) = Group::default()
            .changed(push(true, false, native()), 1_000)
            .unwrap();
        assert_eq!(told(&points), (Counts::AllAtFirst, 1_000));
        // In the same millisecond.
        let (group, points) = group.changed(push(true, false, native()), 1_000).unwrap();
        assert_eq!(told(&points), (Counts::All, 1_001));
        let (_, points) = group.changed(push(false, true, native()), 2_000).unwrap();
        assert_eq!(told(&points), (Counts::Run, 2_000));
    }

    #[test]
    fn a_group_ends_when_its_time_is_over() {
        let (mut group, _) = Group::default()
            .changed(push(true, false, Vec::new()), 1_000)
            .unwrap();
        assert_eq!(group.ends_ms(0), None);
        assert_eq!(group.ends_ms(500), Some(1_500));
        group.ttl_ms = Some(0);
        assert_eq!(group.ends_ms(500), None);
    }
}
