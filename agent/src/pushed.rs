//! What jobs of this host push to the agent: the Pushgateway's `POST` and `PUT` of `/metrics/job/<job>{/<label>/<value>}` on the
//! status port, for this host only. Answered 2xx once the samples are safe here. Keeps no groups: each push is sent on
//! once, at the time it came.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use metrics::counter;
use parking_lot::Mutex;
use weir_wire::exposition::{self, Format, Measured};
use weir_wire::pushgateway::{self, Group};
use weir_wire::{Invalid, Reject, Sample, SeriesKey, Value};

use crate::app::Clock;
use crate::push::MAX_BYTES;
use crate::queue::Point;
use crate::sink::Sink;

/// When a group was last pushed to: as a Pushgateway tells it.
const PUSH_TIME: &str = "push_time_seconds";
/// Told by who takes pushes; pushing them is a mistake.
const OWN: [&str; 2] = [PUSH_TIME, "push_failure_time_seconds"];
/// How long a body may take.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// Takes pushes. The sink is exchanged when the labels of this host are.
pub(crate) struct Pushes {
    sink: Mutex<Sink>,
    clock: Clock,
}

impl Pushes {
    #[must_use]
    pub(crate) fn new(sink: Sink, clock: Clock) -> Self {
        let sink = Mutex::new(sink);
        Self { sink, clock }
    }

    pub(crate) fn exchange(&self, sink: Sink) {
        *self.sink.lock() = sink;
    }

    async fn take(&self, path: &str, format: Format, text: &[u8]) -> Result<(), Response> {
        let sink = self.sink.lock().clone();
        let points = pushgateway::parse(path)
            .and_then(|group| points(&group, text, format, &sink, (self.clock)()));
        let points = points.map_err(|why| refuse(StatusCode::BAD_REQUEST, why.reject, why.text))?;
        let count = points.len() as u64;
        let kept = sink.keep(points).await;
        kept.map_err(|why| {
            let why = format!("the agent cannot keep them: {why}; send it again");
            answer(StatusCode::SERVICE_UNAVAILABLE, &why)
        })?;
        counter!("weir_agent_pushed_samples_total").increment(count);
        Ok(())
    }
}

/// The handler of the path.
pub(crate) async fn push(
    State(pushes): State<Arc<Pushes>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    // A page in a browser of this host is not a job of it.
    if !peer.ip().to_canonical().is_loopback() || request.headers().contains_key(header::ORIGIN) {
        let why = "the agent takes pushes of programs on its own host only; push to a gateway";
        return answer(StatusCode::FORBIDDEN, why);
    }
    let (path, format) = (request.uri().path().to_owned(), format(request.headers()));
    match body(request.into_body()).await {
        Ok(text) => match pushes.take(&path, format, &text).await {
            Ok(()) => StatusCode::OK.into_response(),
            Err(why) => why,
        },
        Err(why) => why,
    }
}

async fn body(body: Body) -> Result<Vec<u8>, Response> {
    match tokio::time::timeout(BODY_TIMEOUT, to_bytes(body, MAX_BYTES)).await {
        Ok(Ok(bytes)) => Ok(bytes.into()),
        Ok(Err(_)) => {
            let why = format!("the body ended early or is longer than {MAX_BYTES} bytes");
            Err(refuse(StatusCode::PAYLOAD_TOO_LARGE, Reject::TooLong, why))
        }
        Err(_) => Err(answer(
            StatusCode::REQUEST_TIMEOUT,
            "the body did not end in time",
        )),
    }
}

fn format(headers: &HeaderMap) -> Format {
    let kind = headers.get(header::CONTENT_TYPE);
    Format::of_content_type(kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default())
}

/// All of a push or nothing: the labels of its group over those in the text, and this host's beside them.
fn points(
    group: &Group,
    text: &[u8],
    format: Format,
    sink: &Sink,
    now_ms: i64,
) -> Result<Vec<Point>, Invalid> {
    let families = exposition::parse(text, format)
        .map_err(|error| Invalid::new(error.reject, error.to_string()))?;
    if let Some(invalid) = exposition::inconsistent(&families) {
        return Err(invalid);
    }
    let over: Vec<(&str, &str)> = group.labels().collect();
    let mut points = Vec::new();
    let mut put = |own: &SeriesKey, value| -> Result<(), Invalid> {
        let key = sink.labelled(own);
        let key =
            key.map_err(|why| Invalid::new(why, format!("{own} with the agent's labels: {why}")))?;
        let sample = Sample {
            timestamp_ms: now_ms,
            value: Value::Float(value),
        };
        points.push((key, sample));
        Ok(())
    };
    for sample in families.iter().flat_map(|family| &family.samples) {
        if OWN.contains(&&*sample.name) {
            let text = format!("{:?} is told by the agent itself", sample.name);
            return Err(Invalid::new(Reject::BadName, text));
        }
        if sample.timestamp_ms.is_some() {
            let text = "pushed metrics must not have timestamps";
            return Err(Invalid::new(Reject::BadTimestamp, text));
        }
        let Measured::Float(value) = sample.value else {
            let text = "the agent takes no native histograms; push them to a gateway";
            return Err(Invalid::new(Reject::Unsupported, text));
        };
        if !value.is_finite() {
            let text = format!(
                "{:?} is {value}, and the agent sends numbers only; push it to a gateway",
                sample.name
            );
            return Err(Invalid::new(Reject::NotFinite, text));
        }
        put(&exposition::series_key(sample, &over)?, value)?;
    }
    let time = SeriesKey::new(PUSH_TIME, over.iter().copied())
        .map_err(|error| Invalid::new(Reject::BadLabels, error.to_string()))?;
    put(&time, now_ms as f64 / 1_000.0)?;
    Ok(points)
}

fn refuse(status: StatusCode, reject: Reject, why: String) -> Response {
    counter!("weir_agent_pushes_refused_total", "reason" => reject.as_str()).increment(1);
    answer(status, &why)
}

fn answer(status: StatusCode, why: &str) -> Response {
    (status, format!("{why}\n")).into_response()
}
