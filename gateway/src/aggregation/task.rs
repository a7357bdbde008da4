//! The task that owns the intervals: takes samples as they come, tells what is due, and at the end gives back what is
//! nowhere else.

use std::time::Duration;

use metrics::{counter, gauge};
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use weir_aggregate::rules::{Caps, Emitted, Engine, Taken};
use weir_store::{Clock, Points, SeriesId};
use weir_wire::Reject;

use super::{Batch, PROTOCOL};
use crate::admission::{Admission, Sender, Source};

/// How often intervals are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Owns the engine.
pub(crate) struct Aggregator {
    batches: mpsc::Receiver<Batch>,
    engine: Engine,
    clock: Clock,
}

impl Aggregator {
    pub(super) fn new(batches: mpsc::Receiver<Batch>, caps: Caps, clock: Clock) -> Self {
        Self {
            batches,
            engine: Engine::new(caps),
            clock,
        }
    }

    /// Serves until told to stop; then takes what is on its way, tells what is due, and stores the originals of intervals
    /// that were not told: after a start those are no aggregates, since they could not be whole.
    pub(crate) async fn run(mut self, admission: Admission, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                batch = self.batches.recv() => match batch {
                    Some(batch) => self.take(&batch),
                    None => break,
                },
                _ = ticks.tick() => self.tell(&admission).await,
            }
        }
        self.batches.close();
        while let Some(batch) = self.batches.recv().await {
            self.take(&batch);
        }
        self.tell(&admission).await;
        self.give_back(&admission).await;
    }

    fn take(&mut self, batch: &Batch) {
        let now_ms = (self.clock)();
        let (mut all, mut withheld) = (Taken::default(), Taken::default());
        for (plan, point) in &batch.samples {
            let taken = self.engine.take(plan, point, now_ms);
            add(&mut all, taken);
            if point.is_withheld {
                add(&mut withheld, outcome(taken));
            }
        }
        for (result, count) in [
            ("taken", all.taken),
            ("late", all.late),
            ("early", all.early),
            ("full", all.full),
            ("partial", all.partial),
        ] {
            if count > 0 {
                counter!("weir_aggregation_samples_total", "result" => result).increment(count);
            }
        }
        let sender = &batch.sender;
        sender.aggregate(withheld.taken, 0);
        sender.refuse(Reject::TooOld, withheld.late + withheld.partial);
        sender.refuse(Reject::TooEarly, withheld.early);
        sender.refuse(Reject::OverLimit, withheld.full);
    }

    async fn tell(&mut self, admission: &Admission) {
        let emitted = self.engine.due((self.clock)());
        gauge!("weir_aggregation_groups").set(self.engine.groups() as f64);
        gauge!("weir_aggregation_held_samples").set(self.engine.held() as f64);
        let Emitted {
            samples,
            told,
            corrected,
            unfit,
        } = emitted;
        counter!("weir_aggregation_intervals_total", "kind" => "told").increment(told);
        counter!("weir_aggregation_intervals_total", "kind" => "corrected").increment(corrected);
        counter!("weir_aggregation_unfit_total").increment(unfit);
        let sender = own(admission);
        let mut points = Points::with_capacity(samples.len());
        for (key, sample) in &samples {
            match admission.resolve(&sender, key) {
                Ok(series) => points.push_sample(series, sample),
                Err(reason) => sender.refuse(reason, 1),
            }
        }
        store(admission, points).await;
    }

    async fn give_back(&mut self, admission: &Admission) {
        let mut points = Points::default();
        for (series, sample) in self.engine.untold() {
            points.push_sample(SeriesId::from_number(series), &sample);
        }
        if !points.is_empty() {
            tracing::info!(
                "{} samples of open intervals are stored themselves",
                points.len()
            );
        }
        store(admission, points).await;
    }
}

fn own(admission: &Admission) -> Sender {
    admission.sender(PROTOCOL, Source::Gateway)
}

async fn store(admission: &Admission, points: Points) {
    if points.is_empty() {
        return;
    }
    if let Err(error) = admission.store(&own(admission), points).await {
        tracing::warn!("aggregates were not stored: {error}");
    }
}

/// A sample counts once: as taken if any group took it, else by the first cause.
fn outcome(taken: Taken) -> Taken {
    let mut one = Taken::default();
    let places = [
        (taken.taken, &mut one.taken),
        (taken.full, &mut one.full),
        (taken.early, &mut one.early),
        (taken.late, &mut one.late),
        (taken.partial, &mut one.partial),
    ];
    if let Some((_, place)) = places.into_iter().find(|(count, _)| *count > 0) {
        *place = 1;
    }
    one
}

fn add(sum: &mut Taken, more: Taken) {
    sum.taken += more.taken;
    sum.late += more.late;
    sum.early += more.early;
    sum.full += more.full;
    sum.partial += more.partial;
}
