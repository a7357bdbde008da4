//! What a failure of the store is in HTTP: who may try again is told so, and when.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use weir_store::{StoreError, Written};

use crate::admission::Untaken;

/// Seconds after which a client may try again.
const RETRY_AFTER_S: &str = "5";

/// The status, and the headers to go with it.
pub(super) fn status(error: &Untaken) -> (StatusCode, HeaderMap) {
    let mut retry_after = HeaderValue::from_static(RETRY_AFTER_S);
    let status = match error {
        Untaken::Rate(wait) => {
            retry_after = HeaderValue::from(wait.as_secs() + 1);
            StatusCode::TOO_MANY_REQUESTS
        }
        Untaken::Store(StoreError::Full(_)) => StatusCode::INSUFFICIENT_STORAGE,
        Untaken::Priority(_)
        | Untaken::Store(StoreError::Busy | StoreError::Closed | StoreError::Starting { .. }) => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        Untaken::Store(_) => StatusCode::INTERNAL_SERVER_ERROR,
    };
    let mut headers = HeaderMap::new();
    headers.insert(header::RETRY_AFTER, retry_after);
    (status, headers)
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

/// Why points of new series were not taken, if any were not.
pub(super) fn of_limit(over_limit: u64) -> Option<String> {
    (over_limit > 0)
        .then(|| format!("{over_limit} samples are of new series, and no more of those are taken"))
}
