//! InfluxDB's writes: `/write` of 1.x and `/api/v2/write` of 2.x, and what their clients ask before they write: `/ping`,
//! `/health`, `/query` for `CREATE DATABASE`. Databases, buckets and organisations are not told apart. A faulty line
//! costs only itself; the answer names it in InfluxDB's own words.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Json, Response};
use serde::Deserialize;
use serde_json::json;
use weir_wire::Reject;
use weir_wire::influx::{
    self, FieldNaming, FieldValue, LineError, Precision, field_hash, series_hash, series_key,
};

use super::body::unpacked;
use super::{Api, refusal};
use crate::http::Caller;
use crate::listen::intake::{Delivered, Intake};

const VERSION_HEADER: HeaderName = HeaderName::from_static("x-influxdb-version");
/// Clients look for the number: what is answered here is what 1.8 answers.
const VERSION: HeaderValue = HeaderValue::from_static("1.8.10");
/// Faulty lines named in an answer.
const NAMED: usize = 10;

#[derive(Debug, Default, Deserialize)]
pub(super) struct Parameters {
    #[serde(default)]
    precision: String,
}

/// What did not become points.
#[derive(Default)]
struct Faults {
    lines: u64,
    named: Vec<String>,
}

/// How an API words an error.
#[derive(Clone, Copy)]
enum Words {
    One,
    Two,
}

pub(super) async fn write(
    state: State<Arc<Api>>,
    caller: Caller,
    parameters: Query<Parameters>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    take(state, caller, parameters, &headers, &body, Words::One).await
}

pub(super) async fn write_v2(
    state: State<Arc<Api>>,
    caller: Caller,
    parameters: Query<Parameters>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    take(state, caller, parameters, &headers, &body, Words::Two).await
}

pub(super) async fn ping() -> Response {
    (StatusCode::NO_CONTENT, [(VERSION_HEADER, VERSION)]).into_response()
}

pub(super) async fn health() -> Json<serde_json::Value> {
    Json(json!({
        "name": "weir",
        "message": "ready for queries and writes",
        "status": "pass",
        "checks": [],
        "version": env!("CARGO_PKG_VERSION"),
    }))
}

/// Whatever is asked, there is nothing to say: clients make databases this way.
pub(super) async fn query() -> Response {
    let body = Json(json!({"results": [{"statement_id": 0}]}));
    ([(VERSION_HEADER, VERSION)], body).into_response()
}

async fn take(
    State(api): State<Arc<Api>>,
    caller: Caller,
    Query(parameters): Query<Parameters>,
    headers: &HeaderMap,
    body: &[u8],
    words: Words,
) -> Response {
    let precision: Precision = match parameters.precision.parse() {
        Ok(precision) => precision,
        Err(unknown) => return words.error(StatusCode::BAD_REQUEST, format!("{unknown}")),
    };
    let body = match unpacked(headers, body) {
        Ok(body) => body,
        Err((status, why)) => return words.error(status, why),
    };
    let mut intake = api.taking.influx.take(&caller);
    let faults = lines(&body, precision, &mut intake);
    let any = intake.len() > 0;
    let response = match intake.deliver().await {
        Ok(delivered) => words.answer(&delivered, faults, any),
        Err(error) => {
            let (status, headers) = refusal::status(&error);
            (headers, words.error(status, error.to_string())).into_response()
        }
    };
    api.taking.influx.give_back(intake);
    response
}

fn lines(body: &[u8], precision: Precision, intake: &mut Intake) -> Faults {
    let (mut faults, naming) = (Faults::default(), FieldNaming::default());
    let mut lines = influx::parse(body, precision);
    while let Some(line) = lines.next_line() {
        let line = match line {
            Ok(line) => line,
            Err(error) => {
                faults.add(&error, intake);
                continue;
            }
        };
        let hash = series_hash(line.series);
        for field in line.fields {
            let FieldValue::Number(value) = field.value else {
                intake.refuse(Reject::Unsupported, 1);
                continue;
            };
            let mut fault = None;
            let taken = intake.float(
                field_hash(hash, field.key),
                |keys| match series_key(line.series, field.key, &naming) {
                    Ok(key) => {
                        keys.push_key(&key);
                        Ok(())
                    }
                    Err(why) => {
                        let reject = why.reject();
                        fault = Some(why);
                        Err(reject)
                    }
                },
                line.timestamp_ms,
                value,
            );
            if let (Err(_), Some(fault)) = (taken, fault) {
                let error = LineError {
                    number: line.number,
                    line: line.series,
                    fault,
                };
                faults.add(&error, intake);
                // The other fields have the same fault.
                break;
            }
        }
    }
    faults
}

impl Faults {
    #[cold]
    fn add(&mut self, error: &LineError<'_>, intake: &Intake) {
        intake.refuse(error.fault.reject(), 1);
        self.lines += 1;
        if self.named.len() < NAMED {
            self.named.push(error.to_string());
        }
    }
}

impl Words {
    fn answer(self, delivered: &Delivered, faults: Faults, any: bool) -> Response {
        let written = &delivered.written;
        let by_time = written.too_old + written.too_early;
        let dropped = faults.lines + by_time + delivered.over_limit;
        let mut said = faults.named;
        if faults.lines > said.len() as u64 {
            said.push(format!("{} lines in all cannot be parsed", faults.lines));
        }
        if by_time > 0 {
            said.push("points beyond retention policy".to_owned());
        }
        said.extend(refusal::of_time(written));
        let over_limit = refusal::of_limit(delivered.over_limit);
        let status = match over_limit {
            Some(_) => StatusCode::TOO_MANY_REQUESTS,
            None => StatusCode::BAD_REQUEST,
        };
        said.extend(over_limit);
        if said.is_empty() {
            return (StatusCode::NO_CONTENT, [(VERSION_HEADER, VERSION)]).into_response();
        }
        let said = said.join("\n");
        let error = match any {
            true => format!("partial write: {said} dropped={dropped}"),
            false => said,
        };
        self.error(status, error)
    }

    fn error(self, status: StatusCode, error: String) -> Response {
        let body = match self {
            Words::One => json!({"error": error}),
            Words::Two => json!({"code": code(status), "message": error}),
        };
        (status, [(VERSION_HEADER, VERSION)], Json(body)).into_response()
    }
}

/// InfluxDB 2's names of what went wrong.
fn code(status: StatusCode) -> &'static str {
    match status {
        StatusCode::BAD_REQUEST | StatusCode::UNSUPPORTED_MEDIA_TYPE => "invalid",
        StatusCode::PAYLOAD_TOO_LARGE => "request too large",
        StatusCode::TOO_MANY_REQUESTS => "too many requests",
        StatusCode::SERVICE_UNAVAILABLE => "unavailable",
        _ => "internal error",
    }
}
