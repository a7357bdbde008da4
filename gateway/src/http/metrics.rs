//! `/metrics`: the gateway's own figures in Prometheus' text format. Records nothing itself.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;

use super::Api;
use crate::admission;

pub(super) fn routes() -> Router<Arc<Api>> {
    Router::new().route("/metrics", get(text))
}

async fn text(State(api): State<Arc<Api>>) -> impl IntoResponse {
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    let mut text = api.metrics.render();
    // The ledger renders itself, so that its sums close in every answer.
    text.push_str(&admission::to_text(&api.ledger.lines()));
    ([(header::CONTENT_TYPE, kind)], text)
}
