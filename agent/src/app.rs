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

use crate::config::Config;
use crate::drops::Drops;
use crate::pushed::Pushes;
use crate::queue::Queue;
use crate::sink::Sink;
use crate::sources::{Around, Sources};
use crate::spooler::{Depot, Spooler, Turns};
use crate::status::{self, Page, Status};
use crate::uplink::{Backlog, Caller, Identity, Outbox, PaceConfig, Uplink};

/// Milliseconds since 1970; handed in, so that tests hold the time.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// How long a stop waits for acknowledgements.
const GRACE: Duration = Duration::from_secs(5);

/// A running agent.
pub struct Agent {
    /// Where StatsD comes by UDP.
    pub statsd: Option<SocketAddr>,
    pub statsd_tcp: Option<SocketAddr>,
    /// TCP, then UDP.
    pub graphite: Option<(SocketAddr, SocketAddr)>,
    pub status: Option<SocketAddr>,
    config: Config,
    boot: u64,
    around: Around,
    depot: Arc<Depot>,
    drops: Arc<Drops>,
    sources: Sources,
    pushes: Arc<Pushes>,
    uplink: TaskTracker,
    stop_uplink: CancellationToken,
    /// Ends the sessions without a goodbye, for others to take their place.
    replace_uplink: CancellationToken,
    /// The spool, and the page that tells of it.
    last: TaskTracker,
    stop_last: CancellationToken,
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
        let around = Around {
            outbox: Arc::new(Outbox::new(queue)),
            status: Arc::new(Status::new(Arc::clone(&clock))),
            clock,
        };
        let page = bind_status(config.status).await?;
        let mut sources = Sources::new(around.clone());
        sources.apply(&config).await?;
        let sink = Sink::new(Arc::clone(&around.outbox), config.all_labels());
        let pushes = Arc::new(Pushes::new(sink, Arc::clone(&around.clock)));
        let mut agent = Self {
            statsd: None,
            statsd_tcp: None,
            graphite: None,
            status: page.as_ref().map(TcpListener::local_addr).transpose()?,
            config,
            boot,
            around,
            depot: Arc::default(),
            drops,
            sources,
            pushes,
            uplink: TaskTracker::new(),
            stop_uplink: CancellationToken::new(),
            replace_uplink: CancellationToken::new(),
            last: TaskTracker::new(),
            stop_last: CancellationToken::new(),
        };
        agent.note_addresses();
        if let Some(listener) = page {
            agent.serve_page(listener, metrics);
        }
        agent.start_spooler().await;
        agent.start_uplink();
        Ok(agent)
    }

    /// Puts another configuration into force. What it does not change goes on undisturbed; totals of StatsD's counters too,
    /// unless `[statsd]`, `interval`, `host` or `labels` changed.
    ///
    /// # Errors
    /// A port in use, named with its key; then everything is as it was.
    pub async fn reload(&mut self, config: Config) -> anyhow::Result<()> {
        if let Err(error) = self.sources.apply(&config).await {
            if let Err(worse) = self.sources.apply(&self.config).await {
                tracing::error!("the configuration before cannot be put back: {worse:#}");
            }
            self.note_addresses();
            return Err(error);
        }
        self.note_addresses();
        for key in self.config.needs_restart(&config) {
            tracing::warn!("{key} was changed: that takes a restart");
        }
        let is_same_uplink = self.config.is_same_uplink(&config);
        self.config = Config {
            // Its directory is in use.
            spool: self.config.spool.take(),
            ..config
        };
        let outbox = Arc::clone(&self.around.outbox);
        self.pushes
            .exchange(Sink::new(outbox, self.config.all_labels()));
        if !is_same_uplink {
            self.replace_uplink.cancel();
            self.replace_uplink = CancellationToken::new();
            self.start_uplink();
        }
        Ok(())
    }

    /// What a reload came to, for the status page.
    pub(crate) fn note_reload(&self, refused: Option<String>) {
        self.around.status.noted("configuration", refused);
    }

    fn note_addresses(&mut self) {
        let statsd = self.sources.statsd_addresses();
        self.statsd = statsd.map(|(_, udp)| udp);
        self.statsd_tcp = statsd.map(|(tcp, _)| tcp);
        self.graphite = self.sources.graphite_addresses();
    }

    fn serve_page(&self, listener: TcpListener, metrics: PrometheusHandle) {
        let page = Page {
            status: Arc::clone(&self.around.status),
            outbox: Arc::clone(&self.around.outbox),
            depot: Arc::clone(&self.depot),
            drops: Arc::clone(&self.drops),
            metrics,
        };
        let (pushes, stop) = (Arc::clone(&self.pushes), self.stop_last.clone());
        self.last.spawn(status::serve(listener, page, pushes, stop));
    }

    fn start_uplink(&mut self) {
        let config = self.config.clone();
        let caller = Caller {
            tls: config.tls,
            identity: Identity {
                host: config.host,
                token: config.token,
                boot: self.boot,
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
                    outbox: Arc::clone(&self.around.outbox),
                    depot: Arc::clone(&self.depot),
                    status: Arc::clone(&self.around.status),
                    pace: PaceConfig {
                        share: spool.share,
                        min_rate: spool.min_rate,
                    },
                    live: is_live,
                    closed: backlog_closed.clone(),
                };
                self.until_replaced(backlog.run(self.stop_uplink.clone()));
            }
        }
        let uplink = Uplink {
            gateways: config.gateways,
            caller,
            outbox: Arc::clone(&self.around.outbox),
            status: Arc::clone(&self.around.status),
            grace: GRACE,
            live,
            backlog_closed,
        };
        self.until_replaced(uplink.run(self.stop_uplink.clone()));
    }

    fn until_replaced(&self, sessions: impl Future<Output = ()> + Send + 'static) {
        let replaced = self.replace_uplink.clone();
        self.uplink.spawn(async move {
            tokio::select! {
                () = sessions => {}
                () = replaced.cancelled() => {}
            }
        });
    }

    /// What a former process left is known when this returned.
    async fn start_spooler(&self) {
        let Some(config) = self.config.spool.clone() else {
            return;
        };
        let mut spooler = Spooler {
            config,
            boot: self.boot,
            clock: Arc::clone(&self.around.clock),
            outbox: Arc::clone(&self.around.outbox),
            depot: Arc::clone(&self.depot),
            drops: Arc::clone(&self.drops),
            turns: Turns::default(),
        };
        spooler.open().await;
        self.last.spawn(spooler.run(self.stop_last.clone()));
    }

    /// Stops listening, closes the open interval, delivers what is queued within the grace, says goodbye, and puts on disk
    /// what is left.
    pub async fn stop(self) {
        self.sources.stop().await;
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
        let lost = self.around.outbox.queue.lock().lost();
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
