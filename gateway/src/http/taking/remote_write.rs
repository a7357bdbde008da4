//! Prometheus remote write 1.0 and 2.0 at `/api/v1/write` (prometheus.io/docs/specs/prw). A message that is damaged is
//! refused whole; of one that is whole, invalid series are refused and the others stored, and the sender is told with a
//! 400, which it does not repeat. What is to be repeated is a 5xx.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use weir_wire::Invalid;
use weir_wire::graphite::Keys;
use weir_wire::remote_write::{
    self, Entry, MAX_DECODED_BYTES, Packed, Point, Points, Refused, Request, SentHistogram,
    SentSample,
};

use super::body::text;
use super::cumulative::{Brought, Cumulative};
use super::{Api, refusal};
use crate::http::Caller;
use crate::listen::intake::{Delivered, Intake};
use crate::listen::names::Names;

const SAMPLES_WRITTEN: HeaderName =
    HeaderName::from_static("x-prometheus-remote-write-samples-written");
const HISTOGRAMS_WRITTEN: HeaderName =
    HeaderName::from_static("x-prometheus-remote-write-histograms-written");
const EXEMPLARS_WRITTEN: HeaderName =
    HeaderName::from_static("x-prometheus-remote-write-exemplars-written");
/// Invalid series named in an answer.
const NAMED: usize = 5;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

/// A message on its way in.
struct Message<'a> {
    intake: &'a mut Intake,
    cumulative: &'a Cumulative,
    brought: Brought,
    histograms: u64,
    faults: Faults,
}

/// What a message held that was not taken.
#[derive(Default)]
struct Faults {
    invalid: u64,
    named: Vec<String>,
}

