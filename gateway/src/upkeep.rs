//! What happens by the clock: the beat of `up`, sealing windows that are over, dropping what is too old.

use std::sync::Arc;
use std::time::Duration;

use metrics::{counter, gauge};
use tokio::time::{Instant, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use weir_store::{Clock, Store, StoreError};

use crate::admission::Admission;
use crate::presence::Presence;
use crate::retention::Retention;

const SEAL_EVERY: Duration = Duration::from_secs(15);
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Stores `up` of every host, again and again.
pub(crate) async fn beat(
    presence: Arc<Presence>,
    admission: Admission,
    every: Duration,
    stop: CancellationToken,
) {
    let mut ticks = ticks(every);
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            _ = ticks.tick() => presence.store(&admission).await,
        }
    }
    // Those who said goodbye while the listeners were stopped.
    presence.store(&admission).await;
}

/// Turns past windows into tables and drops what is older than is kept; what is near a limit is sealed at once. A step
/// that fails is told and tried again, and holds up none of the others.
pub(crate) async fn seal(
    store: Arc<Store>,
    clock: Clock,
    mut retention: Retention,
    stop: CancellationToken,
) {
    let (mut seals, mut looks) = (ticks(SEAL_EVERY), ticks(LOOK_EVERY));
    let mut tended = Instant::now();
    let mut in_vain = false;
    loop {
        let all = tokio::select! {
            () = stop.cancelled() => return,
            _ = seals.tick() => true,
            _ = looks.tick() => false,
        };
        // Where sealing gave no room, doing it every second would only make small tables.
        if !all && (in_vain || !store.is_near_limit()) {
            continue;
        }
        let (tending, now_ms) = (Arc::clone(&store), clock());
        let work = match all {
            true => {
                let retention_ms = retention.advance(now_ms, tended.elapsed());
                tended = Instant::now();
                tokio::task::spawn_blocking(move || tend(&tending, now_ms, retention_ms))
            }
            false => tokio::task::spawn_blocking(move || relieve(&tending, now_ms)),
        };
        if let Err(error) = work.await {
            tracing::error!("sealing ended: {error}");
        }
        in_vain = store.is_near_limit();
    }
}

fn relieve(store: &Store, now_ms: i64) {
    told("making room", store.relieve(now_ms));
}

fn tend(store: &Store, now_ms: i64, retention_ms: i64) {
    relieve(store, now_ms);
    if let Some(sealed) = told("sealing", store.seal(now_ms))
        && sealed.windows > 0
    {
        tracing::info!(
            "{} windows sealed: {} chunks, {} samples, {} bytes",
            sealed.windows,
            sealed.chunks,
            sealed.samples,
            sealed.chunk_bytes
        );
    }
    if let Some(days) = told("making points", store.roll_up(now_ms))
        && days > 0
    {
        tracing::info!("points of an hour made of {days} days");
    }
    told("dropping what is too old", store.drop_expired(retention_ms));
}

fn told<T>(step: &'static str, result: Result<T, StoreError>) -> Option<T> {
    result
        .inspect_err(|error| {
            counter!("weir_store_upkeep_failures_total", "step" => step).increment(1);
            tracing::error!("{step} failed and will be tried again: {error}");
        })
        .ok()
}

/// Looks every second whether there is room for writes, and how large everything is.
pub(crate) async fn look(store: Arc<Store>, stop: CancellationToken) {
    let mut ticks = ticks(LOOK_EVERY);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        store.look_for_room();
        let stats = store.stats();
        gauge!("weir_store_series").set(stats.series as f64);
        gauge!("weir_store_head_samples").set(stats.head_samples as f64);
        gauge!("weir_store_head_bytes").set(stats.head_bytes as f64);
        gauge!("weir_store_head_held_bytes").set(stats.head_held_bytes as f64);
        gauge!("weir_store_journal_bytes").set(stats.journal_bytes as f64);
        gauge!("weir_store_open_windows").set(stats.open_windows as f64);
        gauge!("weir_store_sealed_windows").set(stats.sealed_windows as f64);
    }
}

fn ticks(every: Duration) -> tokio::time::Interval {
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

#[cfg(test)]
mod tests;
