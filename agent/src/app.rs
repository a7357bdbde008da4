//! The composition of the agent: binds, starts every task, and stops them in the order of the data: listeners, queue,
//! uplink, spool, status. Tests start it in their own process on port 0.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::Context;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::collect::Collectors;
use crate::config::Config;
use crate::drops::Drops;
use crate::figures::Figures;
use crate::queue::Queue;
use crate::spool::SpoolConfig;
use crate::spooler::{Depot, Spooler, Turns};
use crate::statsd::{self, StatsdListener};
use crate::status::{self, Page, Status};
use crate::uplink::{Backlog, Caller, Identity, Outbox, PaceConfig, Uplink};

/// Milliseconds since 1970; handed in, so that tests hold the time.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// How long a stop waits for acknowledgements.
const GRACE: Duration = Duration::from_secs(5);

/// A running agent.
pub struct Agent {
    pub statsd: Option<SocketAddr>,
    pub status: Option<SocketAddr>,
    sources: TaskTracker,
    stop_sources: CancellationToken,
    uplink: TaskTracker,
    stop_uplink: CancellationToken,
    /// The spool, and the page that tells of it.
    last: TaskTracker,
    stop_last: CancellationToken,
    outbox: Arc<Outbox>,
}

/// What the tasks share.
#[derive(Clone)]
struct Shared {
    clock: Clock,
    outbox: Arc<Outbox>,
    depot: Arc<Depot>,
    drops: Arc<Drops>,
    status: Arc<Status>,
}

impl Agent {
    /// Binds and starts everything. `boot` must be unlike in every other start of this host's agent.
    ///
    /// # Errors
    /// A port in use, named with its key.
    pub async fn start(config: Config, clock: Clock, boot: u64) -> anyhow::Result<Self> {
        let metrics = install_metrics();
        let drops = Arc::new(Drops::default());
        let queue = Queue::new(
            config.queue_max_bytes,
            config.priorities.clone(),
            Arc::clone(&drops),
        );
        let shared = Shared {
            outbox: Arc::new(Outbox::new(queue)),
            depot: Arc::default(),
            drops,
            status: Arc::new(Status::new(Arc::clone(&clock))),
            clock,
        };
        let host = ("host".to_owned(), config.host.clone());
        let labels: Vec<_> = config.labels.iter().cloned().chain([host]).collect();
        let page = bind_status(config.status).await?;
        let listener = bind_statsd(&config, &labels, &shared.clock, &shared.outbox)?;
        let mut agent = Self {
            statsd: listener
                .as_ref()
                .map(|listener| listener.socket.local_addr())
                .transpose()?,
            status: page.as_ref().map(TcpListener::local_addr).transpose()?,
            sources: TaskTracker::new(),
            stop_sources: CancellationToken::new(),
            uplink: TaskTracker::new(),
            stop_uplink: CancellationToken::new(),
            last: TaskTracker::new(),
            stop_last: CancellationToken::new(),
            outbox: Arc::clone(&shared.outbox),
        };
        if let Some(listener) = listener {
            agent
                .sources
                .spawn(listener.run(config.interval, agent.stop_sources.clone()));
        }
        if let Some(listener) = page {
            let page = Page {
                status: Arc::clone(&shared.status),
                outbox: Arc::clone(&shared.outbox),
                depot: Arc::clone(&shared.depot),
                drops: Arc::clone(&shared.drops),
                metrics,
            };
            let stop = agent.stop_last.clone();
            agent.last.spawn(status::serve(listener, page, stop));
        }
        let collectors = Collectors::new(config.collect.clone()).context("collectors")?;
        let figures = Figures {
            collectors,
            config: config.collect.clone(),
            labels,
            clock: Arc::clone(&shared.clock),
            outbox: Arc::clone(&shared.outbox),
            status: Arc::clone(&shared.status),
        };
        agent
            .sources
            .spawn(figures.run(config.interval, agent.stop_sources.clone()));
        agent.start_uplink(config, boot, &shared).await;
        Ok(agent)
    }

