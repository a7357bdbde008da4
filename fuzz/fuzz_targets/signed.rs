//! A signed datagram: its parts cover it, and writing them again gives the same bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use weir_wire::signed::{self, Header};

fuzz_target!(|datagram: &[u8]| {
    let Ok(signed) = signed::parse(datagram) else {
        return;
    };
    assert!(signed::is_signed(datagram));
    assert_eq!(signed.covered.len() + signed.mac.len(), datagram.len());
    let header = Header {
        key_name: signed.key_name,
        sent_ms: signed.sent_ms,
        stream: signed.stream,
        sequence: signed.sequence,
    };
    let mut again = Vec::new();
    signed::begin(&mut again, &header, signed.payload);
    assert_eq!(again, signed.covered);
});
