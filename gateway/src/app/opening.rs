//! The store and the alerting of a configuration, and what a start found.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use weir_alerting::Alerting;
use weir_query::Source;
use weir_store::{Clock, Options, Recovery, Store};

use crate::admission::Admission;
use crate::asking;
use crate::config::Config;
use crate::source::StoreSource;

/// What the configuration means for the store.
fn store_options(config: &Config, clock: &Clock) -> Options {
    let ms = |duration: Duration| duration.as_millis() as i64;
    let store = &config.store;
    Options {
        window_ms: ms(store.window),
        grace_ms: ms(store.grace),
        raw_ms: ms(store.raw),
        minute_ms: ms(store.minute),
        hour_ms: ms(store.hour),
        policies: store.policies.clone(),
        future_ms: ms(store.future),
        sync_interval: store.sync_interval,
        max_series: store.max_series,
        head_idle_ms: ms(store.head_idle),
        max_head_bytes: store.max_head_bytes,
        max_journal_bytes: store.max_journal_bytes,
        max_open_windows: store.max_open_windows,
        disk_reserve_bytes: store.disk_reserve_bytes,
        cache_bytes: store.cache_bytes as usize,
        ..Options::new(config.data_dir.clone(), Arc::clone(clock))
    }
}

pub(super) async fn start_store(config: &Config, clock: &Clock) -> anyhow::Result<Arc<Store>> {
    let options = store_options(config, clock);
    let started = tokio::task::spawn_blocking(move || Store::start(options)).await?;
    Ok(Arc::new(started.context("store")?))
}

/// Nothing is asked and nobody told before it runs.
pub(super) fn open_alerting(
    config: &Config,
    clock: &Clock,
    source: &Arc<StoreSource>,
    admission: &Admission,
) -> anyhow::Result<Alerting> {
    let asked = asking::Asking::new(
        Arc::clone(source) as Arc<dyn Source>,
        asking::engine(config.lookback),
        config.query.clone(),
    );
    let record = Some(asking::record(admission.clone()));
    let (config, clock) = (config.alerting.clone(), Arc::clone(clock));
    Alerting::open(config, asked.ask(), asking::check(), clock, record).context("alerting")
}

/// Says what a start found, in the log and as gauges.
pub(super) fn report(recovery: &Recovery) {
    let Recovery {
        series,
        samples,
        journal_groups,
        torn_bytes,
        damage,
        orphans,
    } = recovery;
    tracing::info!(
        "{series} series; {samples} samples of {journal_groups} groups read back from the journal"
    );
    if *torn_bytes > 0 {
        tracing::warn!("{torn_bytes} bytes of a torn tail were cut: they were never acknowledged");
    }
    for range in damage {
        tracing::error!("damaged: {range}; what was there is lost, the rest is served");
    }
    if *orphans > 0 {
        tracing::error!("{orphans} samples belong to series lost with the damage");
    }
    let facts = [
        ("torn", *torn_bytes),
        ("damaged_ranges", damage.len() as u64),
    ];
    for (what, count) in facts {
        metrics::gauge!("weir_store_recovery", "what" => what).set(count as f64);
    }
}
