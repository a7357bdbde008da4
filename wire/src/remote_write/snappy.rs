//! The body's compression: the snappy block format (github.com/google/snappy, format_description.txt), not the framed one.

/// What a body may unpack to unless told otherwise.
pub const MAX_DECODED_BYTES: usize = 32 * 1024 * 1024;
/// No three bytes of a block give more than 64: a longer claim is a lie, and not allocated for.
const MOST_PER_THREE: usize = 64;

/// Why a body is not unpacked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Packed {
    /// Answer 413.
    #[error("the body unpacks to {0} bytes, more than the {1} that are taken")]
    TooLarge(usize, usize),
    /// Answer 400.
    #[error("snappy: corrupt input: {0}")]
    Damaged(String),
}

/// Unpacks a body into `out`, whose earlier content goes and whose room is used again.
///
/// # Errors
/// [`Packed::TooLarge`] for a claim above `max` bytes, before anything is allocated; [`Packed::Damaged`].
pub fn unpack(body: &[u8], max: usize, out: &mut Vec<u8>) -> Result<(), Packed> {
    out.clear();
    let damaged = |error: snap::Error| Packed::Damaged(error.to_string());
    let claimed = snap::raw::decompress_len(body).map_err(damaged)?;
    if claimed > max {
        return Err(Packed::TooLarge(claimed, max));
    }
    if claimed > (body.len() / 3 + 1).saturating_mul(MOST_PER_THREE) {
        let text = format!("{} bytes cannot hold {claimed}", body.len());
        return Err(Packed::Damaged(text));
    }
    out.resize(claimed, 0);
    let written = snap::raw::Decoder::new().decompress(body, out);
    match written {
        Ok(length) => out.truncate(length),
        Err(error) => {
            out.clear();
            return Err(damaged(error));
        }
    }
    Ok(())
}
