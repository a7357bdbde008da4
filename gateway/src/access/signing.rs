//! Signed datagrams: whose key, whether the code is right, and whether it was there before. The code is compared in constant
//! time, and before anything else of the datagram is believed.

use std::sync::Arc;

use parking_lot::Mutex;
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
        if !key.has_signed(signed.covered, signed.mac) {
            return Err("signature");
        }
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

#[cfg(test)]
mod tests {
    use super::super::hex;
    use super::super::tokens::signing_key;
    use ring::hmac;
    use weir_wire::signed::{Header, begin};

    /// The example of `docs/format/signed-datagram.md`.
    #[test]
    fn a_datagram_is_the_bytes_of_the_formats_page() {
        let token: String = (0..32_u8).map(|byte| format!("{byte:02x}")).collect();
        let key = signing_key(&format!("weir_{token}"));
        assert_eq!(
            hex::encode(&key),
            "6c549d40a0c06acac64cc00cfe63b6a8ccfdba3b7e92999b2b19278ec684d095"
        );
        let mut datagram = Vec::new();
        let header = Header {
            key_name: "web",
            sent_ms: 1_790_000_000_000,
            stream: 7,
            sequence: 1,
        };
        begin(&mut datagram, &header, b"load 1 -1\n");
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
        datagram.extend_from_slice(hmac::sign(&key, &datagram).as_ref());
        assert_eq!(
            hex::encode(&datagram),
            "f557530103776562000001a0c4506c0000000000000000070000000000000001\
             6c6f61642031202d310a\
             5a5dce6457d5785972ce46714b6535cbe35ca4ad4a8ee2d044680d992787a880"
        );
    }
}
