//! Answers: `ExportMetricsServiceResponse` and, for what is refused, `google.rpc.Status`; each in the form of the request.

use serde_json::json;

use crate::protobuf::{put_bytes, put_number};

/// Codes of `google.rpc.Code` that a receiver gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorCode {
    /// With 400: do not send it again.
    InvalidArgument = 3,
    /// With 429.
    ResourceExhausted = 8,
    /// With 401.
    Unauthenticated = 16,
    /// With 403.
    PermissionDenied = 7,
    /// With 503: send it again later.
    Unavailable = 14,
    /// With 500.
    Internal = 13,
}

/// The body of a 200: nothing if all was taken, otherwise how many points were refused, and a text.
#[must_use]
pub fn accepted(rejected_points: u64, message: &str, as_json: bool) -> Vec<u8> {
    let whole = rejected_points == 0 && message.is_empty();
    if as_json {
        let partial =
            json!({ "rejectedDataPoints": rejected_points.to_string(), "errorMessage": message });
        let body = if whole {
            json!({})
        } else {
            json!({ "partialSuccess": partial })
        };
        return body.to_string().into_bytes();
    }
    let mut body = Vec::new();
    if !whole {
        let mut partial = Vec::new();
        if rejected_points > 0 {
            put_number(&mut partial, 1, rejected_points);
        }
        if !message.is_empty() {
            put_bytes(&mut partial, 2, message.as_bytes());
        }
        put_bytes(&mut body, 1, &partial);
    }
    body
}

/// The body of any other answer.
#[must_use]
pub fn error_status(code: ErrorCode, message: &str, as_json: bool) -> Vec<u8> {
    if as_json {
        return json!({ "code": code as u8, "message": message })
            .to_string()
            .into_bytes();
    }
    let mut body = Vec::new();
    put_number(&mut body, 1, code as u64);
    put_bytes(&mut body, 2, message.as_bytes());
    body
}
