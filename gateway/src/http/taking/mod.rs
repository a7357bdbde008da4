//! What is sent over HTTP: one file or folder a protocol, all of them through [`Intakes`] into the one admission. Taken from
//! the first moment on, while the store is still starting; acknowledged once it is on disk.
//!
//! Shared by all: how a body is taken (`body.rs`, `unpack.rs`), what is said of what is not (`refusal.rs`), the memory of
//! distributions that only grow (`cumulative.rs`), what is known of metric families (`metadata.rs`).

mod body;
mod collectd;
mod cumulative;
mod distribution;
mod influx;
mod intakes;
mod metadata;
mod opentsdb;
mod otlp;
mod pushgateway;
mod refusal;
mod remote_write;
mod times;
mod unpack;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post, put};
use weir_store::Clock;
use weir_wire::influx::FieldNaming;
use weir_wire::opentsdb::Rules;

use crate::admission::Admission;
use body::Bodies;
use cumulative::Cumulative;
pub(crate) use influx::unanswered as take_influx;
use intakes::Intakes;
use metadata::Families;
use otlp::Totals;
pub use otlp::{Histograms, OtlpConfig};
use pushgateway::Groups;
pub use pushgateway::PushgatewayConfig;
pub(crate) use pushgateway::remember;
pub use times::Times;

/// What the configuration says of it.
#[derive(Debug, Clone)]
pub struct TakingConfig {
    /// The most that a body may be, as it comes and unpacked.
    pub max_body_bytes: usize,
    pub influx_naming: FieldNaming,
    pub opentsdb_rules: Rules,
    pub otlp: OtlpConfig,
    pub pushgateway: PushgatewayConfig,
    pub times: Times,
}

/// What the handlers share: one pool of intakes a protocol, and what is remembered between requests.
pub struct Taking {
    config: TakingConfig,
    clock: Clock,
    bodies: Bodies,
    remote_write: Intakes,
    influx: Intakes,
    opentsdb: Intakes,
    otlp: Intakes,
    collectd: Intakes,
    pushgateway: Intakes,
    cumulative: Cumulative,
    totals: Totals,
    families: Families,
    groups: Groups,
}

impl Taking {
    /// # Errors
    /// The folder of pushed groups cannot be read or made.
    pub fn open(
        config: TakingConfig,
        admission: &Admission,
        clock: &Clock,
    ) -> std::io::Result<Self> {
        let intakes = |protocol| Intakes::new(protocol, admission.clone(), Arc::clone(clock));
        Ok(Self {
            bodies: Bodies::new(config.max_body_bytes),
            remote_write: intakes(remote_write::PROTOCOL),
            influx: intakes("influx_http"),
            opentsdb: intakes("opentsdb_http"),
            otlp: intakes(otlp::PROTOCOL),
            collectd: intakes(collectd::PROTOCOL),
            pushgateway: intakes(pushgateway::PROTOCOL),
            cumulative: Cumulative::new(clock(), config.times),
            totals: Totals::default(),
            families: Families::default(),
            groups: Groups::open(config.pushgateway.dir.clone())?,
            clock: Arc::clone(clock),
            config,
        })
    }

    fn now_ms(&self) -> i64 {
        (self.clock)()
    }
}

/// Every path that takes samples. Bodies are bounded here, not by the router's own limit.
pub(super) fn routes<S>(taking: Arc<Taking>) -> Router<S> {
    let group = put(pushgateway::push)
        .post(pushgateway::push)
        .delete(pushgateway::delete);
    let mut routes = Router::new()
        .route("/api/v1/write", post(remote_write::write))
        .route("/write", post(influx::write))
        .route("/api/v2/write", post(influx::write_v2))
        .route("/ping", get(influx::ping).head(influx::ping))
        .route("/health", get(influx::health))
        .route("/query", get(influx::query).post(influx::query))
        .route("/v1/metrics", post(otlp::metrics))
        .route("/collectd", post(collectd::write))
        .route("/metrics/{*group}", group)
        .route("/api/v1/metrics", get(pushgateway::metrics))
        .route("/api/v1/metadata", get(metadata::metadata))
        .merge(opentsdb::routes());
    if taking.config.pushgateway.admin {
        routes = routes.route("/api/v1/admin/wipe", put(pushgateway::wipe));
    }
    routes.with_state(taking)
}

/// What OpenTSDB's own port answers by HTTP.
pub(super) fn opentsdb_routes(taking: Arc<Taking>) -> Router {
    opentsdb::routes()
        .fallback(opentsdb::not_here)
        .with_state(taking)
}
