//! From bytes to the open interval, for every way that StatsD comes by: parses, records, and counts what became of each.
//! received = accepted + rejected, whatever came.

use std::sync::Arc;

use metrics::{Counter, counter};
use parking_lot::Mutex;
use weir_wire::Reject;
use weir_wire::statsd::{self, Dialect, Metric, Value};

use super::interval::Interval;
use crate::passing::Passing;

/// Metrics that are handed to the aggregator together.
const MANY: usize = 64;

/// One listener's.
pub(super) struct Taker {
    protocol: &'static str,
    dialect: Dialect,
    interval: Arc<Mutex<Interval>>,
    passing: Arc<Passing>,
    packets: Counter,
    received: Counter,
    accepted: Counter,
}

impl Taker {
    pub(super) fn new(
        protocol: &'static str,
        dialect: Dialect,
        interval: Arc<Mutex<Interval>>,
        passing: Arc<Passing>,
    ) -> Self {
        Self {
            protocol,
            dialect,
            interval,
            passing,
            packets: counter!("weir_agent_statsd_packets_total", "protocol" => protocol),
            received: counter!("weir_agent_statsd_received_total", "protocol" => protocol),
            accepted: counter!("weir_agent_statsd_accepted_total", "protocol" => protocol),
        }
    }

    /// Takes what lies together: datagrams of one call, or a line.
    pub(super) fn take<'d>(&self, packets: impl Iterator<Item = &'d [u8]>) {
        let (mut gathered, mut accepted) = (Vec::new(), 0);
        let mut interval = self.interval.lock();
        for metric in packets.flat_map(|packet| statsd::parse(packet, self.dialect)) {
            match metric {
                Ok(metric) if metric.timestamp_ms.is_some() => match self.timed(&metric) {
                    Ok(()) => accepted += 1,
                    Err(reason) => self.refuse(reason),
                },
                Ok(metric) => gathered.push(metric),
                Err(reason) => self.refuse(reason),
            }
            if gathered.len() == MANY {
                accepted += self.record(&mut interval, &gathered);
                gathered.clear();
            }
        }
        accepted += self.record(&mut interval, &gathered);
        drop(interval);
        self.received.increment(accepted);
        self.accepted.increment(accepted);
    }

    /// Counts what came in datagrams, or packets of a stream.
    pub(super) fn saw_packets(&self, count: u64) {
        self.packets.increment(count);
    }

    /// Counts what came and is not taken.
    pub(super) fn refuse(&self, reason: Reject) {
        self.received.increment(1);
        counter!("weir_agent_statsd_rejected_total", "protocol" => self.protocol, "reason" => reason.as_str())
            .increment(1);
    }

    pub(super) fn dropped(&self, datagrams: u64) {
        counter!("weir_agent_statsd_kernel_drops_total", "protocol" => self.protocol)
            .increment(datagrams);
    }

    fn record(&self, interval: &mut Interval, metrics: &[Metric<'_>]) -> u64 {
        let mut accepted = 0;
        interval.record(metrics, |taken| match taken {
            Ok(()) => accepted += 1,
            Err(reason) => self.refuse(reason),
        });
        accepted
    }

    /// A measurement with its time is a point already.
    fn timed(&self, metric: &Metric<'_>) -> Result<(), Reject> {
        let (Value::Counter(value) | Value::GaugeSet(value)) = metric.value else {
            return Err(Reject::Unsupported);
        };
        let value = match metric.value {
            Value::Counter(_) => value / metric.rate,
            _ => value,
        };
        if !value.is_finite() {
            return Err(Reject::NotFinite);
        }
        let own = weir_aggregate::series_of(metric, None)?;
        let at_ms = metric.timestamp_ms.ok_or(Reject::BadTimestamp)?;
        self.passing.pass(&own, at_ms, value)
    }
}
