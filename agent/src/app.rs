//! The composition of the agent: binds, starts every task, and stops them in the order of the data: listeners, queue,
//! uplink, status. Tests start it in their own process on port 0.

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::Context;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::collect::Collectors;
use crate::config::Config;
use crate::figures::Figures;
use crate::queue::Queue;
use crate::statsd::{self, StatsdListener};
use crate::status::{self, Status};
use crate::uplink::{Identity, Outbox, Uplink};

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
}

impl Agent {
    /// Binds and starts everything. `boot` must be unlike in every other start of this host's agent.
    ///
    /// # Errors
    /// A port in use, named with its key.
    pub async fn start(config: Config, clock: Clock, boot: u64) -> anyhow::Result<Self> {
        let metrics = install_metrics();
        let outbox = Arc::new(Outbox {
            queue: Mutex::new(Queue::new(config.queue_max_bytes)),
            filled: Notify::new(),
        });
        let status = Arc::new(Status::new(Arc::clone(&clock)));
        let host = ("host".to_owned(), config.host.clone());
        let labels: Vec<_> = config.labels.iter().cloned().chain([host]).collect();
        let page = bind_status(config.status).await?;
        let listener = bind_statsd(&config, &labels, &clock, &outbox)?;
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
        };
        if let Some(listener) = listener {
            agent
                .sources
                .spawn(listener.run(config.interval, agent.stop_sources.clone()));
        }
        if let Some(page) = page {
            let stop = agent.stop_uplink.clone();
            agent.uplink.spawn(status::serve(
                page,
                Arc::clone(&status),
                Arc::clone(&outbox),
                metrics,
                stop,
            ));
        }
        let collectors = Collectors::new(config.collect.clone()).context("collectors")?;
        let figures = Figures {
            collectors,
            config: config.collect.clone(),
            labels,
            clock,
            outbox: Arc::clone(&outbox),
            status: Arc::clone(&status),
        };
        agent
            .sources
            .spawn(figures.run(config.interval, agent.stop_sources.clone()));
        agent.start_uplink(config, boot, outbox, status);
        Ok(agent)
    }

    fn start_uplink(
        &mut self,
        config: Config,
        boot: u64,
        outbox: Arc<Outbox>,
        status: Arc<Status>,
    ) {
        let identity = Identity {
            host: config.host,
            token: config.token,
            boot,
            interval: config.interval,
            labels: config.labels,
        };
        let uplink = Uplink {
            gateways: config.gateways,
            tls: config.tls,
            identity,
            outbox,
            status,
            grace: GRACE,
            patience: config.patience,
        };
        self.uplink.spawn(uplink.run(self.stop_uplink.clone()));
    }

    /// Stops listening, closes the open interval, delivers what is queued within the grace, says goodbye.
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
