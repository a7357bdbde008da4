//! The host's own figures, each interval: collected on a thread that may block, labelled, queued. What hangs or
//! fails holds up figures only, never heartbeats or StatsD.

use std::sync::Arc;
use std::time::Duration;

use metrics::{counter, histogram};
use tokio_util::sync::CancellationToken;
use weir_wire::{Sample, SeriesKey, Value};

use crate::app::Clock;
use crate::collect::{CollectConfig, Collectors, Figure};
use crate::queue::Point;
use crate::status::Status;
use crate::ticks::{Tick, Ticks};
use crate::uplink::Outbox;

pub(crate) struct Figures {
    pub collectors: Collectors,
    /// What the collectors were made from.
    pub config: CollectConfig,
    /// `host` and the configured ones.
    pub labels: Vec<(String, String)>,
    pub clock: Clock,
    pub outbox: Arc<Outbox>,
    pub status: Arc<Status>,
}

impl Figures {
    /// Collects until told to stop.
    pub(crate) async fn run(mut self, interval: Duration, shutdown: CancellationToken) {
        let mut ticks = Ticks::new(interval, Arc::clone(&self.clock));
        loop {
            let tick = tokio::select! {
                () = shutdown.cancelled() => return,
                tick = ticks.next() => tick,
            };
            let mut collectors = self.collectors;
            let started = std::time::Instant::now();
            let work = tokio::task::spawn_blocking(move || {
                let figures = collectors.collect();
                (collectors, figures)
            });
            let done = tokio::select! {
                () = shutdown.cancelled() => return,
                done = work => done,
            };
            let Ok((collectors, figures)) = done else {
                // A defect in one collector must not silence the host while its heartbeats go on.
                tracing::error!(
                    "collecting ended by a panic; it begins anew with the next interval"
                );
                counter!("weir_agent_collector_failures_total", "collector" => "all").increment(1);
                self.collectors = match Collectors::new(self.config.clone()) {
                    Ok(collectors) => collectors,
                    Err(_) => return,
                };
                continue;
            };
            histogram!("weir_agent_collect_seconds").record(started.elapsed());
            let health = collectors.health();
            for name in collectors.failed() {
                counter!("weir_agent_collector_failures_total", "collector" => name).increment(1);
            }
            self.status.collected(health);
            self.collectors = collectors;
            let points = figures
                .iter()
                .filter_map(|figure| self.point(figure, tick))
                .collect();
            self.outbox.queue.lock().push(points);
            self.outbox.filled.notify_one();
        }
    }

    fn point(&self, figure: &Figure, Tick { at_ms }: Tick) -> Option<Point> {
        let common = self
            .labels
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        let own = figure
            .labels
            .iter()
            .map(|(name, value)| (*name, value.as_str()));
        let common = common.filter(|(name, _)| !figure.labels.iter().any(|(own, _)| own == name));
        let key = SeriesKey::new(&figure.name, own.chain(common)).ok()?;
        let value = Value::Float(figure.value);
        let sample = Sample {
            timestamp_ms: at_ms,
            value,
        };
        figure.value.is_finite().then_some((key, sample))
    }
}
