//! What an agent and a gateway say to each other over TCP. Bytes in docs/format/frame.md; here are the
//! messages, [`encode`] and [`decode`]. Owns no session state but the sender's [`Dictionary`].

mod batch;
mod dictionary;
mod inbox;
mod message;
#[cfg(test)]
mod tests;

pub use dictionary::Dictionary;
pub use inbox::Inbox;
pub use message::{Ack, Batch, Distribution, Floats, Frame, Hello, Refuse, RefuseCode, Welcome};

use crate::varint::Reader;

/// The version spoken here; a hello of another is refused with both named.
pub const VERSION: u16 = 1;
/// The longest frame, length and checksum not counted.
pub const MAX_FRAME_BYTES: usize = 8 << 20;
const HEAD_BYTES: usize = 8;

/// Why bytes are no frame; the session cannot go on after any of these.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    #[error("a frame of {0} bytes is longer than {MAX_FRAME_BYTES}")]
    TooLong(usize),
    #[error("a frame's checksum does not match its bytes")]
    Checksum,
    #[error("unknown frame kind {0}")]
    UnknownKind(u8),
    #[error("a {0} frame is malformed")]
    Malformed(&'static str),
}

/// Appends a frame: `length u32 LE, crc32c u32 LE, kind u8, body`; the length counts kind and body, and so does the checksum.
pub fn encode(frame: &Frame, out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(&[0; HEAD_BYTES]);
    out.push(frame.kind());
    message::put_body(frame, out);
    let length = (out.len() - start - HEAD_BYTES) as u32;
    let sum = crc32c::crc32c(&out[start + HEAD_BYTES..]);
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
    out[start + 4..start + HEAD_BYTES].copy_from_slice(&sum.to_le_bytes());
}

/// Takes one frame off the front: the frame and how many bytes it was; `None` while more bytes are needed.
///
/// # Errors
/// See [`FrameError`]; nothing is allocated for a length or count that the bytes do not bear out.
pub fn decode(buffer: &[u8]) -> Result<Option<(Frame, usize)>, FrameError> {
    let mut reader = Reader(buffer);
    let (Some(length), Some(sum)) = (reader.array(), reader.array()) else {
        return Ok(None);
    };
    let length = u32::from_le_bytes(length) as usize;
    if length > MAX_FRAME_BYTES {
        return Err(FrameError::TooLong(length));
    }
    let Some(rest) = reader.take(length) else {
        return Ok(None);
    };
    if crc32c::crc32c(rest) != u32::from_le_bytes(sum) {
        return Err(FrameError::Checksum);
    }
    let (kind, body) = rest.split_first().ok_or(FrameError::Malformed("empty"))?;
    Ok(Some((
        message::read_body(*kind, body)?,
        HEAD_BYTES + length,
    )))
}
