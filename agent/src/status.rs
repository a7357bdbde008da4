//! What the agent tells about itself on its status port: `/-/healthy`, `/metrics`, and `/status` as JSON; pushes of jobs come by it too. Owns only
//! the facts that no counter holds: which gateway, since when, and what went wrong last.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use metrics_exporter_prometheus::PrometheusHandle;
use parking_lot::Mutex;
use serde::Serialize;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::app::Clock;
use crate::drops::{Dropped, Drops};
use crate::pushed::{self, Pushes};
use crate::spooler::{Depot, State as Spooled};
use crate::uplink::Outbox;

/// Shared by the tasks; each writes what it alone knows.
pub(crate) struct Status {
    clock: Clock,
    facts: Mutex<Facts>,
}

#[derive(Debug, Clone, Default, Serialize)]
struct Facts {
    started_ms: i64,
    gateway: Option<String>,
    acknowledged_ms: Option<i64>,
    last_failure: Option<Failure>,
    collectors: Vec<Collector>,
    /// What is wrong with sources that are no collectors, by their names.
    problems: BTreeMap<&'static str, String>,
}

#[derive(Debug, Clone, Serialize)]
struct Failure {
    at_ms: i64,
    gateway: String,
    reason: String,
}

#[derive(Debug, Clone, Serialize)]
struct Collector {
    name: &'static str,
    /// Why it gave nothing the last time.
    error: Option<String>,
}

impl Status {
    #[must_use]
    pub(crate) fn new(clock: Clock) -> Self {
        let started_ms = clock();
        let facts = Facts {
            started_ms,
            ..Facts::default()
        };
        Self {
            clock,
            facts: Mutex::new(facts),
        }
    }

    pub(crate) fn connected(&self, gateway: &str) {
        self.facts.lock().gateway = Some(gateway.to_owned());
    }

    pub(crate) fn disconnected(&self) {
        self.facts.lock().gateway = None;
    }

    pub(crate) fn acknowledged(&self) {
        self.facts.lock().acknowledged_ms = Some((self.clock)());
    }

    pub(crate) fn failed(&self, gateway: &str, reason: &str) {
        self.facts.lock().last_failure = Some(Failure {
            at_ms: (self.clock)(),
            gateway: gateway.to_owned(),
            reason: reason.to_owned(),
        });
    }

    /// Says what is wrong with a source, or that nothing is.
    pub(crate) fn noted(&self, source: &'static str, problem: Option<String>) {
        let mut facts = self.facts.lock();
        match problem {
            Some(problem) => facts.problems.insert(source, problem),
            None => facts.problems.remove(source),
        };
    }

    pub(crate) fn collected(&self, health: Vec<(&'static str, Option<String>)>) {
        let collectors = health
            .into_iter()
            .map(|(name, error)| Collector { name, error });
        self.facts.lock().collectors = collectors.collect();
    }
}

#[derive(Clone)]
pub(crate) struct Page {
    pub status: Arc<Status>,
    pub outbox: Arc<Outbox>,
    pub depot: Arc<Depot>,
    pub drops: Arc<Drops>,
    pub metrics: PrometheusHandle,
}

#[derive(Serialize)]
struct Report {
    version: &'static str,
    queue_batches: usize,
    queue_bytes: usize,
    /// Not there while the spool is off.
    spool: Option<Spooled>,
    dropped: Vec<Dropped>,
    #[serde(flatten)]
    facts: Facts,
}

/// Serves until told to stop.
pub(crate) async fn serve(
    listener: TcpListener,
    page: Page,
    pushes: Arc<Pushes>,
    shutdown: CancellationToken,
) {
    let routes = axum::Router::new()
        .route("/-/healthy", get(|| async { "ok\n" }))
        .route("/metrics", get(render_metrics))
        .route("/status", get(report))
        .fallback(|| async {
            (
                StatusCode::NOT_FOUND,
                "here are /-/healthy, /metrics, /status, and /metrics/job/<job> to push to\n",
            )
        })
        .with_state(page)
        .merge(
            axum::Router::new()
                .route("/metrics/{*group}", post(pushed::push).put(pushed::push))
                .with_state(pushes),
        )
        .into_make_service_with_connect_info::<SocketAddr>();
    let served = axum::serve(listener, routes).with_graceful_shutdown(shutdown.cancelled_owned());
    if let Err(error) = served.await {
        tracing::error!("the status port ended: {error}");
    }
}

async fn render_metrics(State(page): State<Page>) -> Response {
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4")];
    (kind, page.metrics.render()).into_response()
}

async fn report(State(page): State<Page>) -> Json<Report> {
    let (queue_batches, queue_bytes) = {
        let queue = page.outbox.queue.lock();
        (queue.len(), queue.bytes())
    };
    Json(Report {
        version: env!("CARGO_PKG_VERSION"),
        queue_batches,
        queue_bytes,
        spool: page.depot.state(),
        dropped: page.drops.all(),
        facts: page.status.facts.lock().clone(),
    })
}
