//! The composition: binds every socket, starts the store, introduces it to query and alerting, starts every task, and
//! stops them in the order of the data. What comes in is taken before the store has read its journal back; what asks or
//! tends it begins after that. Tests start this in their own process on port 0.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::{TcpListener, UdpSocket};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use weir_alerting::Alerting;
use weir_query::Source;
use weir_store::{Clock, Options, Recovery, Store, StoreError};

use crate::access::{Access, Door, keep_current};
use crate::admission::Admission;
use crate::aggregation::Aggregation;
use crate::config::Config;
use crate::http::{self, Admin, Api, Entrance, HttpAuth, Taking};
use crate::listen::{
    Bound, FrameListener, GraphiteTcp, GraphiteUdp, HttpPort, InfluxUdp, OpenTsdbTcp, PickleTcp,
    Statsd, bind_statsd, bind_tcp, bind_udp,
};
use crate::mapping::Mapper;
use crate::presence::Presence;
use crate::reloading::Reloading;
use crate::retention::Retention;
use crate::source::StoreSource;
use crate::{asking, keeping, upkeep};

/// How long listeners and the page get to finish what they have.
const GRACE: Duration = Duration::from_secs(10);
/// How often it is told how much of the journal was read back.
const TELL_EVERY: Duration = Duration::from_secs(2);
/// How long the first beat may take before alerting begins without it: there may be no room for writes.
const FIRST_BEAT: Duration = Duration::from_secs(2);

/// Where a started gateway listens.
#[derive(Debug, Clone)]
pub struct Addresses {
    pub http: SocketAddr,
    pub frames: SocketAddr,
    /// TCP, then UDP; the same port unless it was given as 0.
    pub graphite: Option<(SocketAddr, SocketAddr)>,
    pub pickle: Option<SocketAddr>,
    pub opentsdb: Option<SocketAddr>,
    /// TCP, then UDP, as Graphite's.
    pub statsd: Option<(SocketAddr, SocketAddr)>,
    pub influx_udp: Option<SocketAddr>,
}

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

/// What the API shows of the store itself, and does with it.
struct Kept {
    admin: Option<Admin>,
    store: Arc<Store>,
    admission: Admission,
    door: Door,
    taking: Arc<Taking>,
}

/// Tasks that stop together.
struct Stage {
    name: &'static str,
    tasks: TaskTracker,
    stop: CancellationToken,
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
        let page = bind_tcp("http.listen", config.http).await?;
        let frames = bind_tcp("frames.listen", config.frames).await?;
        let graphite = bind_graphite(&config).await?;
        let pickle = bind_if_any("graphite.pickle_listen", config.pickle).await?;
        let opentsdb = bind_if_any("opentsdb.listen", config.opentsdb).await?;
        let statsd = bind_statsd(&config.statsd.addresses).await?;
        let influx_udp = config
            .influx_udp
            .map(|at| bind_udp("influx.udp_listen", at));
        let influx_udp = influx_udp.transpose()?;
        let addresses = Addresses {
            http: page.address,
            frames: frames.address,
            graphite: graphite
                .as_ref()
                .map(|(tcp, udp)| (tcp.address, udp.address)),
            pickle: pickle.as_ref().map(|bound| bound.address),
            opentsdb: opentsdb.as_ref().map(|bound| bound.address),
            statsd: statsd.addresses,
            influx_udp: influx_udp.as_ref().map(|bound| bound.address),
        };
        let access = Access::open(&config.access, Arc::clone(&clock))?;
        let door = |listener, door: &crate::access::DoorConfig| {
            Door::new(listener, door.clone(), Arc::clone(&access))
        };
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
        intake.spawn(|stop| {
            let (store, admission, presence) =
                (Arc::clone(&store), admission.clone(), Arc::clone(&presence));
            let (listener, token) = (frames.socket, config.frames_token.clone());
            let door = door("frames", &config.frames_door);
            FrameListener {
                listener,
                door,
                store,
                admission,
                presence,
                token,
            }
            .run(stop)
        });
        if let Some((tcp, udp)) = graphite {
            let (clock, max_connections) = (Arc::clone(&clock), config.graphite_max_connections);
            let (listener, socket) = (tcp.socket, udp.socket);
            let taken = GraphiteTcp {
                listener,
                admission: admission.clone(),
                clock: Arc::clone(&clock),
                max_connections,
                door: door("graphite", &config.graphite_door),
            };
            intake.spawn(|stop| taken.run(stop));
            let taken = GraphiteUdp {
                socket,
                admission: admission.clone(),
                clock,
                door: door("graphite_udp", &config.graphite_udp_door),
            };
            intake.spawn(|stop| taken.run(stop));
        }
        if let Some(bound) = pickle {
            let taken = PickleTcp {
                listener: bound.socket,
                admission: admission.clone(),
                clock: Arc::clone(&clock),
                max_connections: config.graphite_max_connections,
                door: door("pickle", &config.graphite_door),
            };
            intake.spawn(|stop| taken.run(stop));
        }
        if let Some(bound) = opentsdb {
            let taken = OpenTsdbTcp {
                listener: bound.socket,
                admission: admission.clone(),
                clock: Arc::clone(&clock),
                max_connections: config.opentsdb_max_connections,
                door: door("opentsdb", &config.opentsdb_door),
                rules: config.taking.opentsdb_rules,
                http: http::opentsdb_router(
                    Entrance {
                        door: door("opentsdb", &config.opentsdb_door),
                        auth: match config.opentsdb_door.auth {
                            true => HttpAuth::Write,
                            false => HttpAuth::Off,
                        },
                        admission: admission.clone(),
                        now: Arc::clone(&clock),
                    },
                    Arc::clone(&taking),
                ),
            };
            intake.spawn(|stop| taken.run(stop));
        }
        if let Some(bound) = influx_udp {
            let taken = InfluxUdp {
                socket: bound.socket,
                admission: admission.clone(),
                clock: Arc::clone(&clock),
                precision: config.influx_udp_precision,
                naming: config.taking.influx_naming.clone(),
                door: door("influx", &config.influx_udp_door),
            };
            intake.spawn(|stop| taken.run(stop));
        }
        if statsd.any() {
            let config = config.statsd.clone();
            let doors = (
                door("statsd", &config.door),
                door("statsd_udp", &config.udp_door),
            );
            let taken = Statsd::new(statsd, doors, config, admission.clone(), Arc::clone(&clock));
            intake.spawn(|stop| taken.run(stop));
        }
        let inner = Stage::new("upkeep");
        inner.spawn(|stop| aggregator.run(admission.clone(), stop));
        inner.spawn(|stop| upkeep::look(Arc::clone(&store), stop));
        inner.spawn(|stop| keep_current(Arc::clone(&access), stop));

