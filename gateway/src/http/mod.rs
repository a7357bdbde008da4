//! The gateway's HTTP: one file an API, one [`Api`] of what they need. Owns limits on requests and queries; knows no
//! store and reads no clock of its own.

mod admin;
mod alerts;
mod asking;
mod caller;
mod entrance;
mod form;
mod graphite;
mod health;
mod ingest;
mod metrics;
mod page;
mod parameters;
mod prometheus;
mod serve;
mod starting;
mod taking;

pub use admin::Admin;
pub(crate) use asking::CancelOnDrop;
pub(crate) use caller::Caller;
pub use entrance::{Entrance, HttpAuth};
pub(crate) use serve::serve_connection;
pub use taking::{Histograms, OtlpConfig, PushgatewayConfig, Taking, TakingConfig, Times};
pub(crate) use taking::{remember, take_influx};

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderValue, header};
use axum::middleware::from_fn_with_state;
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::Value;
use tokio::sync::Semaphore;
use tower_http::compression::CompressionLayer;
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::timeout::RequestBodyTimeoutLayer;
use weir_query::Source;
use weir_query::promql::Engine;

use crate::admission::Ledger;

const BODY_BYTES: usize = 2 * 1024 * 1024;
/// Without a byte for so long a body is given up.
const BODY_SILENCE: Duration = Duration::from_secs(10);

/// Bounds on queries.
#[derive(Debug, Clone)]
pub struct QueryLimits {
    pub concurrent: usize,
    pub timeout: Duration,
    pub max_series: u64,
    pub max_samples: u64,
}

impl Default for QueryLimits {
    fn default() -> Self {
        Self {
            concurrent: 20,
            timeout: Duration::from_secs(120),
            max_series: 1_000_000,
            max_samples: 50_000_000,
        }
    }
}

/// Reads again, and tells what is wrong.
pub type Reload = Arc<dyn Fn() -> Result<(), String> + Send + Sync>;

/// What the handlers need; made once by the composition.
pub struct Api {
    pub source: Arc<dyn Source>,
    pub engine: Engine,
    pub limits: QueryLimits,
    /// As many as `limits.concurrent`; see [`Api::permits`].
    pub permits: Arc<Semaphore>,
    /// Milliseconds since 1970.
    pub now: Arc<dyn Fn() -> i64 + Send + Sync>,
    /// The `data` of `/api/v1/alerts`: `{"alerts":[…]}`.
    pub alerts: Arc<dyn Fn() -> Value + Send + Sync>,
    /// The `data` of `/api/v1/rules`: `{"groups":[…]}`.
    pub rules: Arc<dyn Fn() -> Value + Send + Sync>,
    /// Reads every rule file again; `None`: it may not be asked for by HTTP.
    pub reload: Option<Reload>,
    /// `None`: the admin API is off.
    pub admin: Option<Admin>,
    /// The `data` of `/api/v1/status/tsdb`, with lists of so many.
    pub cardinality: Arc<dyn Fn(usize) -> Value + Send + Sync>,
    pub ready: Arc<AtomicBool>,
    /// Why data cannot be asked for yet; `None` once they can.
    pub starting: Arc<dyn Fn() -> Option<String> + Send + Sync>,
    /// Why the store takes nothing more before the next start.
    pub broken: Arc<dyn Fn() -> Option<String> + Send + Sync>,
    /// What is sent here goes this way.
    pub taking: Arc<Taking>,
    /// What became of what was sent.
    pub ledger: Arc<Ledger>,
    /// The `data` of `/api/v1/status/cardinality`, with lists of so many.
    pub guard: Arc<dyn Fn(usize) -> Value + Send + Sync>,
    pub metrics: PrometheusHandle,
    /// Asked first, about every request.
    pub entrance: Entrance,
}

impl Api {
    /// The permits that these limits mean.
    #[must_use]
    pub fn permits(limits: &QueryLimits) -> Arc<Semaphore> {
        Arc::new(Semaphore::new(
            limits.concurrent.min(Semaphore::MAX_PERMITS),
        ))
    }
}

/// What OpenTSDB's own port answers by HTTP.
pub(crate) fn opentsdb_router(entrance: Entrance, taking: Arc<Taking>) -> Router {
    taking::opentsdb_routes(taking).layer(from_fn_with_state(Arc::new(entrance), entrance::enter))
}

/// Every path the gateway answers.
pub fn router(api: Api) -> Router {
    let nosniff = HeaderValue::from_static("nosniff");
    let entrance = Arc::new(api.entrance.clone());
    let api = Arc::new(api);
    let data = Router::new()
        .merge(prometheus::routes())
        .merge(graphite::routes())
        .merge(admin::routes())
        .merge(alerts::routes())
        .route_layer(from_fn_with_state(Arc::clone(&api), starting::refuse));
    Router::new()
        .merge(data)
        .merge(health::routes())
        .merge(ingest::routes())
        .merge(metrics::routes())
        .merge(page::routes())
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .layer(RequestBodyTimeoutLayer::new(BODY_SILENCE))
        .merge(taking::routes(Arc::clone(&api.taking)))
        .layer(SetResponseHeaderLayer::overriding(
            header::X_CONTENT_TYPE_OPTIONS,
            nosniff,
        ))
        .layer(CompressionLayer::new())
        .layer(from_fn_with_state(entrance, entrance::enter))
        .with_state(api)
}
