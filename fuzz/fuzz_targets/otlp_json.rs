//! OTLP in JSON: what it is rewritten as must be a whole message.
#![no_main]

use libfuzzer_sys::fuzz_target;
use weir_wire::Reject;
use weir_wire::otlp::{Rules, from_json, parse};

fuzz_target!(|data: &[u8]| {
    let Ok(message) = from_json(data) else { return };
    assert!(message.len() <= data.len() * 16 + 16);
    if let Err(refused) = parse(&message, &Rules::default(), |_| {}) {
        assert_ne!(refused.reject, Reject::Malformed, "{}", refused.text);
    }
});
