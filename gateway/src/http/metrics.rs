//! `/metrics`: the gateway's own figures in Prometheus' text format. Records nothing itself.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;

use super::Api;

pub(super) fn routes() -> Router<Arc<Api>> {
    Router::new().route("/metrics", get(text))
}

async fn text(State(api): State<Arc<Api>>) -> impl IntoResponse {
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], api.metrics.render())
}
