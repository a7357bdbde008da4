//! `/api/v1/alerts` and `/api/v1/rules` in Prometheus' envelope. What stands in `data` comes from two functions that
//! the composition gives; nothing here knows rules.

use std::sync::Arc;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use super::Api;

pub(super) fn routes() -> Router<Arc<Api>> {
    Router::new()
        .route("/api/v1/alerts", get(alerts))
        .route("/api/v1/rules", get(rules))
}

async fn alerts(State(api): State<Arc<Api>>) -> Json<Value> {
    Json(json!({"status": "success", "data": (api.alerts)()}))
}

async fn rules(State(api): State<Arc<Api>>) -> Json<Value> {
    Json(json!({"status": "success", "data": (api.rules)()}))
}
