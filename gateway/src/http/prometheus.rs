//! Prometheus' query API under `/api/v1`. Owns parameters, the envelope and its statuses; the engine owns the meaning.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};
use weir_query::promql::{self, Answer, QueryError};
use weir_query::{BudgetError, SourceError, TimeRange};
use weir_wire::{Matcher, NAME_LABEL, SeriesKey};

use super::Api;
use super::asking::{NoAnswer, ask};
use super::form::Form;
use super::parameters::{duration_ms, time_ms};

const MAX_STEPS: i64 = 11_000;
const MAX_SELECTORS: usize = 1_000;

pub(super) fn routes() -> Router<Arc<Api>> {
    Router::new()
        .route("/api/v1/query", get(instant).post(instant))
        .route("/api/v1/query_range", get(range).post(range))
        .route("/api/v1/labels", get(labels).post(labels))
        .route("/api/v1/label/{name}/values", get(label_values))
        .route("/api/v1/series", get(series).post(series))
        .route("/api/v1/status/buildinfo", get(build_info))
}

/// Why a request is answered with an error, in Prometheus' words.
struct Refusal {
    status: StatusCode,
    kind: &'static str,
    error: String,
}

impl Refusal {
    fn bad(error: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            kind: "bad_data",
            error: error.into(),
        }
    }

    fn parameter(name: &str, why: impl std::fmt::Display) -> Self {
        Self::bad(format!("invalid parameter \"{name}\": {why}"))
    }
}

impl From<NoAnswer> for Refusal {
    fn from(why: NoAnswer) -> Self {
        let kind = match why {
            NoAnswer::Busy(_) => "unavailable",
            NoAnswer::TimedOut => "timeout",
            NoAnswer::Lost => "internal",
        };
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            kind,
            error: why.to_string(),
        }
    }
}

impl From<SourceError> for Refusal {
    fn from(error: SourceError) -> Self {
        let (status, kind) = match &error {
            SourceError::Budget(BudgetError::Cancelled) => {
                (StatusCode::SERVICE_UNAVAILABLE, "canceled")
            }
            SourceError::BadMatcher { .. } => (StatusCode::BAD_REQUEST, "bad_data"),
            _ => (StatusCode::UNPROCESSABLE_ENTITY, "execution"),
        };
        Self {
            status,
            kind,
            error: error.to_string(),
        }
    }
}

impl From<QueryError> for Refusal {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::Source(error) => error.into(),
            QueryError::Invalid(why) => Self::parameter("query", why),
            other => Self {
                status: StatusCode::UNPROCESSABLE_ENTITY,
                kind: "execution",
                error: other.to_string(),
            },
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = json!({"status": "error", "errorType": self.kind, "error": self.error});
        (self.status, axum::Json(body)).into_response()
    }
}

async fn instant(State(api): State<Arc<Api>>, uri: Uri, body: Bytes) -> Result<Response, Refusal> {
    let form = Form::read(&uri, &body);
    let at_ms = time(&form, "time")?.unwrap_or_else(|| (api.now)());
    let expr = expression(&form)?;
    let run = move |api: &Api, budget: &_| {
        api.engine
            .instant(api.source.as_ref(), &expr, at_ms, budget)
    };
    Ok(answered(&ask(&api, run).await??))
}

async fn range(State(api): State<Arc<Api>>, uri: Uri, body: Bytes) -> Result<Response, Refusal> {
    let form = Form::read(&uri, &body);
    let required =
        |name| time(&form, name)?.ok_or_else(|| cannot_parse(name, "", "a valid timestamp"));
    let (start_ms, end_ms) = (required("start")?, required("end")?);
    if end_ms < start_ms {
        return Err(Refusal::parameter(
            "end",
            "end timestamp must not be before start time",
        ));
    }
    let text = form.get("step").unwrap_or_default();
    let step_ms =
        duration_ms(text).ok_or_else(|| cannot_parse("step", text, "a valid duration"))?;
    if step_ms <= 0 {
        let why = "zero or negative query resolution step widths are not accepted. Try a positive integer";
        return Err(Refusal::parameter("step", why));
    }
    if end_ms.saturating_sub(start_ms) / step_ms > MAX_STEPS {
        return Err(Refusal::bad(
            "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)",
        ));
    }
    let expr = expression(&form)?;
    let run = move |api: &Api, budget: &_| {
        api.engine.range(
            api.source.as_ref(),
            &expr,
            start_ms,
            end_ms,
            step_ms,
            budget,
        )
    };
    Ok(answered(&ask(&api, run).await??))
}

