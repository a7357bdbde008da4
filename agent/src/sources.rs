//! Everything that makes samples here: listeners, the file drop, the host's figures. Owns which of them run, so that a new
//! configuration restarts those that it changes and leaves the others alone. What they make is none of its business.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use crate::app::Clock;
use crate::collect::Collectors;
use crate::config::{Config, GraphiteConfig, StatsdConfig};
use crate::figures::Figures;
use crate::graphite;
use crate::sink::Sink;
use crate::statsd::{self, Statsd};
use crate::status::Status;
use crate::textfile::Textfile;
use crate::uplink::Outbox;

/// How long a source may take to end.
const GRACE: Duration = Duration::from_secs(5);

/// What sources are made with.
#[derive(Clone)]
pub(crate) struct Around {
    pub(crate) outbox: Arc<Outbox>,
    pub(crate) status: Arc<Status>,
    pub(crate) clock: Clock,
}

/// What every source depends on.
#[derive(Debug, Clone, PartialEq)]
struct Common {
    interval: Duration,
    labels: Vec<(String, String)>,
}

/// Those that run.
pub(crate) struct Sources {
    around: Around,
    statsd: Option<Running<StatsdConfig>>,
    graphite: Option<Running<GraphiteConfig>>,
    textfile: Option<Running<PathBuf>>,
    /// By what its configuration looks like.
    figures: Option<Running<String>>,
}

/// One of them, and what it was made from; ends when this is dropped.
struct Running<C> {
    common: Common,
    config: C,
    addresses: Option<(SocketAddr, SocketAddr)>,
    stop: DropGuard,
    tasks: TaskTracker,
}

impl Sources {
    /// Nothing runs yet.
    #[must_use]
    pub(crate) fn new(around: Around) -> Self {
        Self {
            around,
            statsd: None,
            graphite: None,
            textfile: None,
            figures: None,
        }
    }

    /// Makes run what the configuration says and nothing else. What runs so already is left alone; what is changed is ended
    /// first, its open interval too, since it may listen on the same port.
    ///
    /// # Errors
    /// A port in use, named with its key. Some of it may be done then: apply what was before.
    pub(crate) async fn apply(&mut self, config: &Config) -> anyhow::Result<()> {
        let common = Common {
            interval: config.interval,
            labels: config.all_labels(),
        };
        let sink = Sink::new(Arc::clone(&self.around.outbox), common.labels.clone());
        self.statsd(config, &common, &sink).await?;
        self.graphite(config, &common, &sink).await?;
        if end_unless(&mut self.textfile, &common, config.textfile.as_ref()).await
            && let Some(folder) = &config.textfile
        {
            let textfile = Textfile {
                folder: folder.clone(),
                sink: sink.clone(),
                status: Arc::clone(&self.around.status),
                clock: Arc::clone(&self.around.clock),
            };
            let (running, stop) = Running::new(&common, folder, None);
            running.tasks.spawn(textfile.run(common.interval, stop));
            self.textfile = Some(running);
        }
        self.figures(config, &common).await
    }

    async fn statsd(
        &mut self,
        config: &Config,
        common: &Common,
        sink: &Sink,
    ) -> anyhow::Result<()> {
        if end_unless(&mut self.statsd, common, config.statsd.as_ref()).await
            && let Some(config) = &config.statsd
        {
            let sockets = statsd::Sockets::bind(config).await?;
            let (running, stop) = Running::new(common, config, sockets.addresses);
            let clock = Arc::clone(&self.around.clock);
            let statsd = Statsd::new(sockets, config.clone(), sink.clone(), clock);
            running.tasks.spawn(statsd.run(common.interval, stop));
            self.statsd = Some(running);
        }
        Ok(())
    }

    async fn graphite(
        &mut self,
        config: &Config,
        common: &Common,
        sink: &Sink,
    ) -> anyhow::Result<()> {
        if end_unless(&mut self.graphite, common, config.graphite.as_ref()).await
            && let Some(config) = &config.graphite
        {
            let sockets = graphite::Sockets::bind(config).await?;
            let (running, stop) = Running::new(common, config, Some(sockets.addresses));
            let clock = Arc::clone(&self.around.clock);
            let (config, sink) = (config.clone(), sink.clone());
            running
                .tasks
                .spawn(graphite::run(sockets, config, sink, clock, stop));
            self.graphite = Some(running);
        }
        Ok(())
    }

    async fn figures(&mut self, config: &Config, common: &Common) -> anyhow::Result<()> {
        let looks = format!("{:?}", config.collect);
        if !end_unless(&mut self.figures, common, Some(&looks)).await {
            return Ok(());
        }
        let figures = Figures {
            collectors: Collectors::new(config.collect.clone()).context("collectors")?,
            config: config.collect.clone(),
            labels: common.labels.clone(),
            clock: Arc::clone(&self.around.clock),
            outbox: Arc::clone(&self.around.outbox),
            status: Arc::clone(&self.around.status),
        };
        let (running, stop) = Running::new(common, &looks, None);
        running.tasks.spawn(figures.run(common.interval, stop));
        self.figures = Some(running);
        Ok(())
    }

    /// Where StatsD listens: TCP, then UDP.
    pub(crate) fn statsd_addresses(&self) -> Option<(SocketAddr, SocketAddr)> {
        self.statsd.as_ref().and_then(|running| running.addresses)
    }

    /// Where Graphite's lines are listened for: TCP, then UDP.
    pub(crate) fn graphite_addresses(&self) -> Option<(SocketAddr, SocketAddr)> {
        self.graphite.as_ref().and_then(|running| running.addresses)
    }

    /// Stops all of them at once, their open intervals ended.
    pub(crate) async fn stop(self) {
        let ends = (
            end(self.statsd),
            end(self.graphite),
            end(self.textfile),
            end(self.figures),
        );
        tokio::join!(ends.0, ends.1, ends.2, ends.3);
    }
}

impl<C: Clone> Running<C> {
    fn new(
        common: &Common,
        config: &C,
        addresses: Option<(SocketAddr, SocketAddr)>,
    ) -> (Self, CancellationToken) {
        let stop = CancellationToken::new();
        let running = Self {
            common: common.clone(),
            config: config.clone(),
            addresses,
            stop: stop.clone().drop_guard(),
            tasks: TaskTracker::new(),
        };
        (running, stop)
    }
}

/// Ends what runs unless it runs as it should; whether something is to be started.
async fn end_unless<C: PartialEq>(
    running: &mut Option<Running<C>>,
    common: &Common,
    wanted: Option<&C>,
) -> bool {
    let is_so = |running: &Running<C>| Some(&running.config) == wanted && running.common == *common;
    if running.as_ref().is_some_and(is_so) {
        return false;
    }
    end(running.take()).await;
    wanted.is_some()
}

async fn end<C>(running: Option<Running<C>>) {
    let Some(running) = running else {
        return;
    };
    drop(running.stop);
    running.tasks.close();
    let ended = tokio::time::timeout(GRACE, running.tasks.wait()).await;
    if ended.is_err() {
        tracing::warn!("a listener or collector was still busy and is cut off");
    }
}
