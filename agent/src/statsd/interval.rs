//! The open interval: the sums since it began, and when that was. Knows no socket.

use weir_aggregate::{Aggregator, AggregatorConfig, Closed, Everyone, Labels};
use weir_wire::Reject;
use weir_wire::statsd::Metric;

use crate::config::StatsdConfig;

pub(super) struct Interval {
    aggregator: Aggregator,
    begun_ms: i64,
}

/// What is worked out while the next interval is open already.
pub(super) struct Ended {
    ended: weir_aggregate::Ended,
    at_ms: i64,
}

impl Interval {
    pub(super) fn new(config: &StatsdConfig, labels: Labels, now_ms: i64) -> Self {
        Self {
            aggregator: Aggregator::new(AggregatorConfig {
                max_series: config.max_series,
                max_set_members: config.max_set_members,
                idle_intervals: config.idle_intervals,
                labels,
            }),
            begun_ms: now_ms,
        }
    }

    /// Takes metrics in their order; `each` is told what became of each.
    pub(super) fn record(
        &mut self,
        metrics: &[Metric<'_>],
        mut each: impl FnMut(Result<(), Reject>),
    ) {
        self.aggregator
            .record_all(metrics, &mut Everyone, |_, taken| each(taken));
    }

    /// Ends it at a time and begins the next.
    pub(super) fn end(&mut self, at_ms: i64) -> Ended {
        // A clock that was set back must not make an interval end before it began.
        let at_ms = at_ms.max(self.begun_ms + 1);
        let begun_ms = std::mem::replace(&mut self.begun_ms, at_ms);
        Ended {
            ended: self.aggregator.end(begun_ms, at_ms),
            at_ms,
        }
    }
}

impl Ended {
    pub(super) fn close(self) -> Closed {
        self.ended.close(self.at_ms)
    }
}
