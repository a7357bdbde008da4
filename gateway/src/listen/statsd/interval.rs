//! The open interval, under either naming, and where it began.

use std::time::Instant;

use weir_aggregate::etsy::Etsy;
use weir_aggregate::{Aggregator, AggregatorConfig, Closed, Labels, Newcomers};
use weir_wire::Reject;
use weir_wire::statsd::Metric;

use crate::config::{StatsdConfig, StatsdNaming};

/// Everything since the last flush.
pub(super) struct Interval {
    open: Open,
    begun_ms: i64,
    /// Of the mapping rules by which its metrics are named.
    generation: u64,
}

enum Open {
    Labels(Aggregator),
    Graphite(Etsy),
}

impl Interval {
    pub(super) fn new(config: &StatsdConfig, now_ms: i64) -> Self {
        let labels = Labels {
            defaults: Vec::new(),
            origin: config.origin.clone(),
        };
        let open = match &config.naming {
            StatsdNaming::Labels { idle_intervals } => {
                Open::Labels(Aggregator::new(AggregatorConfig {
                    max_series: config.max_series,
                    max_set_members: config.max_set_members,
                    idle_intervals: *idle_intervals,
                    labels,
                }))
            }
            StatsdNaming::Graphite(etsy) => {
                let mut etsy = etsy.as_ref().clone();
                etsy.labels = labels;
                Open::Graphite(Etsy::new(etsy))
            }
        };
        Self {
            open,
            begun_ms: now_ms,
            generation: 0,
        }
    }

    /// Whether names are Graphite's when they are stored, so that they are mapped then.
    pub(super) fn is_graphite(&self) -> bool {
        matches!(self.open, Open::Graphite(_))
    }

    /// Takes metrics in their order; `each` is told what became of each.
    pub(super) fn record(
        &mut self,
        metrics: &[Metric<'_>],
        newcomers: &mut impl Newcomers,
        mut each: impl FnMut(&Metric<'_>, Result<(), Reject>),
    ) {
        match &mut self.open {
            Open::Labels(aggregator) => aggregator.record_all(metrics, newcomers, each),
            Open::Graphite(etsy) => {
                for metric in metrics {
                    each(metric, etsy.record_from(metric, newcomers));
                }
            }
        }
    }

    /// Names every metric again if the rules are others than before. Graphite's paths are mapped when they are stored.
    #[inline]
    pub(super) fn mapped_by(&mut self, generation: u64) {
        if std::mem::replace(&mut self.generation, generation) != generation
            && let Open::Labels(aggregator) = &mut self.open
        {
            aggregator.forget_names();
        }
    }

    pub(super) fn saw(&mut self, bad_lines: u64, packets: u64, metrics: u64) {
        if let Open::Graphite(etsy) = &mut self.open {
            etsy.saw(bad_lines, packets, metrics);
        }
    }

    /// Ends it at a time and begins the next.
    pub(super) fn end(&mut self, at_ms: i64) -> Ended {
        // A clock that was set back must not make an interval end before it began.
        let at_ms = at_ms.max(self.begun_ms + 1);
        let begun_ms = std::mem::replace(&mut self.begun_ms, at_ms);
        let started = Instant::now();
        match &mut self.open {
            Open::Labels(aggregator) => Ended::Labels(aggregator.end(begun_ms, at_ms), at_ms),
            Open::Graphite(etsy) => Ended::Graphite(etsy.end(at_ms), started),
        }
    }
}

/// What is worked out while the next interval is open already.
pub(super) enum Ended {
    Labels(weir_aggregate::Ended, i64),
    Graphite(weir_aggregate::etsy::Ended, Instant),
}

impl Ended {
    pub(super) fn close(self) -> Closed {
        match self {
            Self::Labels(ended, at_ms) => ended.close(at_ms),
            Self::Graphite(ended, started) => {
                ended.close(|| started.elapsed().as_secs_f64() * 1_000.0)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use weir_aggregate::Everyone;
    use weir_wire::statsd::{Dialect, parse};

    use super::*;
    use crate::config::Config;

    fn interval(sets: &[&str], now_ms: i64) -> Interval {
        let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
        let config = Config::load(None, std::iter::empty(), &sets).unwrap();
        Interval::new(&config.statsd, now_ms)
    }

    fn record(interval: &mut Interval, lines: &str) {
        let metrics = parse(lines.as_bytes(), Dialect::ETSY);
        let metrics: Vec<_> = metrics.map(|metric| metric.unwrap()).collect();
        interval.record(&metrics, &mut Everyone, |_, taken| taken.unwrap());
    }

    /// `name@milliseconds` of each sample that is of a metric of this name.
    fn times(interval: &mut Interval, at_ms: i64, name: &str) -> Vec<i64> {
        let closed = interval.end(at_ms).close();
        let of_it = closed.samples.iter().filter(|(key, _)| key.name() == name);
        of_it.map(|(_, sample)| sample.timestamp_ms).collect()
    }

    #[test]
    fn an_interval_never_ends_before_it_began_whatever_the_clock_does() {
        let mut interval = interval(&[], 12_345);
        record(&mut interval, "a:1|c");
        assert_eq!(times(&mut interval, 20_000, "a"), [12_345, 20_000]);
        assert_eq!(times(&mut interval, 10_000, "a"), [20_001], "set back");
        assert_eq!(
            times(&mut interval, 90_000_000, "a"),
            [90_000_000],
            "a day ahead"
        );
    }

    #[test]
    fn a_last_flush_does_not_take_the_place_of_the_one_before() {
        let mut interval = interval(&["statsd.naming=graphite"], 12_345);
        record(&mut interval, "a:1|c");
        assert_eq!(times(&mut interval, 20_000, "stats.a"), [20_000]);
        record(&mut interval, "a:1|c");
        assert_eq!(times(&mut interval, 20_300, "stats.a"), [20_300]);
    }

    #[test]
    fn the_origin_is_the_hosts_name_with_labels_and_none_with_graphites() {
        let origin = |sets: &[&str]| {
            let sets: Vec<String> = sets.iter().map(|set| (*set).to_owned()).collect();
            let config = Config::load(None, std::iter::empty(), &sets).unwrap();
            config.statsd.origin.map(|(_, name)| name)
        };
        let host = rustix::system::uname()
            .nodename()
            .to_string_lossy()
            .into_owned();
        assert_eq!(origin(&[]), Some(host));
        assert_eq!(origin(&["statsd.naming=graphite"]), None);
        let named = ["statsd.naming=graphite", "statsd.origin=gw1"];
        assert_eq!(origin(&named), Some("gw1".to_owned()));
    }
}
