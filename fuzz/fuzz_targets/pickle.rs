//! A payload of Graphite's pickle protocol, its length left off, and what the bytes are as a length and a payload.
#![no_main]

use libfuzzer_sys::fuzz_target;
use weir_wire::{graphite, pickle};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(Some((payload, taken))) = pickle::payload(bytes) {
        assert_eq!(taken, payload.len() + 4);
    }
    let Ok(batch) = pickle::parse(bytes) else {
        return;
    };
    for point in batch.points().flatten() {
        assert!(point.value.is_finite());
        let _ = graphite::series_key(&point.path);
    }
});