pub(super) async fn write(
    State(api): State<Arc<Api>>,
    caller: Caller,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let version = match version(&headers) {
        Ok(version) => version,
        Err(why) => return (StatusCode::UNSUPPORTED_MEDIA_TYPE, why).into_response(),
    };
    let mut message = Vec::new();
    match remote_write::unpack(&body, MAX_DECODED_BYTES, &mut message) {
        Ok(()) => {}
        Err(error @ Packed::TooLarge(..)) => {
            return (StatusCode::PAYLOAD_TOO_LARGE, error.to_string()).into_response();
        }
        Err(error) => return (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
    }
    let mut intake = api.taking.remote_write.take(&caller);
    let mut taking = Message {
        intake: &mut intake,
        cumulative: &api.taking.cumulative,
        brought: Brought::default(),
        histograms: 0,
        faults: Faults::default(),
    };
    let read = match version {
        Version::One => taking.one(&message),
        Version::Two => taking.two(&message),
    };
    let Message {
        brought,
        histograms,
        faults,
        ..
    } = taking;
    let response = match read {
        Err(refused) => {
            let invalid = Invalid::from(refused);
            intake.discard(invalid.reject);
            intake.refuse(invalid.reject, 1);
            (StatusCode::BAD_REQUEST, invalid.text).into_response()
        }
        Ok(()) => match intake.deliver().await {
            Ok(delivered) => {
                api.taking.cumulative.remember(brought);
                answer(version, &delivered, histograms, faults)
            }
            Err(error) => {
                let (status, headers) = refusal::status(&error);
                (status, headers, error.to_string()).into_response()
            }
        },
    };
    api.taking.remote_write.give_back(intake);
    response
}

/// By the content type, as the specification has it; without a parameter it is version 1.0.
fn version(headers: &HeaderMap) -> Result<Version, String> {
    let encoding = text(headers, header::CONTENT_ENCODING);
    if !encoding.is_empty() && encoding != "snappy" {
        return Err(format!(
            "content encoding {encoding:?} is not taken: send snappy"
        ));
    }
    let mut parts = text(headers, header::CONTENT_TYPE)
        .split(';')
        .map(str::trim);
    let kind = parts.next().unwrap_or("");
    if !kind.is_empty() && kind != "application/x-protobuf" {
        return Err(format!(
            "content type {kind:?} is not taken: send application/x-protobuf"
        ));
    }
    match parts.find_map(|part| part.strip_prefix("proto=")) {
        None | Some("prometheus.WriteRequest") => Ok(Version::One),
        Some("io.prometheus.write.v2.Request") => Ok(Version::Two),
        Some(other) => Err(format!(
            "message {other:?} is not known here: prometheus.WriteRequest and io.prometheus.write.v2.Request are"
        )),
    }
}

impl Message<'_> {
    fn one(&mut self, bytes: &[u8]) -> Result<(), Refused> {
        for entry in remote_write::parse(bytes) {
            if let Entry::Series(series) = entry? {
                self.series(series.identity, series.points())?;
            }
        }
        Ok(())
    }

    fn two(&mut self, bytes: &[u8]) -> Result<(), Refused> {
        let request = Request::read(bytes)?;
        let mut room = Vec::new();
        for series in request.series() {
            let series = series?;
            match series.identity(&mut room) {
                Ok(identity) => self.series(identity, series.points())?,
                Err(invalid) => {
                    let points = series.points().count() as u64;
                    self.faults.add(&invalid, points, self.intake);
                }
            }
        }
        Ok(())
    }

    /// NaN and infinities are values to Prometheus, and are stored as they are.
    #[inline]
    fn series(&mut self, identity: &[u8], points: Points<'_>) -> Result<(), Refused> {
        let hash = Names::hash(identity);
        for point in points {
            let taken = match point? {
                Point::Sample(sample) => self.float(hash, identity, &sample),
                Point::Histogram(native) => native
                    .read()
                    .and_then(|sent| self.histogram(hash, identity, sent)),
                Point::Exemplar => Ok(()),
            };
            if let Err(invalid) = taken {
                self.faults.add(&invalid, 1, self.intake);
            }
        }
        Ok(())
    }

    #[inline]
    fn float(&mut self, hash: u128, identity: &[u8], sample: &SentSample) -> Result<(), Invalid> {
        let mut invalid = None;
        let key = |keys: &mut Keys| {
            let read = remote_write::series_key(identity);
            let key = read.map_err(|why| invalid.insert(why).reject)?;
            keys.push_key(&key);
            Ok(())
        };
        let taken = self
            .intake
            .float(hash, key, Some(sample.timestamp_ms), sample.value);
        match (taken, invalid) {
            (Err(reject), None) => Err(Invalid::new(reject, reject.as_str())),
            (Err(_), Some(invalid)) => Err(invalid),
            (Ok(()), _) => Ok(()),
        }
    }

    fn histogram(
        &mut self,
        hash: u128,
        identity: &[u8],
        sent: SentHistogram,
    ) -> Result<(), Invalid> {
        let key = remote_write::series_key(identity)?;
        let timestamp_ms = sent.timestamp_ms;
        if sent.stale {
            let stale = SentSample {
                timestamp_ms,
                value: weir_wire::stale(),
                start_timestamp_ms: None,
            };
            return self.float(hash, identity, &stale);
        }
        self.histograms += 1;
        let interval = self.cumulative.interval(hash, sent, &mut self.brought);
        let Some(interval) = interval else {
            return Ok(());
        };
        self.intake
            .histogram(hash, || Ok(key), timestamp_ms, interval)
            .map_err(|reject| Invalid::new(reject, "no more new series are taken"))
    }
}

impl Faults {
    #[cold]
    fn add(&mut self, invalid: &Invalid, points: u64, intake: &Intake) {
        self.invalid += points;
        intake.refuse(invalid.reject, points);
        if self.named.len() < NAMED {
            self.named.push(invalid.text.clone());
        }
    }
}

fn answer(version: Version, delivered: &Delivered, histograms: u64, faults: Faults) -> Response {
    let written = &delivered.written;
    let mut said = faults.named;
    if faults.invalid > said.len() as u64 {
        said.push(format!("{} samples refused in all", faults.invalid));
    }
    said.extend(refusal::of_time(written));
    let over_limit = refusal::of_limit(delivered.over_limit);
    let status = match (said.is_empty(), &over_limit) {
        (_, Some(_)) => StatusCode::TOO_MANY_REQUESTS,
        (false, None) => StatusCode::BAD_REQUEST,
        (true, None) => StatusCode::NO_CONTENT,
    };
    said.extend(over_limit);
    let mut headers = HeaderMap::new();
    if version == Version::Two {
        let stored = written.stored + written.duplicate + written.replaced;
        let samples = stored.saturating_sub(histograms);
        headers.insert(SAMPLES_WRITTEN, HeaderValue::from(samples));
        headers.insert(HISTOGRAMS_WRITTEN, HeaderValue::from(histograms));
        headers.insert(EXEMPLARS_WRITTEN, HeaderValue::from(0));
    }
    (status, headers, said.join("\n")).into_response()
}