async fn labels(State(api): State<Arc<Api>>, uri: Uri, body: Bytes) -> Result<Response, Refusal> {
    let asked = Selection::read(&Form::read(&uri, &body), (api.now)())?;
    let limit = asked.limit;
    let run = move |api: &Api, budget: &_| {
        api.source
            .label_names(&asked.selectors, asked.range, budget)
    };
    Ok(limited(ask(&api, run).await??, limit))
}

async fn label_values(
    State(api): State<Arc<Api>>,
    Path(name): Path<String>,
    uri: Uri,
) -> Result<Response, Refusal> {
    if name.is_empty() {
        return Err(Refusal::bad("invalid label name: \"\""));
    }
    let asked = Selection::read(&Form::read(&uri, &Bytes::new()), (api.now)())?;
    let limit = asked.limit;
    let run = move |api: &Api, budget: &_| {
        api.source
            .label_values(&name, &asked.selectors, asked.range, budget)
    };
    Ok(limited(ask(&api, run).await??, limit))
}

async fn series(State(api): State<Arc<Api>>, uri: Uri, body: Bytes) -> Result<Response, Refusal> {
    let asked = Selection::read(&Form::read(&uri, &body), (api.now)())?;
    if asked.selectors.is_empty() {
        return Err(Refusal::bad("no match[] parameter provided"));
    }
    let limit = asked.limit;
    let run = move |api: &Api, budget: &_| api.source.series(&asked.selectors, asked.range, budget);
    let keys = ask(&api, run).await??;
    Ok(limited(keys.iter().map(labels_of).collect(), limit))
}

async fn build_info() -> Response {
    let version = env!("CARGO_PKG_VERSION");
    let info = json!({"version": version, "revision": "", "branch": "", "buildUser": "",
                      "buildDate": "", "goVersion": ""});
    success(&info.to_string(), &[], &[])
}

/// What the three listing calls share.
struct Selection {
    selectors: Vec<Vec<Matcher>>,
    range: TimeRange,
    /// 0 means all.
    limit: usize,
}

impl Selection {
    fn read(form: &Form, now_ms: i64) -> Result<Self, Refusal> {
        let from_ms = time(form, "start")?.unwrap_or(0);
        let to_ms = time(form, "end")?.unwrap_or(now_ms);
        if to_ms < from_ms {
            return Err(Refusal::parameter(
                "end",
                "end timestamp must not be before start time",
            ));
        }
        let parse = |text: &str| {
            promql::parse_selector(text).map_err(|error| Refusal::parameter("match[]", error))
        };
        let selectors: Result<Vec<_>, _> =
            form.all("match[]").take(MAX_SELECTORS).map(parse).collect();
        let limit = match form.get("limit") {
            None => 0,
            Some(text) => text
                .parse()
                .map_err(|_| Refusal::parameter("limit", "limit must be non-negative"))?,
        };
        Ok(Self {
            selectors: selectors?,
            range: TimeRange { from_ms, to_ms },
            limit,
        })
    }
}

fn time(form: &Form, name: &str) -> Result<Option<i64>, Refusal> {
    let Some(text) = form.get(name) else {
        return Ok(None);
    };
    time_ms(text)
        .map(Some)
        .ok_or_else(|| cannot_parse(name, text, "a valid timestamp"))
}

fn cannot_parse(name: &str, text: &str, what: &str) -> Refusal {
    Refusal::parameter(name, format_args!("cannot parse {text:?} to {what}"))
}

fn expression(form: &Form) -> Result<promql::Expr, Refusal> {
    promql::parse(form.get("query").unwrap_or_default())
        .map_err(|error| Refusal::parameter("query", error))
}

fn labels_of(key: &SeriesKey) -> Value {
    let labels = key.labels().chain([(NAME_LABEL, key.name())]);
    Value::Object(
        labels
            .map(|(label, value)| (label.to_owned(), value.into()))
            .collect(),
    )
}

fn limited<T: serde::Serialize>(mut found: Vec<T>, limit: usize) -> Response {
    let mut warnings = Vec::new();
    if limit > 0 && found.len() > limit {
        found.truncate(limit);
        warnings.push("results truncated due to limit".to_owned());
    }
    success(&json!(found).to_string(), &warnings, &[])
}

fn answered(answer: &Answer) -> Response {
    success(
        &weir_query::json::to_string(&answer.value),
        &answer.warnings,
        &answer.infos,
    )
}

/// The envelope around `data`, which is JSON already.
fn success(data: &str, warnings: &[String], infos: &[String]) -> Response {
    let mut body = format!("{{\"status\":\"success\",\"data\":{data}");
    for (name, texts) in [("warnings", warnings), ("infos", infos)] {
        if !texts.is_empty() {
            body.push_str(&format!(",\"{name}\":{}", json!(texts)));
        }
    }
    body.push('}');
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}
