//! Answers 503 to whatever asks for data while the store is starting. The page, health and metrics are not asked this
//! way.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Json, Response};
use serde_json::json;

use super::Api;

/// Seconds after which a client may try again.
const RETRY_AFTER_S: &str = "1";

pub(super) async fn refuse(State(api): State<Arc<Api>>, request: Request, next: Next) -> Response {
    let Some(why) = (api.starting)() else {
        return next.run(request).await;
    };
    let retry = [(header::RETRY_AFTER, RETRY_AFTER_S)];
    let status = StatusCode::SERVICE_UNAVAILABLE;
    if request.uri().path().starts_with("/api/") {
        let body = json!({"status": "error", "errorType": "unavailable", "error": why});
        return (status, retry, Json(body)).into_response();
    }
    (status, retry, format!("{why}\n")).into_response()
}
