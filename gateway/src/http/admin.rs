//! `/api/v1/admin/...`, off unless `http.admin` is set, and `/api/v1/status/tsdb`: Prometheus' paths and answers, and
//! `store/flush`. What they do is handed in; this file knows no store.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use serde_json::{Value, json};
use weir_query::promql;
use weir_wire::Matcher;

use super::Api;
use super::form::Form;

/// Entries of each list of `/api/v1/status/tsdb`.
const LIMIT: usize = 10;
const MOST: usize = 10_000;

type Work<T> = Arc<dyn Fn() -> Result<T, String> + Send + Sync>;

/// Deletes series and tells how many.
pub(super) type Delete = Arc<dyn Fn(&[Matcher]) -> Result<u64, String> + Send + Sync>;

/// What the admin API does; each blocks until it is done.
#[derive(Clone)]
pub struct Admin {
    /// Seals everything that is open and makes every rollup that is due.
    pub flush: Work<Value>,
    /// Makes a backup and tells its name.
    pub snapshot: Work<String>,
    pub delete: Delete,
    /// Frees the space of deleted series.
    pub purge: Work<()>,
}

pub(super) fn routes() -> Router<Arc<Api>> {
    Router::new()
        .route("/api/v1/admin/store/flush", post(flush))
        .route("/api/v1/admin/tsdb/snapshot", post(snapshot).put(snapshot))
        .route("/api/v1/admin/tsdb/delete_series", post(delete).put(delete))
        .route(
            "/api/v1/admin/tsdb/clean_tombstones",
            post(purge).put(purge),
        )
        .route("/api/v1/status/tsdb", get(cardinality))
}

async fn flush(State(api): State<Arc<Api>>) -> Response {
    run(&api, |admin| (admin.flush)()).await
}

async fn snapshot(State(api): State<Arc<Api>>) -> Response {
    run(&api, |admin| Ok(json!({"name": (admin.snapshot)()?}))).await
}

async fn purge(State(api): State<Arc<Api>>) -> Response {
    match run(&api, |admin| (admin.purge)().map(|()| Value::Null)).await {
        response if response.status() == StatusCode::OK => StatusCode::NO_CONTENT.into_response(),
        response => response,
    }
}

async fn delete(State(api): State<Arc<Api>>, uri: Uri, body: Bytes) -> Response {
    let form = Form::read(&uri, &body);
    let selectors = match selectors(&form) {
        Ok(selectors) => selectors,
        Err(why) => return refused(StatusCode::BAD_REQUEST, "bad_data", &why),
    };
    let done = run(&api, move |admin| {
        selectors
            .iter()
            .try_fold(0, |gone, one| Ok(gone + (admin.delete)(one)?))
            .map(|gone: u64| json!({"deleted": gone}))
    });
    match done.await {
        // As Prometheus answers.
        response if response.status() == StatusCode::OK => StatusCode::NO_CONTENT.into_response(),
        response => response,
    }
}

fn selectors(form: &Form) -> Result<Vec<Vec<Matcher>>, String> {
    if form.get("start").is_some() || form.get("end").is_some() {
        return Err("series are deleted whole here: leave out start and end".to_owned());
    }
    let selectors: Vec<_> = form.all("match[]").collect();
    if selectors.is_empty() {
        return Err("no match[] parameter provided".to_owned());
    }
    let parse = |text: &str| {
        promql::parse_selector(text)
            .map_err(|error| format!("invalid parameter \"match[]\": {error}"))
    };
    selectors.into_iter().map(parse).collect()
}

async fn run(
    api: &Api,
    work: impl FnOnce(&Admin) -> Result<Value, String> + Send + 'static,
) -> Response {
    let Some(admin) = api.admin.clone() else {
        let off = "admin APIs disabled; set http.admin = true";
        return refused(StatusCode::FORBIDDEN, "unavailable", off);
    };
    let done = tokio::task::spawn_blocking(move || work(&admin)).await;
    match done.unwrap_or_else(|error| Err(error.to_string())) {
        Ok(data) => Json(json!({"status": "success", "data": data})).into_response(),
        Err(why) => refused(StatusCode::INTERNAL_SERVER_ERROR, "internal", &why),
    }
}

fn refused(status: StatusCode, kind: &str, why: &str) -> Response {
    (
        status,
        Json(json!({"status": "error", "errorType": kind, "error": why})),
    )
        .into_response()
}

async fn cardinality(State(api): State<Arc<Api>>, RawQuery(query): RawQuery) -> Response {
    let query = query.unwrap_or_default();
    let limit = form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == "limit");
    let limit = match limit.map(|(_, value)| value.parse()) {
        None => LIMIT,
        Some(Ok(limit)) if (1..=MOST).contains(&limit) => limit,
        Some(_) => {
            let why = format!("limit must be a number from 1 to {MOST}");
            return refused(StatusCode::BAD_REQUEST, "bad_data", &why);
        }
    };
    let count = Arc::clone(&api.cardinality);
    match tokio::task::spawn_blocking(move || count(limit)).await {
        Ok(data) => Json(json!({"status": "success", "data": data})).into_response(),
        Err(error) => refused(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            &error.to_string(),
        ),
    }
}
