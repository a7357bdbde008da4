//! `/api/v1/status/ingest`: the loss ledger, by protocol and source. `/api/v1/status/cardinality`: what the guard on new
//! series sees and has throttled. Counts nothing itself.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, State};
use axum::response::Json;
use axum::routing::get;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Api;
use crate::admission;

/// Entries of a list in an answer, at most.
const MOST: usize = 1_000;

pub(super) fn routes() -> Router<Arc<Api>> {
    Router::new()
        .route("/api/v1/status/ingest", get(ledger))
        .route("/api/v1/status/cardinality", get(guard))
}

#[derive(Deserialize)]
struct Listed {
    #[serde(default = "usual")]
    limit: usize,
}

fn usual() -> usize {
    20
}

async fn guard(State(api): State<Arc<Api>>, Query(listed): Query<Listed>) -> Json<Value> {
    let data = (api.guard)(listed.limit.min(MOST));
    Json(json!({"status": "success", "data": data}))
}

async fn ledger(State(api): State<Arc<Api>>) -> Json<Value> {
    let data = admission::to_json(&api.ledger.lines());
    Json(json!({"status": "success", "data": data}))
}
