//! What is sent over HTTP: one file a protocol, all of them through [`Intakes`] into the one admission. Taken from the first
//! moment on, while the store is still starting; acknowledged once it is on disk.

mod body;
mod cumulative;
mod influx;
mod intakes;
mod opentsdb;
mod refusal;
mod remote_write;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use weir_store::Clock;

use super::Api;
use crate::admission::Admission;
use body::MAX_BODY_BYTES;
use cumulative::Cumulative;
use intakes::Intakes;

/// One pool of intakes a protocol.
pub struct Taking {
    remote_write: Intakes,
    influx: Intakes,
    opentsdb: Intakes,
    cumulative: Cumulative,
}

impl Taking {
    #[must_use]
    pub fn new(admission: &Admission, clock: &Clock) -> Self {
        let intakes = |protocol| Intakes::new(protocol, admission.clone(), Arc::clone(clock));
        Self {
            remote_write: intakes("remote_write"),
            influx: intakes("influx_http"),
            opentsdb: intakes("opentsdb_http"),
            cumulative: Cumulative::default(),
        }
    }
}

pub(super) fn routes() -> Router<Arc<Api>> {
    Router::new()
        .route("/api/v1/write", post(remote_write::write))
        .route("/write", post(influx::write))
        .route("/api/v2/write", post(influx::write_v2))
        .route("/ping", get(influx::ping).head(influx::ping))
        .route("/health", get(influx::health))
        .route("/query", get(influx::query).post(influx::query))
        .route("/api/put", post(opentsdb::put))
        .route("/api/version", get(opentsdb::version))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
}
