//! From bytes to the open interval, for every way that StatsD comes by: parses, records, and counts what became of each in
//! its sender's account. Owns what is done with a given time, and with what clients say of themselves.

use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use weir_wire::statsd::{self, Dialect, Metric, Value};
use weir_wire::{Reject, SeriesKey};

use super::deciding::Deciding;
use super::interval::Interval;
use crate::admission::{Admission, Dropped, Sender};
use crate::listen::intake::Intake;
use crate::listen::names::Names;

/// What Datadog's clients count of themselves begins so.
const TELEMETRY: &str = "datadog.dogstatsd.client.";
/// Metrics that are handed to the aggregator together.
const MANY: usize = 64;

/// What every listener has of it.
#[derive(Clone)]
pub(super) struct Taking {
    pub(super) interval: Arc<Mutex<Interval>>,
    pub(super) admission: Admission,
    /// The label that says who aggregated.
    pub(super) origin: Option<Arc<str>>,
}

impl Taking {
    /// Begins to take one sender's packets; the interval is held until they are [`Taker::settle`]d.
    pub(super) fn lock(&self) -> MutexGuard<'_, Interval> {
        let mut interval = self.interval.lock();
        interval.mapped_by(self.admission.mapper().generation());
        interval
    }

    pub(super) fn taker<'a, 'd>(
        &'a self,
        interval: &'a mut Interval,
        intake: &'a mut Intake,
        dialect: Dialect,
    ) -> Taker<'a, 'd> {
        Taker {
            sender: intake.sender().clone(),
            is_shed: self.admission.is_shed(intake.sender()),
            is_graphite: interval.is_graphite(),
            taking: self,
            interval,
            intake,
            dialect,
            gathered: Vec::new(),
            tally: Tally::default(),
        }
    }
}

/// One sender's packets, one after the other.
pub(super) struct Taker<'a, 'd> {
    taking: &'a Taking,
    interval: &'a mut Interval,
    intake: &'a mut Intake,
    sender: Sender,
    /// Under overload, all that it sends is let go.
    is_shed: bool,
    is_graphite: bool,
    dialect: Dialect,
    /// Of datagrams that lie together in memory, for the aggregator to take at once.
    gathered: Vec<Metric<'d>>,
    tally: Tally,
}

#[derive(Default)]
struct Tally {
    packets: u64,
    /// With Graphite's naming.
    lines: u64,
    recorded: u64,
    refused: u64,
    client_sent: u64,
    client_dropped: u64,
}

