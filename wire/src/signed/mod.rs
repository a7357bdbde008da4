//! Signed datagrams: a small header before, and an HMAC-SHA256 behind, what any datagram protocol sends. The layout is in
//! `docs/format/signed-datagram.md`. Finds the parts and writes them; computes no HMAC and knows no key, clock or window.

mod parse;
#[cfg(test)]
mod tests;
mod write;

pub use parse::{MAC_BYTES, MAGIC, MAX_KEY_NAME_BYTES, Signed, is_signed, parse};
pub use write::{Header, begin};
