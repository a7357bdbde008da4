//! The ends of intervals: aligned to the clock that was handed in, so that all gateways cut time at the same places. What
//! an interval gave goes to the store as the gateway's own.

use std::time::{Duration, Instant};

use metrics::{counter, gauge, histogram};
use tokio_util::sync::CancellationToken;
use weir_store::Clock;
use weir_wire::{Histogram, Reject, Sample, SeriesKey, Value};

use super::FLUSH;
use super::taker::Taking;
use crate::admission::{Admission, Source};
use crate::listen::intake::Intake;

/// Samples handed over together.
const TOGETHER: usize = 65_536;

pub(super) struct Flush {
    taking: Taking,
    interval_ms: i64,
    intake: Intake,
    admission: Admission,
    is_graphite: bool,
    clock: Clock,
}

impl Flush {
    pub(super) fn new(
        taking: &Taking,
        interval: Duration,
        admission: &Admission,
        clock: Clock,
    ) -> Self {
        let is_graphite = taking.lock().is_graphite();
        let sender = admission.sender(FLUSH, Source::Gateway);
        let sender = sender.of_aggregates(!is_graphite);
        Self {
            is_graphite,
            taking: taking.clone(),
            interval_ms: interval.as_millis().max(1) as i64,
            intake: Intake::new(sender, admission.clone(), clock.clone()),
            admission: admission.clone(),
            clock,
        }
    }

    /// Ends intervals until told to stop; the open one is left to [`Flush::last`].
    pub(super) async fn run(&mut self, shutdown: &CancellationToken) {
        loop {
            let now_ms = (self.clock)();
            let at_ms = weir_aggregate::end_after(now_ms, self.interval_ms);
            // A clock that was set back makes one long interval at most.
            let wait_ms = (at_ms - now_ms).clamp(1, self.interval_ms);
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(Duration::from_millis(wait_ms.unsigned_abs())) => {}
            }
            // Woken early, by a clock that goes slower than the runtime's.
            if (self.clock)() + self.interval_ms / 2 >= at_ms {
                self.end(at_ms).await;
            }
        }
    }

    /// Ends the open interval now, and waits until everything is on disk.
    pub(super) async fn last(mut self) {
        self.end((self.clock)()).await;
        self.intake.all_stored().await;
    }

    async fn end(&mut self, at_ms: i64) {
        let started = Instant::now();
        // The interval is held no longer than it takes to begin the next.
        let ended = self.taking.lock().end(at_ms);
        let closed = ended.close();
        gauge!("weir_statsd_series").set(closed.series as f64);
        counter!("weir_statsd_expired_series_total").increment(closed.expired as u64);
        for (key, sample) in closed.samples {
            if let Err(reason) = self.put(&key, sample) {
                self.intake.refuse(reason, 1);
            }
            if self.intake.len() >= TOGETHER {
                self.intake.store().await;
            }
        }
        self.intake.store().await;
        histogram!("weir_statsd_flush_seconds").record(started.elapsed());
    }

    fn put(&mut self, key: &SeriesKey, sample: Sample) -> Result<(), Reject> {
        let (admission, is_graphite) = (&self.admission, self.is_graphite);
        // What the aggregator keeps under labels was mapped when it came; Graphite's paths are mapped as those of lines.
        let mapped = || match is_graphite {
            true => admission.mapper().map(key.clone(), None),
            false => Ok(key.clone()),
        };
        let Sample {
            timestamp_ms,
            value,
        } = sample;
        let identity = key.identity();
        match value {
            Value::Float(value) => self.intake.float(
                identity,
                |keys| {
                    keys.push_key(&mapped()?);
                    Ok(())
                },
                Some(timestamp_ms),
                value,
            ),
            Value::Histogram(histogram) => {
                let histogram: Histogram = (*histogram).clone();
                self.intake
                    .histogram(identity, mapped, timestamp_ms, histogram)
            }
        }
    }
}
