//! What a sender is told of what was not taken: the status with the time to come again, the same by every protocol, and the
//! first few causes in words. The form of the words is the protocol's.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use weir_store::{StoreError, Written};
use weir_wire::Invalid;

use super::body::NoBody;
use crate::admission::Untaken;
use crate::listen::intake::{Delivered, Intake};

/// Seconds after which a client may try again.
const RETRY_AFTER_S: &str = "5";
/// Causes that are repeated in an answer.
const NAMED: usize = 10;

/// Nothing of a request was taken.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) why: String,
    /// Until it may be tried again; else a while.
    wait: Option<Duration>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, why: impl Into<String>) -> Self {
        let why = why.into();
        Self {
            status,
            why,
            wait: None,
        }
    }

    /// The same for senders that come again only after some statuses: what will pass is 503.
    pub(super) fn passing(self) -> Self {
        let status = match self.status {
            StatusCode::INSUFFICIENT_STORAGE | StatusCode::INTERNAL_SERVER_ERROR => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            status => status,
        };
        Self { status, ..self }
    }

    /// Whoever may come again is told when.
    pub(super) fn headers(&self) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if self.status.is_server_error() || self.status == StatusCode::TOO_MANY_REQUESTS {
            let wait = match self.wait {
                Some(wait) => HeaderValue::from(wait.as_secs() + 1),
                None => HeaderValue::from_static(RETRY_AFTER_S),
            };
            headers.insert(header::RETRY_AFTER, wait);
        }
        headers
    }
}

impl IntoResponse for Refusal {
    /// In plain words.
    fn into_response(self) -> Response {
        (self.status, self.headers(), format!("{}\n", self.why)).into_response()
    }
}

impl From<NoBody> for Refusal {
    fn from(why: NoBody) -> Self {
        Self::new(why.status(), why.to_string())
    }
}

impl From<Invalid> for Refusal {
    fn from(invalid: Invalid) -> Self {
        Self::new(StatusCode::BAD_REQUEST, invalid.text)
    }
}

impl From<&Untaken> for Refusal {
    fn from(untaken: &Untaken) -> Self {
        let status = match untaken {
            Untaken::Rate(_) => StatusCode::TOO_MANY_REQUESTS,
            Untaken::Store(StoreError::Full(_)) => StatusCode::INSUFFICIENT_STORAGE,
            Untaken::Priority(_)
            | Untaken::Store(StoreError::Busy | StoreError::Closed | StoreError::Starting { .. }) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            Untaken::Store(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let wait = match untaken {
            Untaken::Rate(wait) => Some(*wait),
            _ => None,
        };
        Self {
            wait,
            ..Self::new(status, untaken.to_string())
        }
    }
}

/// What was not taken of a request whose other parts stand: so many samples, lines, points, the first few in words.
#[derive(Debug, Default)]
pub(super) struct Faults {
    pub(super) count: u64,
    named: Vec<String>,
    told: u64,
    over_limit: u64,
}

impl Faults {
    /// Notes what is invalid, and counts it.
    #[cold]
    pub(super) fn add(&mut self, invalid: &Invalid, count: u64, intake: &Intake) {
        intake.refuse(invalid.reject, count);
        self.note(&invalid.text, count);
    }

    /// Notes what is counted elsewhere.
    pub(super) fn note(&mut self, text: impl ToString, count: u64) {
        self.count += count;
        self.told += 1;
        if self.named.len() < NAMED {
            self.named.push(text.to_string());
        }
    }

    /// Notes what was refused on the way to the disk, where it was counted.
    pub(super) fn add_delivered(&mut self, delivered: &Delivered) {
        let written = &delivered.written;
        if let Some(text) = of_time(written) {
            self.note(text, written.too_old + written.too_early);
        }
        self.over_limit = delivered.not_taken.over_limit;
        for (count, text) in delivered.not_taken.words() {
            self.note(text, count);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.told == 0
    }

    /// 429 where a limit on series was reached, 400 for anything else.
    pub(super) fn status(&self) -> StatusCode {
        match self.over_limit {
            0 => StatusCode::BAD_REQUEST,
            _ => StatusCode::TOO_MANY_REQUESTS,
        }
    }

    /// One a line; how many more there were stands last.
    pub(super) fn text(&self) -> String {
        let mut text = self.named.join("\n");
        let more = self.told - self.named.len() as u64;
        if more > 0 {
            text.push_str(&format!("\n... and {more} more"));
        }
        text
    }
}

/// What was wrong with points that were not taken for their time, if any were.
pub(super) fn of_time(written: &Written) -> Option<String> {
    match (written.too_old, written.too_early) {
        (0, 0) => None,
        (old, 0) => Some(format!("{old} samples are older than is kept")),
        (0, early) => Some(format!(
            "{early} samples are too far in the future: look at the sender's clock"
        )),
        (old, early) => Some(format!(
            "{old} samples are older than is kept, and {early} too far in the future"
        )),
    }
}