        let ready = Arc::new(AtomicBool::new(false));
        let page_stop = CancellationToken::new();
        let kept = Kept {
            admin: config
                .admin
                .then(|| keeping::admin(&store, &clock, &config.data_dir)),
            store: Arc::clone(&store),
            admission: admission.clone(),
            door: door("http", &config.http_door),
            taking: Arc::clone(&taking),
        };
        let api = api(
            source,
            &config,
            Arc::clone(&clock),
            &reloading,
            metrics,
            kept,
            Arc::clone(&ready),
        );
        let port = HttpPort {
            listener: page.socket,
            door: door("http", &config.http_door),
            routes: http::router(api),
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

impl Stage {
    fn new(name: &'static str) -> Self {
        Self {
            name,
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        }
    }

    fn spawn<F>(&self, task: impl FnOnce(CancellationToken) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.tasks.spawn(task(self.stop.clone()));
    }

    async fn end(&self) {
        self.stop.cancel();
        self.tasks.close();
        if tokio::time::timeout(GRACE, self.tasks.wait())
            .await
            .is_err()
        {
            tracing::warn!(
                "{} of the {} were still busy after {GRACE:?}",
                self.tasks.len(),
                self.name
            );
        }
    }
}

fn api(
    source: Arc<StoreSource>,
    config: &Config,
    now: Clock,
    reloading: &Reloading,
    metrics: PrometheusHandle,
    kept: Kept,
    ready: Arc<AtomicBool>,
) -> Api {
    let (alerts, rules) = (
        Arc::clone(&reloading.alerting),
        Arc::clone(&reloading.alerting),
    );
    let reloading = reloading.clone();
    let starting = Arc::clone(&kept.store);
    let broken = Arc::clone(&kept.store);
    let clock = Arc::clone(&now);
    Api {
        source,
        engine: asking::engine(config.lookback),
        permits: Api::permits(&config.query),
        limits: config.query.clone(),
        now,
        alerts: Arc::new(move || alerts.alerts_json()),
        rules: Arc::new(move || rules.rules_json()),
        reload: config.admin.then(|| -> http::Reload {
            Arc::new(move || reloading.reload().map_err(|error| format!("{error:#}")))
        }),
        admin: kept.admin,
        cardinality: Arc::new(move |limit| {
            keeping::cardinality_json(kept.store.cardinality(limit))
        }),
        ready,
        starting: Arc::new(move || {
            let percent = starting.starting()?;
            Some(StoreError::Starting { percent }.to_string())
        }),
        broken: Arc::new(move || broken.broken()),
        taking: kept.taking,
        ledger: Arc::clone(kept.admission.ledger()),
        entrance: Entrance {
            door: kept.door,
            auth: config.http_auth,
            admission: kept.admission.clone(),
            now: clock,
        },
        guard: {
            let admission = kept.admission.clone();
            Arc::new(move |limit| admission.guard_json(limit))
        },
        metrics,
    }
}

async fn bind_graphite(
    config: &Config,
) -> anyhow::Result<Option<(Bound<TcpListener>, Bound<UdpSocket>)>> {
    let Some(address) = config.graphite else {
        return Ok(None);
    };
    let tcp = bind_tcp("graphite.listen", address).await?;
    let udp = bind_udp("graphite.listen", address)?;
    Ok(Some((tcp, udp)))
}

async fn bind_if_any(
    key: &'static str,
    address: Option<SocketAddr>,
) -> anyhow::Result<Option<Bound<TcpListener>>> {
    match address {
        Some(address) => Ok(Some(bind_tcp(key, address).await?)),
        None => Ok(None),
    }
}

/// What the configuration means for the store.
pub(crate) fn store_options(config: &Config, clock: &Clock) -> Options {
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

async fn start_store(config: &Config, clock: &Clock) -> anyhow::Result<Arc<Store>> {
    let options = store_options(config, clock);
    let started = tokio::task::spawn_blocking(move || Store::start(options)).await?;
    Ok(Arc::new(started.context("store")?))
}

/// Nothing is asked and nobody told before it runs.
fn open_alerting(
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

fn report(recovery: &Recovery) {
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
    let facts = BTreeMap::from([
        ("torn", *torn_bytes),
        ("damaged_ranges", damage.len() as u64),
    ]);
    for (what, count) in facts {
        metrics::gauge!("weir_store_recovery", "what" => what).set(count as f64);
    }
}
