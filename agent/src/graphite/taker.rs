//! From a line to the samples that go on, and what became of it: received = accepted + rejected. Says in the log, now and
//! then, what was refused, since the protocol has no answer.

use std::sync::Arc;

use metrics::{Counter, counter};
use parking_lot::Mutex;
use weir_wire::{Reject, graphite};

use crate::app::Clock;
use crate::passing::Passing;

/// At most one complaint in so long.
const COMPLAIN_EVERY_MS: i64 = 10_000;

/// One listener's.
pub(super) struct Taker {
    protocol: &'static str,
    passing: Arc<Passing>,
    clock: Clock,
    received: Counter,
    accepted: Counter,
    complained_ms: Mutex<Option<i64>>,
}

impl Taker {
    pub(super) fn new(protocol: &'static str, passing: Arc<Passing>, clock: Clock) -> Self {
        Self {
            protocol,
            passing,
            clock,
            received: counter!("weir_agent_graphite_received_total", "protocol" => protocol),
            accepted: counter!("weir_agent_graphite_accepted_total", "protocol" => protocol),
            complained_ms: Mutex::new(None),
        }
    }

    /// Takes a line without its newline, or counts why not.
    pub(super) fn take(&self, line: Result<&[u8], Reject>) {
        match line.and_then(|line| self.pass(line)) {
            Ok(0) => {}
            Ok(samples) => {
                self.received.increment(samples);
                self.accepted.increment(samples);
            }
            Err(reason) => self.refuse(line.unwrap_or_default(), reason),
        }
    }

    pub(super) fn dropped(&self, datagrams: u64) {
        counter!("weir_agent_graphite_kernel_drops_total").increment(datagrams);
    }

    /// How many samples there were: none in an empty line.
    fn pass(&self, line: &[u8]) -> Result<u64, Reject> {
        let Some(line) = graphite::parse(line)? else {
            return Ok(0);
        };
        let own = graphite::series_key(line.identity)?;
        let at_ms = line.timestamp_ms.unwrap_or_else(|| (self.clock)());
        self.passing.pass(&own, at_ms, line.value)?;
        Ok(1)
    }

    #[cold]
    fn refuse(&self, line: &[u8], reason: Reject) {
        self.received.increment(1);
        counter!("weir_agent_graphite_rejected_total", "protocol" => self.protocol, "reason" => reason.as_str())
            .increment(1);
        let (now_ms, mut last_ms) = ((self.clock)(), self.complained_ms.lock());
        let is_due = last_ms.is_none_or(|last| (now_ms - last).abs() >= COMPLAIN_EVERY_MS);
        if is_due {
            *last_ms = Some(now_ms);
            tracing::warn!(
                "{}: refused {}",
                self.protocol,
                graphite::explain(line, reason)
            );
        }
    }
}
