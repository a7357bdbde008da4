//! `/-/healthy` and `/-/ready`, as Prometheus has them. Who sets readiness is not decided here.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;

use super::Api;

pub(super) fn routes() -> Router<Arc<Api>> {
    Router::new()
        .route("/-/healthy", get(|| async { "Weir is Healthy.\n" }))
        .route("/-/ready", get(ready))
}

async fn ready(State(api): State<Arc<Api>>) -> (StatusCode, String) {
    if api.ready.load(Ordering::Acquire) {
        return (StatusCode::OK, "Weir is Ready.\n".to_owned());
    }
    let why = (api.starting)().unwrap_or_else(|| "Service Unavailable".to_owned());
    (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n"))
}
