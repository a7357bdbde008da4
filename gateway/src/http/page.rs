//! The web page, embedded at build time. A path is looked up among the embedded names only, never on a disk. Without
//! a built page, `/` says how to build one.

use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use rust_embed::RustEmbed;

use super::Api;

#[derive(RustEmbed)]
#[folder = "ui/dist"]
#[allow_missing = true]
struct Dist;

const NOT_BUILT: &str = "<!doctype html><meta charset=\"utf-8\"><title>Weir</title>\
<h1>The page is not built</h1><p>Everything else works. To build the page, install Node.js, run \
<code>npm ci &amp;&amp; npm run build</code> in <code>gateway/ui</code>, then build the gateway again.</p>";

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(super) fn routes() -> Router<Arc<Api>> {
    Router::new().route("/", get(index)).fallback(get(file))
}

async fn index() -> Response {
    embedded("index.html", "no-cache").unwrap_or_else(|| guarded(Html(NOT_BUILT).into_response()))
}

async fn file(uri: Uri) -> Response {
    let path = uri.path().trim_start_matches('/');
    // Names below assets/ carry the hash of what is in them.
    let cache = match path.starts_with("assets/") {
        true => "public, max-age=31536000, immutable",
        false => "no-cache",
    };
    let missing = || guarded((StatusCode::NOT_FOUND, "404 page not found\n").into_response());
    embedded(path, cache).unwrap_or_else(missing)
}

fn embedded(path: &str, cache: &'static str) -> Option<Response> {
    let file = Dist::get(path)?;
    let head = [
        (header::CONTENT_TYPE, kind(path)),
        (header::CACHE_CONTROL, cache),
    ];
    Some(guarded((head, file.data.into_owned()).into_response()))
}

fn guarded(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(POLICY),
    );
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    response
}

fn kind(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "json" => "application/json",
        "png" => "image/png",
        "woff2" => "font/woff2",
        _ => "application/octet-stream",
    }
}
