//! The length before each pickle. Refuses it before a byte is kept for it.

use crate::Reject;

/// carbon's `MAX_LENGTH`: a longer payload ends the connection.
pub const MAX_PAYLOAD_BYTES: usize = 1 << 20;
const LENGTH_BYTES: usize = 4;

/// Takes one payload off the front: it, and how many bytes it was with its length; `None` while more are needed.
/// [`MAX_PAYLOAD_BYTES`] and four bytes are all that a caller ever needs to keep.
///
/// # Errors
/// [`Reject::TooLong`]; the stream cannot be followed any further.
pub fn payload(buffer: &[u8]) -> Result<Option<(&[u8], usize)>, Reject> {
    let Some((length, rest)) = buffer.split_first_chunk::<LENGTH_BYTES>() else {
        return Ok(None);
    };
    let length = u32::from_be_bytes(*length) as usize;
    if length > MAX_PAYLOAD_BYTES {
        return Err(Reject::TooLong);
    }
    Ok(rest
        .get(..length)
        .map(|payload| (payload, LENGTH_BYTES + length)))
}
