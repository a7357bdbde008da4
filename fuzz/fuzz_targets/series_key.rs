//! A series' canonical bytes, from disk or a frame: what is taken is what would have been made.
#![no_main]

use libfuzzer_sys::fuzz_target;
use weir_wire::SeriesKey;

fuzz_target!(|bytes: &[u8]| {
    let Ok(key) = SeriesKey::from_bytes(bytes) else {
        return;
    };
    assert_eq!(key.as_bytes(), bytes);
    assert_eq!(SeriesKey::new(key.name(), key.labels()), Ok(key.clone()));
    let _ = key.to_string();
});
