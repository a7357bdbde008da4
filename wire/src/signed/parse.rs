//! A datagram to its parts. Nothing is believed here: who calls checks the code over [`Signed::covered`] first.

use crate::Reject;

/// What a signed datagram of version 1 begins with; no line of text begins so.
pub const MAGIC: [u8; 4] = [0xF5, b'W', b'S', 1];
/// HMAC-SHA256, whole.
pub const MAC_BYTES: usize = 32;
pub const MAX_KEY_NAME_BYTES: usize = 64;

const NUMBER_BYTES: usize = 8;

/// The parts of a signed datagram, where they lie in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signed<'a> {
    /// Whose key it is: the token's name.
    pub key_name: &'a str,
    /// When it was sent, in milliseconds since 1970.
    pub sent_ms: u64,
    /// Chosen at random when the sender started.
    pub stream: u64,
    /// One more for each datagram of a stream.
    pub sequence: u64,
    /// What the protocol says.
    pub payload: &'a [u8],
    /// What the code is computed over: everything before it.
    pub covered: &'a [u8],
    /// The code as it was sent.
    pub mac: &'a [u8],
}

/// Whether it claims to be signed, of this version or another.
#[must_use]
pub fn is_signed(datagram: &[u8]) -> bool {
    datagram.starts_with(&MAGIC[..3])
}

/// Takes a datagram apart.
///
/// # Errors
/// [`Reject::Malformed`] without the magic, or cut short; [`Reject::Unsupported`] for a version that is not known here;
/// [`Reject::BadName`] for a key's name that is empty, too long, or no text.
pub fn parse(datagram: &[u8]) -> Result<Signed<'_>, Reject> {
    let rest = datagram
        .strip_prefix(&MAGIC[..3])
        .ok_or(Reject::Malformed)?;
    let (version, rest) = rest.split_first().ok_or(Reject::Malformed)?;
    if *version != MAGIC[3] {
        return Err(Reject::Unsupported);
    }
    let (length, rest) = rest.split_first().ok_or(Reject::Malformed)?;
    let length = usize::from(*length);
    if length == 0 || length > MAX_KEY_NAME_BYTES {
        return Err(Reject::BadName);
    }
    let (name, rest) = rest.split_at_checked(length).ok_or(Reject::Malformed)?;
    let (sent_ms, rest) = number(rest)?;
    let (stream, rest) = number(rest)?;
    let (sequence, rest) = number(rest)?;
    let end = rest.len().checked_sub(MAC_BYTES).ok_or(Reject::Malformed)?;
    let (payload, mac) = rest.split_at(end);
    Ok(Signed {
        key_name: std::str::from_utf8(name).map_err(|_| Reject::BadName)?,
        sent_ms,
        stream,
        sequence,
        payload,
        covered: &datagram[..datagram.len() - MAC_BYTES],
        mac,
    })
}

fn number(bytes: &[u8]) -> Result<(u64, &[u8]), Reject> {
    let (number, rest) = bytes
        .split_first_chunk::<NUMBER_BYTES>()
        .ok_or(Reject::Malformed)?;
    Ok((u64::from_be_bytes(*number), rest))
}
