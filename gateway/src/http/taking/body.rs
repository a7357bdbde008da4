//! Bodies: how large they may be, and how they are unpacked without trusting what they say of themselves.

use std::borrow::Cow;
use std::io::Read;

use axum::http::{HeaderMap, StatusCode, header};
use flate2::read::MultiGzDecoder;

/// As it comes over the wire.
pub(super) const MAX_BODY_BYTES: usize = 32 << 20;
/// Unpacked.
pub(super) const MAX_UNPACKED_BYTES: usize = 64 << 20;

/// The body as it was before it was packed by gzip, if it was.
///
/// # Errors
/// 413 for more than [`MAX_UNPACKED_BYTES`], 400 for what gzip did not write, 415 for another packing.
pub(super) fn unpacked<'a>(
    headers: &HeaderMap,
    body: &'a [u8],
) -> Result<Cow<'a, [u8]>, (StatusCode, String)> {
    match text(headers, header::CONTENT_ENCODING) {
        "" | "identity" => Ok(Cow::Borrowed(body)),
        "gzip" | "x-gzip" => gunzip(body).map(Cow::Owned),
        other => Err((
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            format!("content encoding {other:?} is not taken: send gzip, or the body as it is"),
        )),
    }
}

fn gunzip(body: &[u8]) -> Result<Vec<u8>, (StatusCode, String)> {
    let mut out = Vec::new();
    let mut limited = MultiGzDecoder::new(body).take(MAX_UNPACKED_BYTES as u64 + 1);
    if let Err(error) = limited.read_to_end(&mut out) {
        return Err((StatusCode::BAD_REQUEST, format!("gzip: {error}")));
    }
    if out.len() > MAX_UNPACKED_BYTES {
        return Err((
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("the body unpacks to more than {MAX_UNPACKED_BYTES} bytes: send less at once"),
        ));
    }
    Ok(out)
}

/// A header's text; empty where there is none.
pub(super) fn text(headers: &HeaderMap, name: impl header::AsHeaderName) -> &str {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("")
        .trim()
}
