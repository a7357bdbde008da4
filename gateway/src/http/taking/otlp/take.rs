//! A request to points. State changes here are such that a request that is sent again changes nothing more.

use weir_wire::buckets::{Buckets, Layout};
use weir_wire::exposition::go_float;
use weir_wire::graphite::Keys;
use weir_wire::otlp::{self, Measured, Metric, Point, Temporality};
use weir_wire::{Invalid, Reject};

use super::totals::Delta;
use super::{Histograms, PROTOCOL, classic};
use crate::admission::Sender;
use crate::http::taking::Taking;
use crate::http::taking::cumulative::{Brought, Counted};
use crate::http::taking::distribution;
use crate::http::taking::refusal::Faults;
use crate::listen::intake::Intake;
use crate::listen::names::Names;

/// A request on its way in.
pub(super) struct Message<'t> {
    pub(super) taking: &'t Taking,
    pub(super) intake: Intake,
    /// Of the request's points, not the store's.
    pub(super) faults: Faults,
    pub(super) brought: Brought,
    now_ms: i64,
}

/// A point whose name is known by its hash, and whose time is.
struct At<'p, 'a> {
    point: &'p Point<'a>,
    hash: u128,
    timestamp_ms: i64,
}

impl<'t> Message<'t> {
    pub(super) fn new(taking: &'t Taking, sender: &Sender) -> Self {
        let intake = taking.otlp.take(sender);
        Self {
            taking,
            now_ms: intake.now_ms(),
            intake,
            faults: Faults::default(),
            brought: Brought::default(),
        }
    }

    /// Takes a request apart.
    ///
    /// # Errors
    /// The message is damaged or has more than is taken: nothing of it is to be stored.
    pub(super) fn read(&mut self, message: &[u8], json: bool) -> Result<(), Invalid> {
        let converted;
        let message = match json {
            true => {
                converted = otlp::from_json(message)?;
                &converted
            }
            false => message,
        };
        let (rules, mut name) = (&self.taking.config.otlp.rules, Vec::new());
        otlp::parse(message, rules, |point| {
            if let Err(invalid) = point.and_then(|point| self.point(&point, &mut name)) {
                self.faults.add(&invalid, 1, &self.intake);
            }
        })
    }

    /// The request is refused whole, for this.
    pub(super) fn discard(mut self, invalid: Invalid) -> Invalid {
        self.intake.discard(invalid.reject);
        self.intake.refuse(invalid.reject, 1);
        self.taking.otlp.give_back(self.intake);
        invalid
    }

    fn point(&mut self, point: &Point<'_>, name: &mut Vec<u8>) -> Result<(), Invalid> {
        let metric = point.metric;
        let families = &self.taking.families;
        families.learn(&metric.name, metric.kind, metric.help, metric.unit);
        let at = At {
            point,
            hash: Names::hash(point.identity(name)),
            timestamp_ms: match point.timestamp_ms {
                0 => self.now_ms,
                sent => sent,
            },
        };
        // Before anything is remembered of it.
        let times = &self.taking.config.times;
        times
            .check(at.timestamp_ms, self.now_ms)
            .map_err(|why| named(metric, why))?;
        let delta = metric.temporality == Some(Temporality::Delta);
        match &point.value {
            Measured::Float(value) if delta => {
                if *value < 0.0 && !metric.up_down {
                    let text = "a delta of what only goes up is negative";
                    return Err(named(metric, Invalid::new(Reject::BadValue, text)));
                }
                self.delta(&at, "", None, *value)
            }
            Measured::Float(value) => self.float(&at, "", None, *value),
            Measured::Buckets(buckets) => self.histogram(&at, buckets, delta),
            Measured::Summary {
                count,
                sum,
                quantiles,
            } => {
                for (quantile, value) in quantiles {
                    let label = go_float(*quantile);
                    self.float(&at, "", Some(("quantile", &label)), *value)?;
                }
                self.float(&at, "_count", None, *count as f64)?;
                self.float(&at, "_sum", None, *sum)
            }
            Measured::Stale => self.float(&at, "", None, weir_wire::stale()),
        }
    }

