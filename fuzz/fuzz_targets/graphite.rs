//! Graphite's plaintext line, and the series it names.
#![no_main]

use libfuzzer_sys::fuzz_target;
use weir_wire::graphite;

fuzz_target!(|line: &[u8]| {
    let Ok(Some(line)) = graphite::parse(line) else {
        return;
    };
    assert!(line.value.is_finite());
    let _ = graphite::series_key(line.identity);
});
