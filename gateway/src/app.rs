//! The composition: binds every socket, starts the store, introduces it to query and alerting, starts every task, and
//! stops them in the order of the data. What comes in is taken before the store has read its journal back; what asks or
//! tends it begins after that. Tests start this in their own process on port 0.

mod api;
mod listeners;
mod opening;
mod sockets;
mod stage;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use weir_store::{Clock, Recovery, Store};

use self::api::Parts;
use self::listeners::Listeners;
use self::opening::{open_alerting, report, start_store};
use self::sockets::Sockets;
use self::stage::Stage;
use crate::access::{Access, keep_current};
use crate::admission::Admission;
use crate::aggregation::Aggregation;
use crate::config::Config;
use crate::http::{self, Taking};
use crate::listen::HttpPort;
use crate::mapping::Mapper;
use crate::presence::Presence;
use crate::reloading::Reloading;
use crate::retention::Retention;
use crate::source::StoreSource;
use crate::upkeep;

pub use self::sockets::Addresses;

/// How long listeners and the page get to finish what they have.
const GRACE: Duration = Duration::from_secs(10);
/// How often it is told how much of the journal was read back.
const TELL_EVERY: Duration = Duration::from_secs(2);
/// How long the first beat may take before alerting begins without it: there may be no room for writes.
const FIRST_BEAT: Duration = Duration::from_secs(2);

/// A running gateway.
pub struct Gateway {
    pub addresses: Addresses,
    /// What the start found; empty until [`Gateway::serve`].
    pub recovery: Recovery,
    store: Arc<Store>,
    taking: Arc<Taking>,
    admission: Admission,
    presence: Arc<Presence>,
    clock: Clock,
    beat: Duration,
    ready: Arc<AtomicBool>,
    intake: Stage,
    inner: Stage,
    reloading: Reloading,
    page: JoinHandle<()>,
    page_stop: CancellationToken,
}

impl Gateway {
    /// Opens and starts everything; on return every port is open and everything is answered.
    ///
    /// # Errors
    /// As for [`Gateway::listen`], [`Gateway::read_back`] and [`Gateway::serve`].
    pub async fn start(config: Config, clock: Clock) -> anyhow::Result<Self> {
        let mut gateway = Self::listen(config, clock).await?;
        let served = match gateway.read_back().await {
            Ok(recovery) => gateway.serve(recovery).await,
            Err(error) => Err(error),
        };
        match served {
            Ok(()) => Ok(gateway),
            Err(error) => {
                gateway.stop().await;
                Err(error)
            }
        }
    }

    /// Opens every port and takes what comes in. The page says that it is starting; queries are answered, and alerts
    /// looked at, from [`Gateway::serve`] on.
    ///
    /// # Errors
    /// The data directory cannot be had, a rule is wrong, or a port is in use: each named.
    pub async fn listen(config: Config, clock: Clock) -> anyhow::Result<Self> {
        let metrics = crate::self_metrics::install();
        // Sockets first: a second gateway on the same ports ends before it reads a journal.
        let sockets = Sockets::bind(&config).await?;
        let addresses = sockets.addresses.clone();
        let access = Access::open(&config.access, Arc::clone(&clock))?;
        let mapper = Mapper::open(config.graphite_mappings.clone()).context("graphite.mappings")?;
        let store = start_store(&config, &clock).await?;
        let admission = Admission::new(
            Arc::clone(&store),
            config.admission.clone(),
            Arc::clone(&clock),
        )
        .with_mapper(mapper.clone());
        let (aggregation, aggregator) = Aggregation::open(
            config.aggregation.clone(),
            Arc::clone(&store),
            Arc::clone(&clock),
        )
        .context("aggregation.rules")?;
        let admission = admission.with_aggregation(aggregation.clone());
        let taking = Taking::open(config.taking.clone(), &admission, &clock);
        let taking = Arc::new(taking.context("the pushed groups in data_dir")?);
        let presence = Arc::new(Presence::new(
            Arc::clone(&clock),
            config.beat.as_millis() as i64,
            config.forget_after.as_millis() as i64,
        ));
        let source = Arc::new(StoreSource(Arc::clone(&store)));
        let alerting = Arc::new(open_alerting(&config, &clock, &source, &admission)?);
        let reloading = Reloading {
            alerting: Arc::clone(&alerting),
            mapper,
            aggregation,
            access: Arc::clone(&access),
        };
        let intake = Stage::new("listeners");
        let listeners = Listeners {
            config: &config,
            stage: &intake,
            access: &access,
            store: &store,
            admission: &admission,
            presence: &presence,
            taking: &taking,
            clock: &clock,
        };
        let page = listeners.start(sockets);
        let inner = Stage::new("upkeep");
        inner.spawn(|stop| aggregator.run(admission.clone(), stop));
        inner.spawn(|stop| upkeep::look(Arc::clone(&store), stop));
        inner.spawn(|stop| keep_current(Arc::clone(&access), stop));

        let ready = Arc::new(AtomicBool::new(false));
        let page_stop = CancellationToken::new();
        let parts = Parts {
            config: &config,
            store: &store,
            source,
            admission: &admission,
            taking: &taking,
            reloading: &reloading,
            door: listeners.door("http", &config.http_door),
            ready: Arc::clone(&ready),
            metrics,
            clock: &clock,
        };
        let port = HttpPort {
            listener: page,
            door: listeners.door("http", &config.http_door),
            routes: http::router(parts.api()),
        };
        let page = tokio::spawn(port.run(page_stop.clone()));
        Ok(Self {
            addresses,
            recovery: Recovery::default(),
            store,
            taking,
            admission,
            presence,
            clock,
            beat: config.beat,
            ready,
            intake,
            inner,
            reloading,
            page,
            page_stop,
        })
    }

