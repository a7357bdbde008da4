//! Which scope a request needs. What is not known here and changes something is a write, so that a path that is added
//! cannot be forgotten open.

use axum::http::Method;

use crate::access::Scope;

/// Answered to everybody: balancers and clients look whether anybody is there.
const OPEN: [&str; 4] = ["/-/healthy", "/-/ready", "/ping", "/health"];
/// Asked by POST as well, and changing nothing.
const ASKED: [&str; 9] = [
    "/api/v1/query",
    "/api/v1/query_range",
    "/api/v1/labels",
    "/api/v1/series",
    "/render",
    "/metrics/find",
    "/metrics/expand",
    "/functions",
    "/tags/findSeries",
];
/// Where samples are sent, whatever the method: what a client of InfluxDB asks before it writes among them.
const WRITTEN: [&str; 7] = [
    "/api/v1/write",
    "/write",
    "/api/v2/write",
    "/query",
    "/api/put",
    "/v1/metrics",
    "/collectd",
];

/// `None`: nobody is asked.
pub(super) fn scope(method: &Method, path: &str) -> Option<Scope> {
    let is_under = |folder: &str| {
        path.strip_prefix(folder)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let only_reads = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
    let scope = match path {
        _ if OPEN.contains(&path) => return None,
        _ if is_under("/api/v1/admin") || path == "/-/reload" => Scope::Admin,
        _ if WRITTEN.contains(&path) => Scope::Write,
        _ if only_reads || ASKED.contains(&path) => Scope::Read,
        _ if is_under("/api/v2/silences") || is_under("/api/v2/silence") => Scope::Silence,
        _ => Scope::Write,
    };
    Some(scope)
}
