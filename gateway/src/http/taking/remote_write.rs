//! Prometheus remote write 1.0 and 2.0 at `/api/v1/write` (prometheus.io/docs/specs/prw). A message that is damaged is
//! refused whole; of one that is whole, invalid series are refused and the others stored, and the sender is told with a
//! 400, which it does not repeat. What is to be repeated is a 5xx.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use weir_wire::epoch::check_ms;
use weir_wire::graphite::Keys;
use weir_wire::remote_write::{
    self, Entry, Point, Points, Refused, Request as RequestV2, ResetHint, SentHistogram,
    SentSample, Version, family_of,
};
use weir_wire::{Invalid, Kind, Reject};

use super::Taking;
use super::body::{Packing, text};
use super::cumulative::{Brought, Counted};
use super::distribution;
use super::refusal::{Faults, Refusal};
use super::unpack::Encoding;
use crate::http::Caller;
use crate::listen::intake::{Delivered, Intake};
use crate::listen::names::Names;

pub(super) const PROTOCOL: &str = "remote_write";
const SAMPLES_WRITTEN: HeaderName =
    HeaderName::from_static("x-prometheus-remote-write-samples-written");
const HISTOGRAMS_WRITTEN: HeaderName =
    HeaderName::from_static("x-prometheus-remote-write-histograms-written");
const EXEMPLARS_WRITTEN: HeaderName =
    HeaderName::from_static("x-prometheus-remote-write-exemplars-written");

/// A message on its way in.
struct Message<'a> {
    taking: &'a Taking,
    intake: Intake,
    brought: Brought,
    samples: u64,
    histograms: u64,
    faults: Faults,
}

pub(super) async fn write(
    State(taking): State<Arc<Taking>>,
    caller: Caller,
    request: Request,
) -> Response {
    let sender = taking.remote_write.sender(&caller);
    let version = match version(request.headers()) {
        Ok(version) => version,
        Err(why) => {
            sender.refuse(Reject::Malformed, 1);
            return Refusal::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, why).into_response();
        }
    };
    let bodies = &taking.bodies;
    let packing = Packing::Always(Encoding::Snappy);
    let read = bodies.take(&sender, packing, request, |body| {
        let mut message = Message {
            taking: &taking,
            intake: taking.remote_write.take(&sender),
            brought: Brought::default(),
            samples: 0,
            histograms: 0,
            faults: Faults::default(),
        };
        let read = match version {
            Version::One => message.one(body),
            Version::Two => message.two(body),
        };
        (message, read)
    });
    match read.await {
        Ok((message, read)) => message.settle(read).await,
        Err(why) => Refusal::from(why).into_response(),
    }
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
        None => Ok(Version::One),
        Some(named) if named == Version::One.message() => Ok(Version::One),
        Some(named) if named == Version::Two.message() => Ok(Version::Two),
        Some(other) => Err(format!(
            "message {other:?} is not known here: {} and {} are",
            Version::One.message(),
            Version::Two.message()
        )),
    }
}