impl<'d> Taker<'_, 'd> {
    /// Takes a line of a stream, or a packet that will not lie here for long.
    pub(super) fn packet(&mut self, bytes: &[u8]) {
        self.begin(bytes);
        for metric in statsd::parse(bytes, self.dialect) {
            match metric.and_then(|metric| self.untimed(metric)) {
                Ok(None) => {}
                Ok(Some(metric)) => self.record(&[metric]),
                Err(reason) => self.refuse(reason),
            }
        }
    }

    /// Takes a datagram together with others.
    pub(super) fn gather(&mut self, bytes: &'d [u8]) {
        self.begin(bytes);
        for metric in statsd::parse(bytes, self.dialect) {
            match metric.and_then(|metric| self.untimed(metric)) {
                Ok(None) => {}
                Ok(Some(metric)) => {
                    self.gathered.push(metric);
                    if self.gathered.len() >= MANY {
                        self.record_gathered();
                    }
                }
                Err(reason) => self.refuse(reason),
            }
        }
    }

    fn begin(&mut self, bytes: &[u8]) {
        self.tally.packets += 1;
        if self.is_graphite {
            // etsy counts lines, whatever is in them.
            let lines = bytes.split(|byte| *byte == b'\n');
            self.tally.lines += lines.filter(|line| !line.is_empty()).count() as u64;
        }
    }

    /// Counts what came and is no packet.
    pub(super) fn refuse(&mut self, reason: Reject) {
        self.tally.refused += 1;
        self.sender.refuse(reason, 1);
    }

    /// A metric that is to be aggregated; one with its time is taken here.
    #[inline]
    fn untimed<'m>(&mut self, metric: Metric<'m>) -> Result<Option<Metric<'m>>, Reject> {
        match metric.timestamp_ms {
            None => Ok(Some(metric)),
            Some(_) => self.timed(&metric).map(|()| None),
        }
    }

    fn record_gathered(&mut self) {
        let mut gathered = std::mem::take(&mut self.gathered);
        self.record(&gathered);
        gathered.clear();
        self.gathered = gathered;
    }

    fn record(&mut self, metrics: &[Metric<'_>]) {
        if self.is_shed {
            return self.sender.lose(Dropped::Priority, metrics.len() as u64);
        }
        let count = metrics.len() as u64;
        if self.sender.is_limited() && !self.sender.may_take_samples(count, self.intake.now_ms()) {
            return self.sender.lose(Dropped::Rate, count);
        }
        let mut deciding = Deciding {
            admission: &self.taking.admission,
            sender: &self.sender,
            is_graphite: self.is_graphite,
        };
        let (tally, sender) = (&mut self.tally, &self.sender);
        self.interval
            .record(metrics, &mut deciding, |metric, taken| match taken {
                Ok(()) => {
                    tally.recorded += 1;
                    if metric.name.starts_with(TELEMETRY) {
                        tally.client_says(metric);
                    }
                }
                Err(reason) => {
                    tally.refused += 1;
                    sender.refuse(reason, 1);
                }
            });
    }

    /// A measurement with its time is a point already. It goes into a series without the origin, so that it never mixes with
    /// what is aggregated.
    fn timed(&mut self, metric: &Metric<'_>) -> Result<(), Reject> {
        let value = match metric.value {
            Value::Counter(by) => by / metric.rate,
            Value::GaugeSet(to) => to,
            _ => return Err(Reject::Unsupported),
        };
        if !value.is_finite() {
            return Err(Reject::NotFinite);
        }
        let [in_name, field, host] = metric.tags.raw();
        let identity = [&*metric.name, in_name, field, host].join("\0");
        let taking = self.taking;
        self.intake.float(
            Names::hash(identity.as_bytes()),
            |keys| {
                keys.push_key(&taking.given(metric)?);
                Ok(())
            },
            metric.timestamp_ms,
            value,
        )
    }

    /// Counts what was taken, and says how much was aggregated.
    pub(super) fn settle(mut self) -> u64 {
        self.record_gathered();
        let Tally {
            packets,
            lines,
            recorded,
            refused,
            client_sent,
            client_dropped,
        } = self.tally;
        self.interval.saw(refused, packets, lines);
        if recorded > 0 {
            self.sender.aggregate(recorded, 0);
        }
        if client_sent + client_dropped > 0 {
            self.sender.client_said(client_sent, client_dropped);
        }
        recorded
    }
}

impl Taking {
    fn given(&self, metric: &Metric<'_>) -> Result<SeriesKey, Reject> {
        let key = weir_aggregate::series_of(metric, self.origin.as_deref())?;
        let kind = match metric.value {
            Value::Counter(_) => weir_wire::mapping::Kind::Counter,
            _ => weir_wire::mapping::Kind::Gauge,
        };
        self.admission.mapper().map(key, Some(kind))
    }
}

impl Tally {
    /// A packet that was dropped held one metric at least; how many, the client does not say.
    #[cold]
    fn client_says(&mut self, metric: &Metric<'_>) {
        let Value::Counter(by) = metric.value else {
            return;
        };
        let count = (by / metric.rate).max(0.0) as u64;
        match &metric.name[TELEMETRY.len()..] {
            "metrics" => self.client_sent += count,
            "packets_dropped" | "metric_dropped_on_receive" => self.client_dropped += count,
            _ => {}
        }
    }
}
