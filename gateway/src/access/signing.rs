//! Signed datagrams: whose key, whether the code is right, and whether it was there before. The code is compared in constant
//! time, and before anything else of the datagram is believed.

use std::sync::Arc;

use parking_lot::Mutex;
use ring::hmac;
use weir_wire::signed;

use super::Access;
use super::replay::{Replays, Stale};

/// What was there; one for all listeners, so that nothing is repeated at another.
pub(super) struct Signatures(Mutex<Replays>);

impl Signatures {
    pub(super) fn new(now_ms: i64) -> Self {
        Self(Mutex::new(Replays::new(now_ms)))
    }
}

impl Access {
    /// What it says, and whose it is.
    ///
    /// # Errors
    /// Why it is not taken, as a label value.
    pub(super) fn verify<'a>(
        &self,
        datagram: &'a [u8],
    ) -> Result<(&'a [u8], Arc<str>), &'static str> {
        let signed = signed::parse(datagram).map_err(|_| "malformed")?;
        let now_ms = (self.clock)();
        let (name, key) = self
            .tokens
            .signing_key(signed.key_name, now_ms)
            .map_err(|denied| denied.as_str())?;
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key.0);
        hmac::verify(&key, signed.covered, signed.mac).map_err(|_| "signature")?;
        let sent_ms = i64::try_from(signed.sent_ms).map_err(|_| "stale")?;
        let taken =
            self.signatures
                .0
                .lock()
                .take(&name, signed.stream, signed.sequence, sent_ms, now_ms);
        match taken {
            Ok(()) => Ok((signed.payload, name)),
            Err(Stale::Time) => Err("stale"),
            Err(Stale::Replayed) => Err("replayed"),
            Err(Stale::Full) => Err("streams"),
        }
    }
}
