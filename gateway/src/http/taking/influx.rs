//! InfluxDB's writes: `/write` of 1.x and `/api/v2/write` of 2.x, and what their clients ask before they write: `/ping`,
//! `/health`, `/query` for `CREATE DATABASE`. Databases, buckets and organisations are not told apart. A faulty line
//! costs only itself; the answer names it in InfluxDB's own words.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Query, RawQuery, Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Json, Response};
use serde::Deserialize;
use serde_json::json;
use weir_wire::Reject;
use weir_wire::graphite::Keys;
use weir_wire::influx::{
    self, FieldNaming, FieldValue, Line, LineError, Precision, field_hash, series_hash, series_key,
};

use super::Taking;
use super::body::Packing;
use super::refusal::{Faults, Refusal};
use crate::http::Caller;
use crate::listen::intake::{Delivered, Intake};

const VERSION_HEADER: HeaderName = HeaderName::from_static("x-influxdb-version");
/// Clients look for the number: what is answered here is what 1.8 answers.
const VERSION: HeaderValue = HeaderValue::from_static("1.8.10");

#[derive(Debug, Default, Deserialize)]
pub(super) struct Parameters {
    #[serde(default)]
    precision: String,
}

/// Statements whose answer is that it is done.
const DONE: [&str; 4] = [
    "create database",
    "create retention policy",
    "alter retention policy",
    "create user",
];

/// How an API words an error.
#[derive(Clone, Copy)]
enum Words {
    One,
    Two,
}

pub(super) async fn write(
    state: State<Arc<Taking>>,
    caller: Caller,
    parameters: Query<Parameters>,
    request: Request,
) -> Response {
    take(state, caller, parameters, request, Words::One).await
}

pub(super) async fn write_v2(
    state: State<Arc<Taking>>,
    caller: Caller,
    parameters: Query<Parameters>,
    request: Request,
) -> Response {
    take(state, caller, parameters, request, Words::Two).await
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

/// What clients want made before they write is there already; there is no other InfluxQL.
pub(super) async fn query(RawQuery(query): RawQuery, body: Bytes) -> Response {
    let query = query.unwrap_or_default();
    let mut pairs = form_urlencoded::parse(query.as_bytes()).chain(form_urlencoded::parse(&body));
    let statement = pairs.find(|(name, _)| name == "q");
    let statement = statement.map(|(_, q)| q.to_ascii_lowercase());
    let statement = statement.unwrap_or_default();
    let words: Vec<&str> = statement.split_whitespace().take(3).collect();
    let words = words.join(" ");
    if DONE.iter().any(|done| words.starts_with(done)) {
        let body = Json(json!({"results": [{"statement_id": 0}]}));
        return ([(VERSION_HEADER, VERSION)], body).into_response();
    }
    let why =
        "InfluxQL is not spoken here: ask in PromQL at /api/v1/query or in Graphite's at /render";
    Words::One.error(Refusal::new(StatusCode::BAD_REQUEST, why))
}

async fn take(
    State(taking): State<Arc<Taking>>,
    caller: Caller,
    Query(parameters): Query<Parameters>,
    request: Request,
    words: Words,
) -> Response {
    let sender = taking.influx.sender(&caller);
    let precision: Precision = match parameters.precision.parse() {
        Ok(precision) => precision,
        Err(unknown) => {
            sender.refuse(Reject::Malformed, 1);
            return words.error(Refusal::new(StatusCode::BAD_REQUEST, format!("{unknown}")));
        }
    };
    let bodies = &taking.bodies;
    let read = bodies.take(&sender, Packing::AsSaid, request, |body| {
        let mut intake = taking.influx.take(&sender);
        let faults = lines(body, precision, &taking.config.influx_naming, &mut intake);
        (intake, faults)
    });
    let (mut intake, faults) = match read.await {
        Ok(read) => read,
        Err(why) => return words.error(why.into()),
    };
    let any = intake.len() > 0;
    let response = match intake.deliver().await {
        Ok(delivered) => words.answer(&delivered, faults, any),
        Err(error) => words.error(Refusal::from(&error)),
    };
    taking.influx.give_back(intake);
    response
}

/// Takes lines whose sender is told nothing; what is wrong with any is counted.
pub(crate) fn unanswered(
    datagram: &[u8],
    precision: Precision,
    naming: &FieldNaming,
    intake: &mut Intake,
) {
    lines(datagram, precision, naming, intake);
}

fn lines(body: &[u8], precision: Precision, naming: &FieldNaming, intake: &mut Intake) -> Faults {
    let mut faults = Faults::default();
    let mut lines = influx::parse(body, precision);
    while let Some(line) = lines.next_line() {
        let taken = line.and_then(|line| take_line(&line, naming, intake));
        if let Err(error) = taken {
            intake.refuse(error.fault.reject(), 1);
            faults.note(error, 1);
        }
    }
    faults
}

fn take_line<'a>(
    line: &Line<'a, '_>,
    naming: &FieldNaming,
    intake: &mut Intake,
) -> Result<(), LineError<'a>> {
    let hash = series_hash(line.series);
    for field in line.fields {
        let FieldValue::Number(value) = field.value else {
            intake.refuse(Reject::Unsupported, 1);
            continue;
        };
        let key = |keys: &mut Keys| {
            series_key(line.series, field.key, naming).map(|key| keys.push_key(&key))
        };
        let hash = field_hash(hash, field.key);
        let taken = intake.float(hash, key, line.timestamp_ms, value);
        // The other fields have the same fault.
        taken.map_err(|fault| LineError {
            number: line.number,
            line: line.series,
            fault,
        })?;
    }
    Ok(())
}

impl Words {
    fn answer(self, delivered: &Delivered, mut faults: Faults, any: bool) -> Response {
        let by_time = delivered.written.too_old + delivered.written.too_early;
        if by_time > 0 {
            faults.note("points beyond retention policy", 0);
        }
        faults.add_delivered(delivered);
        if faults.is_empty() {
            return (StatusCode::NO_CONTENT, [(VERSION_HEADER, VERSION)]).into_response();
        }
        let said = faults.text();
        let error = match any {
            true => format!("partial write: {said} dropped={}", faults.count),
            false => said,
        };
        self.error(Refusal::new(faults.status(), error))
    }

    fn error(self, refusal: Refusal) -> Response {
        let (status, why) = (refusal.status, &refusal.why);
        let body = match self {
            Words::One => json!({"error": why}),
            Words::Two => json!({"code": code(status), "message": why}),
        };
        let version = [(VERSION_HEADER, VERSION)];
        (status, refusal.headers(), version, Json(body)).into_response()
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