impl Message<'_> {
    async fn settle(mut self, read: Result<(), Refused>) -> Response {
        let taking = self.taking;
        let response = if let Err(refused) = read {
            let invalid = Invalid::from(refused);
            self.intake.discard(invalid.reject);
            self.intake.refuse(invalid.reject, 1);
            Refusal::from(invalid).into_response()
        } else {
            match self.intake.deliver().await {
                Ok(delivered) => {
                    let unstored = taking.cumulative.remember(self.brought);
                    unstored.count(self.intake.sender());
                    answer(&delivered, (self.samples, self.histograms), self.faults)
                }
                Err(error) => Refusal::from(&error).into_response(),
            }
        };
        taking.remote_write.give_back(self.intake);
        response
    }

    fn one(&mut self, bytes: &[u8]) -> Result<(), Refused> {
        for entry in remote_write::parse(bytes) {
            match entry? {
                Entry::Series(series) => self.series(series.identity, series.points())?,
                Entry::Metadata(said) => {
                    let families = &self.taking.families;
                    families.learn(said.family, said.kind, said.help, said.unit);
                }
            }
        }
        Ok(())
    }

    fn two(&mut self, bytes: &[u8]) -> Result<(), Refused> {
        let request = RequestV2::read(bytes)?;
        let mut room = Vec::new();
        for series in request.series() {
            let series = series?;
            let identity = match series.identity(&mut room) {
                Ok(identity) => identity,
                Err(invalid) => {
                    let points = series.points().count() as u64;
                    self.faults.add(&invalid, points, &self.intake);
                    continue;
                }
            };
            if !series.has_points {
                self.faults.add(&pointless(identity), 1, &self.intake);
                continue;
            }
            if let Some((kind, help, unit)) = series.metadata {
                self.learn(identity, kind, help, unit);
            }
            self.series(identity, series.points())?;
        }
        Ok(())
    }

    /// Version 2.0 says it beside every series; the name costs reading the labels, so only what says something is kept.
    fn learn(&self, identity: &[u8], kind: Kind, help: &str, unit: &str) {
        if kind == Kind::Unknown && help.is_empty() && unit.is_empty() {
            return;
        }
        if let Ok(key) = remote_write::series_key(identity) {
            let family = family_of(key.name(), kind);
            self.taking.families.learn(family, kind, help, unit);
        }
    }

    /// NaN and infinities are values to Prometheus, and are stored as they are.
    #[inline]
    fn series(&mut self, identity: &[u8], points: Points<'_>) -> Result<(), Refused> {
        let hash = Names::hash(identity);
        for point in points {
            let taken = match point? {
                Point::Sample(sample) => {
                    check_ms(sample.timestamp_ms).and_then(|()| self.float(hash, identity, &sample))
                }
                Point::Histogram(native) => native
                    .read()
                    .and_then(|sent| self.histogram(hash, identity, sent)),
                Point::Exemplar => Ok(()),
            };
            if let Err(invalid) = taken {
                self.faults.add(&invalid, 1, &self.intake);
            }
        }
        Ok(())
    }

    #[inline]
    fn float(&mut self, hash: u128, identity: &[u8], sample: &SentSample) -> Result<(), Invalid> {
        let key =
            |keys: &mut Keys| remote_write::series_key(identity).map(|key| keys.push_key(&key));
        self.intake
            .float(hash, key, Some(sample.timestamp_ms), sample.value)?;
        self.samples += 1;
        Ok(())
    }

    fn histogram(
        &mut self,
        hash: u128,
        identity: &[u8],
        sent: SentHistogram,
    ) -> Result<(), Invalid> {
        let timestamp_ms = sent.timestamp_ms;
        check_ms(timestamp_ms)?;
        if sent.stale {
            let stale = SentSample {
                timestamp_ms,
                value: weir_wire::stale(),
                start_timestamp_ms: None,
            };
            return self.float(hash, identity, &stale);
        }
        let key = remote_write::series_key(identity)?;
        let interval = match sent.reset_hint {
            ResetHint::Gauge => Some(sent.buckets),
            hint => {
                let counted = Counted {
                    protocol: PROTOCOL,
                    hash,
                    timestamp_ms,
                    start_ms: sent.start_timestamp_ms,
                    reset: hint == ResetHint::Yes,
                    whole_at_first: false,
                    buckets: sent.buckets,
                };
                let now_ms = self.intake.now_ms();
                let cumulative = &self.taking.cumulative;
                cumulative.interval(now_ms, counted, &mut self.brought)?
            }
        };
        let Some(interval) = interval else {
            self.histograms += 1;
            return Ok(());
        };
        let histogram = distribution::kept(&interval)?;
        self.intake
            .histogram(hash, || Ok::<_, Invalid>(key), timestamp_ms, histogram)?;
        self.histograms += 1;
        Ok(())
    }
}

/// As Prometheus words it.
#[cold]
fn pointless(identity: &[u8]) -> Invalid {
    match remote_write::series_key(identity) {
        Ok(key) => {
            let text = format!(
                "TimeSeries must contain at least one sample or histogram for series {:?}",
                key.name()
            );
            Invalid::new(Reject::Malformed, text)
        }
        Err(invalid) => invalid,
    }
}

/// Which of samples and histograms were too old, or of series that were not taken, is not known: they are taken for samples.
fn answer(
    delivered: &Delivered,
    (samples, histograms): (u64, u64),
    mut faults: Faults,
) -> Response {
    faults.add_delivered(delivered);
    let headers = [
        (SAMPLES_WRITTEN, samples.saturating_sub(delivered.refused())),
        (HISTOGRAMS_WRITTEN, histograms),
        (EXEMPLARS_WRITTEN, 0),
    ];
    let headers = headers.map(|(name, count)| (name, HeaderValue::from(count)));
    match faults.is_empty() {
        true => (StatusCode::NO_CONTENT, headers).into_response(),
        false => (headers, Refusal::new(faults.status(), faults.text())).into_response(),
    }
}
