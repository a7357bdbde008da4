//! OpenTSDB's `POST /api/put`: one datapoint or many, each taken or refused by itself. Without words in the query the answer
//! is 204, or 400 if any was refused; `summary` counts, `details` names what was refused. `sync` changes nothing: every
//! answer here comes after the disk.

use std::sync::Arc;

use axum::Router;
use axum::extract::{RawQuery, Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use weir_wire::graphite::Keys;
use weir_wire::opentsdb::{self, Datapoint, Fault, Rules, json_series_key};

use super::Taking;
use super::body::Packing;
use super::refusal::{self, Refusal};
use crate::http::Caller;
use crate::listen::intake::{Delivered, Intake};

/// Refused datapoints named in an answer.
const NAMED: usize = 100;

pub(super) fn routes() -> Router<Arc<Taking>> {
    Router::new()
        .route("/api/put", post(put))
        .route("/api/version", get(version).post(version))
}

pub(super) async fn not_here() -> Response {
    let why = "this port takes /api/put and answers /api/version; everything else is on the gateway's HTTP port";
    error(&Refusal::new(StatusCode::NOT_FOUND, why))
}

async fn version() -> Json<Value> {
    Json(json!({"version": env!("CARGO_PKG_VERSION"), "short_revision": "weir"}))
}

/// What the query asks to be answered.
struct Asked {
    summary: bool,
    details: bool,
}

impl Asked {
    fn read(query: Option<&str>) -> Self {
        let words = || {
            let parameters = form_urlencoded::parse(query.unwrap_or("").as_bytes());
            parameters.map(|(name, _)| name)
        };
        Self {
            summary: words().any(|word| word == "summary"),
            details: words().any(|word| word == "details"),
        }
    }
}

/// What did not become a point.
#[derive(Default)]
struct Faults {
    failed: u64,
    errors: Vec<Value>,
}

async fn put(
    State(taking): State<Arc<Taking>>,
    caller: Caller,
    RawQuery(query): RawQuery,
    request: Request,
) -> Response {
    let asked = Asked::read(query.as_deref());
    let sender = taking.opentsdb.sender(&caller);
    let bodies = &taking.bodies;
    let read = bodies.take(&sender, Packing::AsSaid, request, |body| {
        let mut intake = taking.opentsdb.take(&sender);
        let read = read(body, taking.config.opentsdb_rules, &mut intake);
        (intake, read)
    });
    let (mut intake, read) = match read.await {
        Ok(read) => read,
        Err(why) => return error(&why.into()),
    };
    let response = match read {
        Ok((number, faults)) => match intake.deliver().await {
            Ok(delivered) => settle(&asked, number, faults, &delivered),
            Err(why) => error(&Refusal::from(&why)),
        },
        Err(refusal) => error(&refusal),
    };
    taking.opentsdb.give_back(intake);
    response
}

/// How many datapoints there were, and what was wrong with some.
fn read(body: &[u8], rules: Rules, intake: &mut Intake) -> Result<(u64, Faults), Refusal> {
    let datapoints = opentsdb::datapoints(body).map_err(|why| {
        intake.refuse(why.reject(), 1);
        Refusal::new(StatusCode::BAD_REQUEST, why.to_string())
    })?;
    let mut faults = Faults::default();
    for datapoint in &datapoints {
        if let Err(fault) = point(datapoint, rules, intake) {
            faults.add(datapoint, &fault, intake);
        }
    }
    Ok((datapoints.len() as u64, faults))
}

fn settle(asked: &Asked, number: u64, faults: Faults, delivered: &Delivered) -> Response {
    let failed = faults.failed + delivered.refused();
    let of_series = delivered.not_taken.words().map(|(_, text)| text);
    let why = refusal::of_time(&delivered.written).into_iter();
    let mut errors = faults.errors;
    errors.extend(why.chain(of_series).map(|error| json!({"error": error})));
    answer(asked, number.saturating_sub(failed), failed, errors)
}

fn point(datapoint: &Datapoint<'_>, rules: Rules, intake: &mut Intake) -> Result<(), Fault> {
    let put = datapoint.read(rules)?;
    let key = |keys: &mut Keys| json_series_key(put.identity).map(|key| keys.push_key(&key));
    intake.float(put.identity.hash(), key, Some(put.timestamp_ms), put.value)
}

impl Faults {
    fn add(&mut self, datapoint: &Datapoint<'_>, fault: &Fault, intake: &Intake) {
        intake.refuse(fault.reject, 1);
        self.failed += 1;
        if self.errors.len() < NAMED {
            let sent = serde_json::from_str::<&RawValue>(datapoint.json()).ok();
            self.errors
                .push(json!({"datapoint": sent, "error": fault.details()}));
        }
    }
}

fn answer(asked: &Asked, success: u64, failed: u64, errors: Vec<Value>) -> Response {
    let status = match failed {
        0 => StatusCode::OK,
        _ => StatusCode::BAD_REQUEST,
    };
    if asked.details {
        let body = json!({"success": success, "failed": failed, "errors": errors});
        return (status, Json(body)).into_response();
    }
    if asked.summary {
        return (status, Json(json!({"success": success, "failed": failed}))).into_response();
    }
    if failed == 0 {
        return StatusCode::NO_CONTENT.into_response();
    }
    let text = "One or more data points had errors: ask with ?details for what they are";
    error(&Refusal::new(status, text))
}

fn error(refusal: &Refusal) -> Response {
    let status = refusal.status;
    let body = json!({"error": {"code": status.as_u16(), "message": refusal.why}});
    (status, refusal.headers(), Json(body)).into_response()
}
