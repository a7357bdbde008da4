//! The parts to a datagram, for who sends: header and payload first, then the code over both.

use super::parse::MAGIC;

/// What stands before the payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header<'a> {
    /// 1 to [`super::MAX_KEY_NAME_BYTES`] bytes; what is longer is cut.
    pub key_name: &'a str,
    pub sent_ms: u64,
    pub stream: u64,
    pub sequence: u64,
}

/// Puts header and payload into `out`. The code over all of `out` is to be put behind.
pub fn begin(out: &mut Vec<u8>, header: &Header<'_>, payload: &[u8]) {
    let name = header.key_name.as_bytes();
    let name = &name[..name.len().min(super::MAX_KEY_NAME_BYTES)];
    out.clear();
    out.extend_from_slice(&MAGIC);
    out.push(name.len() as u8);
    out.extend_from_slice(name);
    for number in [header.sent_ms, header.stream, header.sequence] {
        out.extend_from_slice(&number.to_be_bytes());
    }
    out.extend_from_slice(payload);
}
