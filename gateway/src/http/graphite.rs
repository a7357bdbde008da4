//! `/render`, `/metrics/find`, `/version`: Graphite's HTTP API. Owns parameters and statuses, no semantics.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use weir_query::graphite::{
    FindFormat, FindRequest, GraphiteError, RenderRequest, find, find_json, render, render_json,
};

use super::Api;
use super::asking::{NoAnswer, ask};
use super::form::Form;

/// The graphite-web release whose answers these are.
const VERSION: &str = "1.1.10";

pub(super) fn routes() -> Router<Arc<Api>> {
    Router::new()
        .route("/render", get(answer_render).post(answer_render))
        .route("/render/", get(answer_render).post(answer_render))
        .route("/metrics/find", get(answer_find).post(answer_find))
        .route("/metrics/find/", get(answer_find).post(answer_find))
        .route("/version", get(|| async { json(format!("\"{VERSION}\"")) }))
}

async fn answer_render(State(api): State<Arc<Api>>, uri: Uri, body: Bytes) -> Response {
    let form = Form::read(&uri, &body);
    if form.get("format").is_some_and(|format| format != "json") {
        return refuse("format must be json: it is what there is today");
    }
    let max_points = match form.get("maxDataPoints").map(str::parse) {
        Some(Err(_)) => return refuse("maxDataPoints must be a whole number"),
        Some(Ok(points)) => Some(points),
        None => None,
    };
    let request = RenderRequest {
        targets: form
            .all("target")
            .chain(form.all("target[]"))
            .map(str::to_owned)
            .collect(),
        from: owned(&form, "from"),
        until: owned(&form, "until"),
        zone: owned(&form, "tz"),
        max_points,
    };
    let no_nulls = form
        .get("noNullPoints")
        .is_some_and(|text| text != "0" && text != "false");
    finish(
        ask(&api, move |api, budget| {
            let series = render(api.source.as_ref(), &request, (api.now)(), budget)?;
            Ok(render_json(&series, no_nulls))
        })
        .await,
    )
}

async fn answer_find(State(api): State<Arc<Api>>, uri: Uri, body: Bytes) -> Response {
    let form = Form::read(&uri, &body);
    let format = match form.get("format").unwrap_or("treejson") {
        "treejson" => FindFormat::TreeJson,
        "nodelist" => FindFormat::NodeList,
        "completer" => FindFormat::Completer,
        "json" => FindFormat::Json,
        _ => return refuse("format must be treejson, nodelist, completer or json"),
    };
    let query = match (form.get("query"), format) {
        (Some(query), _) => query.to_owned(),
        (None, FindFormat::Completer) => String::new(),
        (None, _) => return refuse("Missing required parameter 'query'"),
    };
    let request = FindRequest {
        query,
        from: owned(&form, "from"),
        until: owned(&form, "until"),
        zone: owned(&form, "tz"),
        format,
        wildcards: form.get("wildcards").is_some_and(|text| text != "0"),
    };
    finish(
        ask(&api, move |api, budget| {
            let nodes = find(api.source.as_ref(), &request, (api.now)(), budget)?;
            Ok(find_json(&request, &nodes).to_string())
        })
        .await,
    )
}

fn owned(form: &Form, key: &str) -> Option<String> {
    form.get(key).map(str::to_owned)
}

fn json(body: String) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

fn refuse(reason: &str) -> Response {
    (StatusCode::BAD_REQUEST, format!("{reason}\n")).into_response()
}

fn finish(answer: Result<Result<String, GraphiteError>, NoAnswer>) -> Response {
    match answer {
        Ok(Ok(body)) => json(body),
        Ok(Err(error)) if error.is_request() => refuse(&error.to_string()),
        Ok(Err(error)) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response(),
    }
}