    async fn start_uplink(&mut self, config: Config, boot: u64, shared: &Shared) {
        let caller = Caller {
            tls: config.tls,
            identity: Identity {
                host: config.host,
                token: config.token,
                boot,
                interval: config.interval,
                labels: config.labels,
            },
            patience: config.patience,
        };
        let (live, is_live) = watch::channel(None);
        let backlog_closed = CancellationToken::new();
        match config.spool {
            None => backlog_closed.cancel(),
            Some(spool) => {
                let backlog = Backlog {
                    caller: caller.clone(),
                    outbox: Arc::clone(&shared.outbox),
                    depot: Arc::clone(&shared.depot),
                    status: Arc::clone(&shared.status),
                    pace: PaceConfig {
                        share: spool.share,
                        min_rate: spool.min_rate,
                    },
                    live: is_live,
                    closed: backlog_closed.clone(),
                };
                self.start_spooler(spool, boot, shared).await;
                self.uplink.spawn(backlog.run(self.stop_uplink.clone()));
            }
        }
        let uplink = Uplink {
            gateways: config.gateways,
            caller,
            outbox: Arc::clone(&shared.outbox),
            status: Arc::clone(&shared.status),
            grace: GRACE,
            live,
            backlog_closed,
        };
        self.uplink.spawn(uplink.run(self.stop_uplink.clone()));
    }

    /// What a former process left is known when this returned.
    async fn start_spooler(&mut self, config: SpoolConfig, boot: u64, shared: &Shared) {
        let mut spooler = Spooler {
            config,
            boot,
            clock: Arc::clone(&shared.clock),
            outbox: Arc::clone(&shared.outbox),
            depot: Arc::clone(&shared.depot),
            drops: Arc::clone(&shared.drops),
            turns: Turns::default(),
        };
        spooler.open().await;
        self.last.spawn(spooler.run(self.stop_last.clone()));
    }

    /// Stops listening, closes the open interval, delivers what is queued within the grace, says goodbye, and puts on disk
    /// what is left.
    pub async fn stop(self) {
        self.stop_sources.cancel();
        self.sources.close();
        if tokio::time::timeout(GRACE, self.sources.wait())
            .await
            .is_err()
        {
            tracing::warn!("a listener or collector was still busy and is cut off");
        }
        self.stop_uplink.cancel();
        self.uplink.close();
        if tokio::time::timeout(GRACE * 2, self.uplink.wait())
            .await
            .is_err()
        {
            tracing::warn!("the uplink was still busy and is cut off");
        }
        self.stop_last.cancel();
        self.last.close();
        if tokio::time::timeout(GRACE * 2, self.last.wait())
            .await
            .is_err()
        {
            tracing::warn!("the spool's disk or the status port was still busy and is cut off");
        }
        let lost = self.outbox.queue.lock().lost();
        if lost > 0 {
            tracing::warn!("stopped with {lost} batches that are neither acknowledged nor on disk");
        }
    }
}

async fn bind_status(address: Option<SocketAddr>) -> anyhow::Result<Option<TcpListener>> {
    let Some(address) = address else {
        return Ok(None);
    };
    let bound = TcpListener::bind(address).await;
    let bound =
        bound.with_context(|| format!("cannot listen on TCP {address} (key status.listen)"))?;
    Ok(Some(bound))
}

fn bind_statsd(
    config: &Config,
    labels: &[(String, String)],
    clock: &Clock,
    outbox: &Arc<Outbox>,
) -> anyhow::Result<Option<StatsdListener>> {
    let Some(statsd) = &config.statsd else {
        return Ok(None);
    };
    let socket = statsd::bind(statsd.listen)
        .with_context(|| format!("cannot listen on UDP {} (key statsd.listen)", statsd.listen))?;
    let labels = labels.to_vec();
    Ok(Some(StatsdListener::new(
        socket,
        statsd,
        labels,
        Arc::clone(clock),
        Arc::clone(outbox),
    )))
}

/// The recorder is one a process, whoever starts first: tests start several agents.
fn install_metrics() -> PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    let handle = HANDLE.get_or_init(|| {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        // Refused only when the program around us has its own; then that one has the figures.
        let _ = metrics::set_global_recorder(recorder);
        handle
    });
    handle.clone()
}
