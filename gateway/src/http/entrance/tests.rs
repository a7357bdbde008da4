//! Which token a request shows, what it needs, and how it is refused.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, Method, StatusCode, header};

use super::needs::scope;
use super::shown::token;
use super::words::refusal;
use crate::access::Scope;

fn request(uri: &str, headers: &[(&str, &str)]) -> Request {
    let mut request = Request::builder().uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::empty()).unwrap()
}

#[test]
fn a_token_is_found_where_each_client_puts_it() {
    for (uri, name, value) in [
        ("/api/v1/write", "Authorization", "Bearer weir_1"),
        ("/api/v1/write", "authorization", "bearer  weir_1"),
        ("/", "Authorization", "Basic YW55Ym9keTp3ZWlyXzE="),
        ("/", "Authorization", "Basic d2Vpcl8xOg=="),
        ("/api/v2/write", "Authorization", "Token weir_1"),
        ("/api/v2/write", "Authorization", "Token someone:weir_1"),
        ("/api/put", "X-Api-Key", "weir_1"),
        ("/write?u=someone&p=weir_1&db=x", "Accept", "*/*"),
    ] {
        let request = request(uri, &[(name, value)]);
        assert_eq!(
            token(&request).as_deref(),
            Some("weir_1"),
            "{uri} {name}: {value}"
        );
    }
    for (uri, value) in [
        ("/api/v1/query?u=someone&p=weir_1", "Bearer"),
        ("/", "Basic ===="),
        ("/", "Digest weir_1"),
        ("/write?p=", "Bearer "),
    ] {
        let request = request(uri, &[("Authorization", value)]);
        assert_eq!(token(&request), None, "{uri} {value}");
    }
}

#[test]
fn what_changes_something_is_never_a_read() {
    let get = |path| scope(&Method::GET, path);
    let post = |path| scope(&Method::POST, path);
    assert_eq!(get("/-/ready"), None);
    assert_eq!(get("/"), Some(Scope::Read));
    assert_eq!(post("/api/v1/query"), Some(Scope::Read));
    assert_eq!(post("/api/v1/write"), Some(Scope::Write));
    assert_eq!(get("/query"), Some(Scope::Write));
    assert_eq!(scope(&Method::PUT, "/metrics/job/x"), Some(Scope::Write));
    assert_eq!(post("/api/v2/silences"), Some(Scope::Silence));
    assert_eq!(get("/api/v2/silences"), Some(Scope::Read));
    assert_eq!(
        scope(&Method::DELETE, "/api/v2/silence/1"),
        Some(Scope::Silence)
    );
    assert_eq!(post("/api/v1/admin/tsdb/snapshot"), Some(Scope::Admin));
    assert_eq!(get("/api/v1/admin"), Some(Scope::Admin));
    assert_eq!(post("/-/reload"), Some(Scope::Admin));
    assert_eq!(post("/a/path/of/tomorrow"), Some(Scope::Write));
}

#[test]
fn otlp_is_refused_by_a_status_in_its_own_encoding() {
    let response = refusal(
        "/v1/metrics",
        &HeaderMap::new(),
        StatusCode::UNAUTHORIZED,
        "no",
    );
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(
        response.headers()[header::CONTENT_TYPE],
        "application/x-protobuf"
    );
    let body = axum::body::to_bytes(response.into_body(), 100);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    assert_eq!(
        runtime.block_on(body).unwrap(),
        &[8, 16, 18, 2, b'n', b'o'][..]
    );
}
