//! Where a request shows its token: as each protocol's clients do. Reads nothing of the body.

use std::borrow::Cow;

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, header};

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");
/// InfluxDB 1.x has name and password in the query; other paths do not, since queries end up in logs.
const IN_QUERY: [&str; 2] = ["/write", "/query"];

/// `Authorization: Bearer TOKEN`, `Basic` (the password), InfluxDB's `Token TOKEN` and `p`, and `X-Api-Key`.
pub(super) fn token(request: &Request) -> Option<Cow<'_, str>> {
    let headers = request.headers();
    authorization(headers)
        .or_else(|| text(headers, API_KEY).map(Cow::Borrowed))
        .or_else(|| password(request))
        .filter(|token| !token.is_empty())
}

fn authorization(headers: &HeaderMap) -> Option<Cow<'_, str>> {
    let (scheme, shown) = text(headers, header::AUTHORIZATION)?.split_once(' ')?;
    let shown = shown.trim();
    match scheme.to_ascii_lowercase().as_str() {
        "bearer" => Some(Cow::Borrowed(shown)),
        // Clients of 2.x that talk to 1.x give name:password here.
        "token" => Some(Cow::Borrowed(
            shown
                .split_once(':')
                .map_or(shown, |(_, password)| password),
        )),
        "basic" => {
            let pair = String::from_utf8(weir_wire::decode_base64(shown)?).ok()?;
            let (name, password) = pair.split_once(':')?;
            let token = if password.is_empty() { name } else { password };
            Some(Cow::Owned(token.to_owned()))
        }
        _ => None,
    }
}

fn password(request: &Request) -> Option<Cow<'_, str>> {
    let query = request.uri().query()?;
    if !IN_QUERY.contains(&request.uri().path()) {
        return None;
    }
    form_urlencoded::parse(query.as_bytes())
        .find(|(name, _)| name == "p")
        .map(|(_, password)| password)
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}
