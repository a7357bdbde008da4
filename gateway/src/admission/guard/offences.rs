//! Who passed which limit: by limit, metric and source, named with the label. A limit on a source is passed by the source,
//! whatever its metrics are called; the last of them is an example. Bounded, and so is what is logged: of each at the first
//! time and then once a minute, and in all so many a minute.

use std::collections::HashMap;

use super::Limit;

/// Remembered at once; past it the oldest is forgotten.
const MOST: usize = 1_000;
const LOG_EVERY_MS: i64 = 60_000;
/// Lines of log in so long, of all together; /api/v1/status/cardinality says the rest.
const MOST_LOGGED: u32 = 20;

#[derive(Debug, Default)]
pub(super) struct Offences {
    all: HashMap<Of, Offence>,
    logged: Logged,
}

/// What passed a limit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Passed<'a> {
    pub(super) limit: Limit,
    pub(super) metric: &'a str,
    /// The metric has no entry of its own in the guard: it is one of many that share one.
    pub(super) is_shared: bool,
    pub(super) label: &'a str,
    pub(super) source: &'a str,
    pub(super) collapsed: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Of {
    pub(super) limit: Limit,
    /// Empty where it is not one metric that passed it.
    metric: Box<str>,
    pub(super) source: Box<str>,
}

#[derive(Debug, Clone)]
pub(super) struct Offence {
    /// The last one.
    pub(super) metric: String,
    pub(super) label: String,
    pub(super) refused: u64,
    pub(super) collapsed: u64,
    pub(super) first_ms: i64,
    pub(super) last_ms: i64,
    logged_ms: i64,
}

/// Lines that were logged since a time.
#[derive(Debug, Default)]
struct Logged {
    since_ms: i64,
    lines: u32,
}

impl Offences {
    /// Counts one; whether it was told in the log.
    pub(super) fn add(&mut self, passed: Passed<'_>, now_ms: i64) -> bool {
        let of = passed.of();
        if self.all.len() >= MOST && !self.all.contains_key(&of) {
            self.forget_oldest();
        }
        let offence = self.all.entry(of).or_insert_with(|| Offence {
            metric: String::new(),
            label: String::new(),
            refused: 0,
            collapsed: 0,
            first_ms: now_ms,
            last_ms: now_ms,
            logged_ms: i64::MIN,
        });
        offence.take(passed, now_ms);
        let is_due = now_ms.saturating_sub(offence.logged_ms) >= LOG_EVERY_MS;
        if !is_due || !self.logged.has_room(now_ms) {
            return false;
        }
        offence.logged_ms = now_ms;
        tracing::warn!(
            limit = passed.limit.as_str(),
            metric = passed.metric,
            label = passed.label,
            source = passed.source,
            refused = offence.refused,
            collapsed = offence.collapsed,
            "too many new series: see [guard] in the configuration and /api/v1/status/cardinality"
        );
        true
    }

    fn forget_oldest(&mut self) {
        let oldest = self.all.iter().min_by_key(|(_, offence)| offence.last_ms);
        if let Some(of) = oldest.map(|(of, _)| of.clone()) {
            self.all.remove(&of);
        }
    }

    /// The latest first.
    pub(super) fn latest(&self) -> Vec<(&Of, &Offence)> {
        let mut all: Vec<_> = self.all.iter().collect();
        all.sort_by_key(|(of, offence)| (-offence.last_ms, of.metric.clone()));
        all
    }
}

impl Passed<'_> {
    fn of(&self) -> Of {
        let is_one_metrics = self.limit != Limit::Source && !self.is_shared;
        Of {
            limit: self.limit,
            metric: if is_one_metrics { self.metric } else { "" }.into(),
            source: self.source.into(),
        }
    }
}

impl Offence {
    fn take(&mut self, passed: Passed<'_>, now_ms: i64) {
        self.refused += u64::from(!passed.collapsed);
        self.collapsed += u64::from(passed.collapsed);
        self.last_ms = now_ms;
        if self.metric != passed.metric {
            passed.metric.clone_into(&mut self.metric);
        }
        if self.label != passed.label {
            passed.label.clone_into(&mut self.label);
        }
    }
}

impl Logged {
    /// Takes a line. A clock that was set back begins anew.
    fn has_room(&mut self, now_ms: i64) -> bool {
        if !(0..LOG_EVERY_MS).contains(&now_ms.saturating_sub(self.since_ms)) {
            *self = Self {
                since_ms: now_ms,
                lines: 0,
            };
        }
        self.lines += u32::from(self.lines < MOST_LOGGED + 1);
        self.lines <= MOST_LOGGED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: i64 = 1_700_000_000_000;

    fn add(offences: &mut Offences, limit: Limit, metric: &str, now_ms: i64) -> bool {
        let passed = Passed {
            limit,
            metric,
            is_shared: false,
            label: "",
            source: "s",
            collapsed: false,
        };
        offences.add(passed, now_ms)
    }

    #[test]
    fn a_source_is_one_offender_whatever_it_calls_its_metrics() {
        let mut offences = Offences::default();
        let mut told = 0;
        for number in 0..5_000 {
            let name = format!("name{number}");
            told += u32::from(add(&mut offences, Limit::Source, &name, NOW_MS + number));
        }
        assert_eq!(told, 1);
        let latest = offences.latest();
        assert_eq!(latest.len(), 1);
        assert_eq!(
            (latest[0].1.refused, &*latest[0].1.metric),
            (5_000, "name4999")
        );
        assert!(add(
            &mut offences,
            Limit::Source,
            "x",
            NOW_MS + LOG_EVERY_MS
        ));
    }

    #[test]
    fn the_log_is_bounded_however_many_there_are() {
        let mut offences = Offences::default();
        let mut told = |now_ms| {
            let names = (0..5_000).map(|number| format!("name{number}"));
            names
                .filter(|name| add(&mut offences, Limit::Metric, name, now_ms))
                .count()
        };
        assert_eq!(told(NOW_MS), MOST_LOGGED as usize);
        assert_eq!(told(NOW_MS + LOG_EVERY_MS - 1), 0);
        assert_eq!(told(NOW_MS + LOG_EVERY_MS), MOST_LOGGED as usize);
        assert!(offences.latest().len() <= MOST);
    }
}