    fn histogram(
        &mut self,
        at: &At<'_, '_>,
        buckets: &Buckets,
        delta: bool,
    ) -> Result<(), Invalid> {
        if delta && buckets.sum.is_some_and(|sum| !sum.is_finite()) {
            let text = "a histogram's sum is not finite";
            return Err(named(
                at.point.metric,
                Invalid::new(Reject::NotFinite, text),
            ));
        }
        let form = self.taking.config.otlp.histograms;
        let explicit = matches!(buckets.layout, Layout::Explicit { .. });
        if explicit && form != Histograms::Histogram {
            for part in classic::parts(buckets) {
                let more = part.bound.as_deref().map(|bound| ("le", bound));
                match delta {
                    true => self.delta(at, part.suffix, more, part.value)?,
                    false => self.float(at, part.suffix, more, part.value)?,
                }
            }
        }
        if explicit && form == Histograms::Classic {
            return Ok(());
        }
        if delta {
            return self.distribution(at, buckets);
        }
        let counted = Counted {
            protocol: PROTOCOL,
            hash: at.hash,
            timestamp_ms: at.timestamp_ms,
            start_ms: at.point.start_timestamp_ms,
            reset: false,
            whole_at_first: false,
            buckets: buckets.clone(),
        };
        let cumulative = &self.taking.cumulative;
        match cumulative.interval(self.now_ms, counted, &mut self.brought)? {
            Some(interval) => self.distribution(at, &interval),
            None => Ok(()),
        }
    }

    fn distribution(&mut self, at: &At<'_, '_>, buckets: &Buckets) -> Result<(), Invalid> {
        let histogram = distribution::kept(buckets).map_err(|why| named(at.point.metric, why))?;
        let key = || at.point.series_key("", None);
        self.intake
            .histogram(at.hash, key, at.timestamp_ms, histogram)
    }

    fn delta(
        &mut self,
        at: &At<'_, '_>,
        suffix: &str,
        more: Option<(&str, &str)>,
        value: f64,
    ) -> Result<(), Invalid> {
        let delta = Delta {
            start_ms: at.point.start_timestamp_ms,
            timestamp_ms: at.timestamp_ms,
            value,
        };
        let hash = part_hash(at.hash, suffix, more);
        let metric = at.point.metric;
        let running = self.taking.totals.add(hash, delta, self.now_ms);
        let running = running.map_err(|why| named(metric, why))?;
        let times = &self.taking.config.times;
        // A beginning that is not kept is no loss.
        let begins = |&begins_ms: &i64| !metric.up_down && times.is_kept(begins_ms, self.now_ms);
        if let Some(begins_ms) = running.begins_ms.filter(begins) {
            self.put(at, suffix, more, begins_ms, 0.0)?;
        }
        self.put(at, suffix, more, running.timestamp_ms, running.value)
    }

    fn float(
        &mut self,
        at: &At<'_, '_>,
        suffix: &str,
        more: Option<(&str, &str)>,
        value: f64,
    ) -> Result<(), Invalid> {
        self.put(at, suffix, more, at.timestamp_ms, value)
    }

    fn put(
        &mut self,
        at: &At<'_, '_>,
        suffix: &str,
        more: Option<(&str, &str)>,
        timestamp_ms: i64,
        value: f64,
    ) -> Result<(), Invalid> {
        let key = |keys: &mut Keys| {
            at.point
                .series_key(suffix, more)
                .map(|key| keys.push_key(&key))
        };
        let hash = part_hash(at.hash, suffix, more);
        self.intake.float(hash, key, Some(timestamp_ms), value)
    }
}

#[cold]
fn named(metric: &Metric<'_>, why: Invalid) -> Invalid {
    Invalid::new(why.reject, format!("metric {:?}: {why}", metric.name))
}

/// Of a series that is a part of a point.
fn part_hash(whole: u128, suffix: &str, more: Option<(&str, &str)>) -> u128 {
    let of = |text: &str| Names::hash(text.as_bytes());
    let suffix = if suffix.is_empty() { 0 } else { of(suffix) };
    let more = more.map_or(0, |(name, value)| {
        of(name).rotate_left(1) ^ of(value).rotate_left(7)
    });
    whole.wrapping_add(suffix).wrapping_add(more)
}