    /// Waits until the store has read its journal back, and tells now and then how far it is.
    ///
    /// # Errors
    /// The journal cannot be read.
    pub fn read_back(&self) -> impl Future<Output = anyhow::Result<Recovery>> + use<> {
        let store = Arc::clone(&self.store);
        async move {
            let waiting = Arc::clone(&store);
            let mut waiting = tokio::task::spawn_blocking(move || waiting.wait_until_read_back());
            let mut ticks = tokio::time::interval(TELL_EVERY);
            ticks.tick().await;
            loop {
                tokio::select! {
                    done = &mut waiting => return done?.context("store"),
                    _ = ticks.tick() => if let Some(percent) = store.starting() {
                        tracing::info!("read back {percent} % of the journal; writes are taken");
                    }
                }
            }
        }
    }

    /// Takes up what needs the whole store: who was up, the beat, upkeep and alerting.
    ///
    /// # Errors
    /// The store's.
    pub async fn serve(&mut self, recovery: Recovery) -> anyhow::Result<()> {
        report(&recovery);
        self.recovery = recovery;
        // Before the first beat: that is by a clock which may be wrong.
        let now_ms = (self.clock)();
        let retention = Retention::new(now_ms, self.store.newest_ms(now_ms));
        let known = self.presence.restore(&self.store)?;
        tracing::info!("{known} hosts were up or down before this start");
        // Before the first rule is looked at: after a long absence it would find nobody.
        let first = self.presence.store(&self.admission);
        if tokio::time::timeout(FIRST_BEAT, first).await.is_err() {
            tracing::warn!(
                "the first beat of `up` still waits for room; alerting begins without it"
            );
        }
        let (presence, admission, every) = (
            Arc::clone(&self.presence),
            self.admission.clone(),
            self.beat,
        );
        self.inner
            .spawn(|stop| upkeep::beat(presence, admission, every, stop));
        let (store, clock) = (Arc::clone(&self.store), Arc::clone(&self.clock));
        self.inner
            .spawn(|stop| upkeep::seal(store, clock, retention, stop));
        let taking = Arc::clone(&self.taking);
        self.inner.spawn(|stop| http::remember(taking, stop));
        let alerting = Arc::clone(&self.reloading.alerting);
        self.inner
            .spawn(|stop| async move { alerting.run(stop).await });
        self.ready.store(true, Ordering::Release);
        Ok(())
    }

    /// Reads all rule files again; the old rules stay when any of the new ones is refused.
    ///
    /// # Errors
    /// What is wrong with the rules.
    pub async fn reload(&self) -> anyhow::Result<()> {
        let reloading = self.reloading.clone();
        tokio::task::spawn_blocking(move || reloading.reload()).await?
    }

    /// Stops in the order of the data: listeners, upkeep and alerting, the page, and last the store.
    pub async fn stop(self) {
        self.ready.store(false, Ordering::Release);
        // Whoever waits for the journal to be read back would wait for nothing: what is written stays written.
        self.store.stop_starting();
        self.intake.end().await;
        self.inner.end().await;
        self.page_stop.cancel();
        if tokio::time::timeout(GRACE, self.page).await.is_err() {
            tracing::warn!("requests were still running after {GRACE:?} and are cut off");
        }
        let store = self.store;
        if tokio::task::spawn_blocking(move || store.close())
            .await
            .is_err()
        {
            tracing::error!("closing the store failed");
        }
    }
}
