//! How each protocol says no: the answers that its clients know to a request without a token, or too many of them.

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use serde_json::{Value, json};

/// google.rpc.Code, as OTLP has it.
const UNAUTHENTICATED: u8 = 16;
const PERMISSION_DENIED: u8 = 7;
const RESOURCE_EXHAUSTED: u8 = 8;
const INFLUX_ERROR: HeaderName = HeaderName::from_static("x-influxdb-error");

/// Under which protocol the ledger counts what is sent to this path.
pub(super) fn protocol(path: &str) -> &'static str {
    match path {
        "/api/v1/write" => "remote_write",
        "/write" | "/api/v2/write" | "/query" => "influx_http",
        "/api/put" => "opentsdb_http",
        "/v1/metrics" => "otlp",
        "/collectd" => "collectd",
        _ if path.starts_with("/metrics/job") => "pushgateway",
        _ => "http",
    }
}

/// A refusal in the words of the path's protocol.
pub(super) fn refusal(path: &str, headers: &HeaderMap, status: StatusCode, why: &str) -> Response {
    let mut response = match path {
        "/api/v1/write" => (status, format!("{why}\n")).into_response(),
        "/write" | "/query" => {
            let named = [(INFLUX_ERROR, why.to_owned())];
            (status, named, Json(json!({"error": why}))).into_response()
        }
        "/api/v2/write" => {
            let code = match status {
                StatusCode::UNAUTHORIZED => "unauthorized",
                StatusCode::FORBIDDEN => "forbidden",
                _ => "too many requests",
            };
            (status, Json(json!({"code": code, "message": why}))).into_response()
        }
        "/api/put" => {
            let error = json!({"code": status.as_u16(), "message": why});
            (status, Json(json!({"error": error}))).into_response()
        }
        "/v1/metrics" => otlp(headers, status, why),
        _ if path.starts_with("/api/") => (status, Json(prometheus(status, why))).into_response(),
        _ => (status, format!("{why}\n")).into_response(),
    };
    if status == StatusCode::UNAUTHORIZED {
        // A browser asks for a password then: the token.
        let basic = HeaderValue::from_static("Basic realm=\"weir\", charset=\"UTF-8\"");
        response
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, basic);
    }
    response
}

fn prometheus(status: StatusCode, why: &str) -> Value {
    let kind = match status {
        StatusCode::UNAUTHORIZED => "unauthorized",
        StatusCode::FORBIDDEN => "forbidden",
        _ => "too_many_requests",
    };
    json!({"status": "error", "errorType": kind, "error": why})
}

/// A `Status`: in JSON, or as a message with `code` (1, varint) and `message` (2, bytes).
fn otlp(headers: &HeaderMap, status: StatusCode, why: &str) -> Response {
    let code = match status {
        StatusCode::UNAUTHORIZED => UNAUTHENTICATED,
        StatusCode::FORBIDDEN => PERMISSION_DENIED,
        _ => RESOURCE_EXHAUSTED,
    };
    let kind = headers.get(header::CONTENT_TYPE);
    if kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/json")) {
        return (status, Json(json!({"code": code, "message": why}))).into_response();
    }
    // Every text here is shorter than 128 bytes; a longer one would need two bytes for its length.
    let why = why.get(..why.len().min(127)).unwrap_or_default();
    let mut message = vec![0x08, code, 0x12, why.len() as u8];
    message.extend_from_slice(why.as_bytes());
    let kind = [(header::CONTENT_TYPE, "application/x-protobuf")];
    (status, kind, message).into_response()
}
