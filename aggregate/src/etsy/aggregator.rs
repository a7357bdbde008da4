//! The public face: takes metrics in between, gives etsy's flush at an interval's end. Owns the bounds of an interval and
//! the aggregator's own figures.

use std::sync::Arc;

use weir_wire::statsd::{Metric, Value};
use weir_wire::{Reject, Sample, SeriesKey};

use super::config::EtsyConfig;
use super::entry::{Entry, Names, Room, State};
use super::table::Table;
use super::{names, timer};
use crate::close::Closed;
use crate::newcomers::{Everyone, Newcomers};

/// etsy's counters of itself, in the order of [`Etsy::saw`].
const SEEN: [&str; 3] = ["bad_lines_seen", "packets_received", "metrics_received"];

/// The open interval and what outlives it.
#[derive(Debug)]
pub struct Etsy {
    config: Arc<EtsyConfig>,
    table: Table,
    room: Room,
    own: Arc<Own>,
    /// In the order of [`SEEN`].
    seen: [u64; 3],
    last_flush_ms: Option<i64>,
}

/// Series of the aggregator itself.
#[derive(Debug)]
struct Own {
    /// In the order of [`SEEN`]; each a rate and a count.
    seen: Vec<Vec<SeriesKey>>,
    timestamp_lag: Vec<SeriesKey>,
    num_stats: Option<SeriesKey>,
    calculation_time: Option<SeriesKey>,
    processing_time: Option<SeriesKey>,
}

impl Etsy {
    /// An aggregator; a prefix of its own figures that makes no series leaves those out.
    #[must_use]
    pub fn new(config: EtsyConfig) -> Self {
        let own = Own::new(&config);
        let mut table = Table::default();
        own.all().for_each(|key| table.reserve(key.clone()));
        Self {
            room: Room {
                values: config.max_values,
                members: config.max_set_members,
            },
            config: Arc::new(config),
            table,
            own: Arc::new(own),
            seen: [0; 3],
            last_flush_ms: None,
        }
    }

    /// Adds one metric to the open interval.
    ///
    /// # Errors
    /// - [`Reject::OverLimit`]: a new series, timer value or set member past its bound;
    /// - [`Reject::BadName`]: too long, or its figures' names belong to another metric;
    /// - [`Reject::BadLabels`]: tags that make no series;
    /// - [`Reject::BadValue`]: a timer below 0;
    /// - [`Reject::NotFinite`]: a sum or a square that left the floats.
    ///
    /// Nothing is kept of a metric that is refused.
    pub fn record(&mut self, metric: &Metric<'_>) -> Result<(), Reject> {
        self.record_from(metric, &mut Everyone)
    }

    /// The same, with somebody who decides about what is new; nothing is renamed here.
    ///
    /// # Errors
    /// Theirs, too.
    pub fn record_from(
        &mut self,
        metric: &Metric<'_>,
        newcomers: &mut impl Newcomers,
    ) -> Result<(), Reject> {
        if matches!(metric.value, Value::Timer(value) if value < 0.0) {
            return Err(Reject::BadValue);
        }
        let slot = self.table.find_or_insert(metric, &self.config, newcomers)?;
        let entry = self.table.entry(slot).ok_or(Reject::BadName)?;
        let is_new = !entry.hit && !entry.begun;
        let added = entry.add(metric, &mut self.room);
        match added {
            Ok(()) => entry.ttl = self.config.gauges_max_ttl.max(1),
            Err(_) if is_new => self.table.forget(slot),
            Err(_) => {}
        }
        added
    }

    /// Counts what came in, for the aggregator's own figures.
    pub fn saw(&mut self, bad_lines: u64, packets: u64, metrics: u64) {
        let more = [bad_lines, packets, metrics];
        for (sum, more) in self.seen.iter_mut().zip(more) {
            *sum += more;
        }
    }

    /// Ends the interval at `at_ms` (milliseconds since 1970, sent in whole seconds as etsy's are) and begins the next.
    /// `elapsed_ms` says how long this has taken so far.
    pub fn close(&mut self, at_ms: i64, elapsed_ms: impl Fn() -> f64) -> Closed {
        self.end(at_ms).close(elapsed_ms)
    }

    /// The same, with the work that needs no aggregator left to be done.
    pub fn end(&mut self, at_ms: i64) -> Ended {
        let second_ms = (at_ms + 500).div_euclid(1_000) * 1_000;
        // A last flush right after another must not take its place.
        let at_ms = match self.last_flush_ms {
            Some(last_ms) if last_ms >= second_ms => at_ms,
            _ => second_ms,
        };
        let mut flush = Flush {
            config: &self.config,
            at_ms,
            samples: Vec::new(),
            timers: Vec::new(),
            stats: 0,
        };
        self.own.seen(&mut flush, &mut self.seen);
        let expired = self.table.retain(|entry| flush.entry(entry));
        let lag_ms = self
            .last_flush_ms
            .replace(at_ms)
            .map(|last_ms| at_ms - last_ms);
        if let Some(lag_ms) = lag_ms {
            let lag_s = (lag_ms as f64 - self.config.interval_ms as f64) / 1_000.0;
            flush.give(&self.own.timestamp_lag, &[lag_s]);
        }
        let Flush {
            samples,
            timers,
            stats,
            ..
        } = flush;
        self.room = Room {
            values: self.config.max_values,
            members: self.config.max_set_members,
        };
        Ended {
            config: Arc::clone(&self.config),
            own: Arc::clone(&self.own),
            at_ms,
            samples,
            timers,
            stats,
            series: self.table.series(),
            expired,
        }
    }

