//! `/-/healthy`, `/-/ready` and `/-/reload`, as Prometheus has them. Who sets readiness, and what is read again, is not
//! decided here.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};

use super::Api;

pub(super) fn routes() -> Router<Arc<Api>> {
    Router::new()
        .route("/-/healthy", get(|| async { "Weir is Healthy.\n" }))
        .route("/-/ready", get(ready))
        .route("/-/reload", post(reload).put(reload))
}

async fn ready(State(api): State<Arc<Api>>) -> (StatusCode, String) {
    if let Some(why) = (api.broken)() {
        return (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n"));
    }
    if api.ready.load(Ordering::Acquire) {
        return (StatusCode::OK, "Weir is Ready.\n".to_owned());
    }
    let why = (api.starting)().unwrap_or_else(|| "Service Unavailable".to_owned());
    (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n"))
}

async fn reload(State(api): State<Arc<Api>>) -> (StatusCode, String) {
    let Some(reload) = api.reload.clone() else {
        let off = "reloading by HTTP is disabled; set http.admin = true, or send SIGHUP\n";
        return (StatusCode::FORBIDDEN, off.to_owned());
    };
    let read = tokio::task::spawn_blocking(move || reload()).await;
    match read.unwrap_or_else(|error| Err(error.to_string())) {
        Ok(()) => (StatusCode::OK, String::new()),
        Err(why) => {
            let told = format!("the rules stay as they were: {why}\n");
            (StatusCode::INTERNAL_SERVER_ERROR, told)
        }
    }
}
