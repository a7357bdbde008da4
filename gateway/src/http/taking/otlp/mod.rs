//! `POST /v1/metrics`: OTLP's metrics in protobuf and in JSON (opentelemetry.io, OTLP 1.x, "OTLP/HTTP"). Points that are
//! refused are told as a partial success; what a request says is taken apart in `take.rs`.
//!
//! | kind | what is stored |
//! |---|---|
//! | gauge, cumulative sum | the value |
//! | delta sum | a running total, beginning with a 0 just after its start time |
//! | histogram, exponential histogram | the distribution of the interval under the metric's name, and by `otlp.histograms` the classic `_bucket`, `_count` and `_sum` of explicit bounds |
//! | summary | the quantiles as labels, `_count`, `_sum` |
//! | "no recorded value" | a stale mark |

mod classic;
mod take;
mod totals;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use weir_wire::Reject;
use weir_wire::otlp::{ErrorCode, Rules, accepted, error_status};

use super::Taking;
use super::body::{Packing, text};
use super::refusal::Refusal;
use crate::http::Caller;
use take::Message;
pub(super) use totals::Totals;

pub(super) const PROTOCOL: &str = "otlp";

/// In which form histograms are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Histograms {
    /// The distribution of each interval.
    Histogram,
    /// Prometheus' classic series; exponential ones, which have none, as [`Histograms::Histogram`].
    Classic,
    Both,
}

/// What the configuration says of OTLP.
#[derive(Debug, Clone)]
pub struct OtlpConfig {
    pub rules: Rules,
    pub histograms: Histograms,
}

pub(super) async fn metrics(
    State(taking): State<Arc<Taking>>,
    caller: Caller,
    request: Request,
) -> Response {
    let sender = taking.otlp.sender(&caller);
    let Some(json) = is_json(request.headers()) else {
        sender.refuse(Reject::Malformed, 1);
        let why = "send application/x-protobuf or application/json";
        return refuse(Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, why), false);
    };
    let bodies = &taking.bodies;
    let read = bodies.take(&sender, Packing::AsSaid, request, |body| {
        let mut message = Message::new(&taking, &sender);
        let read = message.read(body, json);
        (message, read)
    });
    let (message, read) = match read.await {
        Ok(read) => read,
        Err(why) => return refuse(why.into(), json),
    };
    match read {
        Ok(()) => settle(message, json).await,
        Err(invalid) => refuse(message.discard(invalid).into(), json),
    }
}

async fn settle(mut message: Message<'_>, json: bool) -> Response {
    let taking = message.taking;
    let delivered = message.intake.deliver().await;
    if delivered.is_ok() {
        let unstored = taking.cumulative.remember(message.brought);
        unstored.count(message.intake.sender());
    }
    taking.otlp.give_back(message.intake);
    match delivered {
        Ok(delivered) => {
            message.faults.add_delivered(&delivered);
            let body = accepted(message.faults.count, &message.faults.text(), json);
            (StatusCode::OK, [(header::CONTENT_TYPE, kind(json))], body).into_response()
        }
        Err(error) => refuse(Refusal::from(&error), json),
    }
}

/// `None` for a type that is not taken.
fn is_json(headers: &HeaderMap) -> Option<bool> {
    match text(headers, header::CONTENT_TYPE)
        .split(';')
        .next()?
        .trim()
    {
        media if media.eq_ignore_ascii_case("application/json") => Some(true),
        media if media.eq_ignore_ascii_case("application/x-protobuf") => Some(false),
        _ => None,
    }
}

fn kind(json: bool) -> HeaderValue {
    HeaderValue::from_static(match json {
        true => "application/json",
        false => "application/x-protobuf",
    })
}

/// Exporters come again after 503, and not after 500 or 507.
fn refuse(refusal: Refusal, json: bool) -> Response {
    let refusal = refusal.passing();
    let code = match refusal.status {
        StatusCode::SERVICE_UNAVAILABLE => ErrorCode::Unavailable,
        StatusCode::TOO_MANY_REQUESTS => ErrorCode::ResourceExhausted,
        _ => ErrorCode::InvalidArgument,
    };
    let body = error_status(code, &refusal.why, json);
    let kind = [(header::CONTENT_TYPE, kind(json))];
    (refusal.status, refusal.headers(), kind, body).into_response()
}
