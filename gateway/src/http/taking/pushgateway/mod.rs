//! The Pushgateway's API: `PUT`, `POST` and `DELETE` of `/metrics/job/<job>{/<label>/<value>}`. Weir is itself what jobs push
//! to, so what comes is stored as it comes; the group is remembered, and told again each `pushgateway.interval`, so that
//! its last values stay to be seen until it is deleted or its time to live is over (`?ttl=1h`, or `pushgateway.ttl`).
//!
//! Beyond the Pushgateway: that time to live, timestamps (`pushgateway.timestamps`), and `?mode=aggregate`, which adds the
//! counters and classic histograms of each push to what the group has, for many short jobs of one name.
//!
//! A push is taken whole or not at all. A group is in its file before the push is answered.

mod adding;
mod bounds;
mod ends;
mod file;
mod group;
mod groups;
mod listing;
mod pushed;
mod remember;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use weir_wire::exposition::Format;
use weir_wire::pushgateway;
use weir_wire::{Invalid, Reject};

use super::Taking;
use super::body::{Packing, text};
use super::refusal::Refusal;
use crate::admission::Sender;
use crate::http::Caller;
use group::Change;
pub(super) use groups::Groups;
use groups::Telling;
pub(super) use listing::metrics;
pub(crate) use remember::remember;

pub(super) const PROTOCOL: &str = "pushgateway";

/// What the configuration says of it.
#[derive(Debug, Clone)]
pub struct PushgatewayConfig {
    /// How often groups are told again.
    pub interval: Duration,
    /// Zero is for ever.
    pub ttl: Duration,
    pub timestamps: bool,
    /// The mode of pushes that name none.
    pub aggregate: bool,
    /// Where groups are kept.
    pub dir: std::path::PathBuf,
    /// Whether `/api/v1/admin/wipe` is there.
    pub admin: bool,
}

/// Why a group is as it was.
#[derive(Debug, thiserror::Error)]
enum NotDone {
    #[error("{0}")]
    Refused(#[from] Invalid),
    #[error("{}", .0.why)]
    Store(Refusal),
    #[error("the group's file cannot be written: {0}; send it again")]
    File(String),
}

impl IntoResponse for NotDone {
    fn into_response(self) -> Response {
        match self {
            Self::Refused(why) => refuse(&why),
            Self::Store(refusal) => refusal.into_response(),
            Self::File(_) => {
                Refusal::new(StatusCode::SERVICE_UNAVAILABLE, self.to_string()).into_response()
            }
        }
    }
}

/// What a request asks beside its path.
struct Asked {
    aggregate: bool,
    /// `None`: as it was before, or as the configuration says.
    ttl_ms: Option<i64>,
}

pub(super) async fn push(
    State(taking): State<Arc<Taking>>,
    caller: Caller,
    request: Request,
) -> Response {
    let sender = taking.pushgateway.sender(&caller);
    let (uri, method) = (request.uri().clone(), request.method().clone());
    let named = pushgateway::parse(uri.path()).and_then(|group| Ok((group, asked(&taking, &uri)?)));
    let (group, asked) = match named {
        Ok(named) => named,
        Err(why) => {
            sender.refuse(why.reject, 1);
            return refuse(&why);
        }
    };
    let (format, timestamps) = (
        format(request.headers()),
        taking.config.pushgateway.timestamps,
    );
    let bodies = &taking.bodies;
    let read = bodies.take(&sender, Packing::AsSaid, request, |body| {
        pushed::read(&taking.families, body, format, &group, timestamps)
    });
    let telling = telling(&taking, &sender);
    let pushed = match read.await {
        Ok(Ok(pushed)) => pushed,
        Ok(Err(why)) => {
            sender.refuse(why.reject, 1);
            // As in the Pushgateway: one that says what cannot be is noted.
            taking.groups.failed(&telling, &group).await;
            return refuse(&why);
        }
        Err(why) => return Refusal::from(why).into_response(),
    };
    let change = Change {
        replace_all: method == Method::PUT,
        aggregate: asked.aggregate,
        ttl_ms: asked.ttl_ms,
        pushed,
    };
    match taking.groups.push(&telling, &group, change).await {
        Ok(()) => StatusCode::OK.into_response(),
        Err(why) => why.into_response(),
    }
}

pub(super) async fn delete(
    State(taking): State<Arc<Taking>>,
    caller: Caller,
    uri: Uri,
) -> Response {
    let sender = taking.pushgateway.sender(&caller);
    let telling = telling(&taking, &sender);
    match pushgateway::parse(uri.path()) {
        Ok(group) => match taking.groups.delete(&telling, &group.key()).await {
            Ok(()) => StatusCode::ACCEPTED.into_response(),
            Err(why) => why.into_response(),
        },
        Err(why) => refuse(&why),
    }
}

pub(super) async fn wipe(State(taking): State<Arc<Taking>>, caller: Caller) -> Response {
    let sender = taking.pushgateway.sender(&caller);
    for key in taking.groups.keys() {
        let telling = telling(&taking, &sender);
        if let Err(why) = taking.groups.delete(&telling, &key).await {
            return why.into_response();
        }
    }
    StatusCode::ACCEPTED.into_response()
}

fn telling<'a>(taking: &'a Taking, sender: &'a Sender) -> Telling<'a> {
    Telling { taking, sender }
}

fn asked(taking: &Taking, uri: &Uri) -> Result<Asked, Invalid> {
    let mut asked = Asked {
        aggregate: taking.config.pushgateway.aggregate,
        ttl_ms: None,
    };
    let query = uri.query().unwrap_or_default();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match (&*name, &*value) {
            ("mode", "aggregate") => asked.aggregate = true,
            ("mode", "replace") => asked.aggregate = false,
            ("mode", _) => return Err(bad("mode must be aggregate or replace")),
            ("ttl", text) => {
                let ttl_ms = weir_query::promql::parse_duration(text).filter(|ms| *ms >= 0);
                let ttl_ms = ttl_ms.or_else(|| (text == "0").then_some(0));
                let right = || bad("ttl must be a duration, as in 10m, or 0 for ever");
                asked.ttl_ms = Some(ttl_ms.ok_or_else(right)?);
            }
            _ => {}
        }
    }
    Ok(asked)
}

fn bad(text: &str) -> Invalid {
    Invalid::new(Reject::Malformed, text)
}

fn format(headers: &HeaderMap) -> Format {
    Format::of_content_type(text(headers, header::CONTENT_TYPE))
}

fn refuse(why: &Invalid) -> Response {
    let status = match why.reject {
        Reject::OverLimit => StatusCode::TOO_MANY_REQUESTS,
        _ => StatusCode::BAD_REQUEST,
    };
    Refusal::new(status, why.text.as_str()).into_response()
}