    /// Series that live now, the aggregator's own included.
    #[must_use]
    pub fn series(&self) -> usize {
        self.table.series()
    }
}

/// An interval that ended and is not worked out yet: see [`crate::Ended`].
#[derive(Debug)]
pub struct Ended {
    config: Arc<EtsyConfig>,
    own: Arc<Own>,
    at_ms: i64,
    samples: Vec<(SeriesKey, Sample)>,
    timers: Vec<TimerValues>,
    stats: usize,
    series: usize,
    expired: usize,
}

#[derive(Debug)]
struct TimerValues {
    names: Arc<Names>,
    values: Vec<f64>,
    /// What they stand for.
    count: f64,
}

impl Ended {
    /// Works it out.
    pub fn close(self, elapsed_ms: impl Fn() -> f64) -> Closed {
        let (at_ms, mut samples) = (self.at_ms, self.samples);
        let interval_s = self.config.interval_ms as f64 / 1_000.0;
        for mut timer in self.timers {
            let figures = timer::figures(
                &mut timer.values,
                timer.count,
                interval_s,
                &self.config.percentiles,
                &timer.names.bins,
            );
            push(&mut samples, &timer.names.keys, figures, at_ms);
        }
        for (key, value) in [
            (&self.own.num_stats, self.stats as f64),
            (&self.own.calculation_time, elapsed_ms()),
            (&self.own.processing_time, elapsed_ms()),
        ] {
            samples.extend(key.iter().map(|key| (key.clone(), sample(at_ms, value))));
        }
        Closed {
            samples,
            series: self.series,
            expired: self.expired,
        }
    }
}

fn push(
    samples: &mut Vec<(SeriesKey, Sample)>,
    keys: &[Option<SeriesKey>],
    values: impl IntoIterator<Item = Option<f64>>,
    at_ms: i64,
) {
    for (key, value) in keys.iter().zip(values) {
        if let (Some(key), Some(value)) = (key, value) {
            samples.push((key.clone(), sample(at_ms, value)));
        }
    }
}

/// An interval being ended.
struct Flush<'a> {
    config: &'a EtsyConfig,
    at_ms: i64,
    samples: Vec<(SeriesKey, Sample)>,
    timers: Vec<TimerValues>,
    /// `numStats`: metrics, not series.
    stats: usize,
}

impl Flush<'_> {
    /// Sends what the entry has; whether it lives on.
    fn entry(&mut self, entry: &mut Entry) -> bool {
        entry.hit = false;
        entry.begun = true;
        let deleted = self.config.deleted;
        let interval_s = self.config.interval_ms as f64 / 1_000.0;
        self.stats += 1;
        match &mut entry.state {
            State::Counter(sum) => {
                let sum = std::mem::take(sum);
                self.push(&entry.names.keys, [Some(sum / interval_s), Some(sum)]);
                !deleted.counters
            }
            State::Gauge(value) => {
                self.push(&entry.names.keys, [Some(*value)]);
                entry.ttl = entry.ttl.saturating_sub(1);
                !deleted.gauges || entry.ttl > 0
            }
            State::Timer(values, count) => {
                self.timers.push(TimerValues {
                    names: Arc::clone(&entry.names),
                    values: std::mem::take(values),
                    count: std::mem::take(count),
                });
                !deleted.timers
            }
            State::Set(members) => {
                let members = std::mem::take(&mut **members).len();
                self.push(&entry.names.keys, [Some(members as f64)]);
                !deleted.sets
            }
        }
    }

    fn push(&mut self, keys: &[Option<SeriesKey>], values: impl IntoIterator<Item = Option<f64>>) {
        push(&mut self.samples, keys, values, self.at_ms);
    }

    /// Sends a figure of the aggregator itself.
    fn give(&mut self, keys: &[SeriesKey], values: &[f64]) {
        self.stats += 1;
        for (key, value) in keys.iter().zip(values) {
            self.samples.push((key.clone(), sample(self.at_ms, *value)));
        }
    }
}

impl Own {
    fn new(config: &EtsyConfig) -> Self {
        let names = &config.namespaces;
        let metric = |kind, figure: &str| {
            let name = format!("{}.{figure}", names.own);
            let own = SeriesKey::bare(&name).ok();
            let series = own.and_then(|own| names::series(kind, &own, config, &config.labels).ok());
            series.unwrap_or_default()
        };
        let figure = |figure: &str| {
            let own = SeriesKey::bare(&names::own(names, figure)).ok()?;
            config.labels.put_on(&own, "").ok()
        };
        Self {
            seen: SEEN.map(|name| metric(names::Kind::Counter, name)).into(),
            timestamp_lag: metric(names::Kind::Gauge, "timestamp_lag"),
            num_stats: figure("numStats"),
            calculation_time: figure("graphiteStats.calculationtime"),
            processing_time: figure("processing_time"),
        }
    }

    fn all(&self) -> impl Iterator<Item = &SeriesKey> {
        let one = [
            &self.num_stats,
            &self.calculation_time,
            &self.processing_time,
        ];
        let several = self.seen.iter().flatten().chain(&self.timestamp_lag);
        several.chain(one.into_iter().flatten())
    }

    fn seen(&self, flush: &mut Flush<'_>, seen: &mut [u64; 3]) {
        let interval_s = flush.config.interval_ms as f64 / 1_000.0;
        for (keys, count) in self.seen.iter().zip(std::mem::take(seen)) {
            flush.give(keys, &[count as f64 / interval_s, count as f64]);
        }
    }
}

fn sample(timestamp_ms: i64, value: f64) -> Sample {
    Sample {
        timestamp_ms,
        value: weir_wire::Value::Float(value),
    }
}
