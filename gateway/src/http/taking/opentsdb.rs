//! OpenTSDB's `POST /api/put`: one datapoint or many, each taken or refused by itself. Without words in the query the answer
//! is 204, or 400 if any was refused; `summary` counts, `details` names what was refused. `sync` changes nothing: every
//! answer here comes after the disk.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Json, Response};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use weir_wire::opentsdb::{self, Datapoint, Fault, Rules, json_series_key};

use super::body::unpacked;
use super::{Api, refusal};
use crate::http::Caller;
use crate::listen::intake::Intake;

/// Refused datapoints named in an answer.
const NAMED: usize = 100;

pub(super) async fn version() -> Json<Value> {
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

pub(super) async fn put(
    State(api): State<Arc<Api>>,
    caller: Caller,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let asked = Asked::read(query.as_deref());
    let body = match unpacked(&headers, &body) {
        Ok(body) => body,
        Err((status, why)) => return error(status, &why),
    };
    let mut intake = api.taking.opentsdb.take(&caller);
    let datapoints = match opentsdb::datapoints(&body) {
        Ok(datapoints) => datapoints,
        Err(why) => {
            intake.refuse(why.reject(), 1);
            api.taking.opentsdb.give_back(intake);
            return error(StatusCode::BAD_REQUEST, &why.to_string());
        }
    };
    let mut faults = Faults::default();
    for datapoint in &datapoints {
        if let Err(fault) = point(datapoint, &mut intake) {
            faults.add(datapoint, &fault, &intake);
        }
    }
    let response = match intake.deliver().await {
        Ok(delivered) => {
            let written = delivered.written;
            let by_time = written.too_old + written.too_early;
            let failed = faults.failed + by_time + delivered.over_limit;
            let why = [
                refusal::of_time(&written),
                refusal::of_limit(delivered.over_limit),
            ];
            faults.errors.extend(
                why.into_iter()
                    .flatten()
                    .map(|error| json!({"error": error})),
            );
            answer(
                &asked,
                (datapoints.len() as u64).saturating_sub(failed),
                failed,
                faults.errors,
            )
        }
        Err(why) => {
            let (status, headers) = refusal::status(&why);
            (headers, error(status, &why.to_string())).into_response()
        }
    };
    api.taking.opentsdb.give_back(intake);
    response
}

fn point(datapoint: &Datapoint<'_>, intake: &mut Intake) -> Result<(), Fault> {
    let put = datapoint.read(Rules::default())?;
    let mut fault = None;
    let taken = intake.float(
        put.identity.hash(),
        |keys| match json_series_key(put.identity) {
            Ok(key) => {
                keys.push_key(&key);
                Ok(())
            }
            Err(why) => {
                let reject = why.reject;
                fault = Some(why);
                Err(reject)
            }
        },
        Some(put.timestamp_ms),
        put.value,
    );
    match (taken, fault) {
        (Err(_), Some(fault)) => Err(fault),
        _ => Ok(()),
    }
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
    error(
        status,
        "One or more data points had errors: ask with ?details for what they are",
    )
}

fn error(status: StatusCode, message: &str) -> Response {
    let body = json!({"error": {"code": status.as_u16(), "message": message}});
    (status, Json(body)).into_response()
}
