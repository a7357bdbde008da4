//! Graphite's plaintext line, the series it names, and what is said of a line that is refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use weir_wire::graphite;

fuzz_target!(|line: &[u8]| {
    let parsed = match graphite::parse(line) {
        Ok(Some(parsed)) => parsed,
        Ok(None) => return,
        Err(reason) => {
            assert!(graphite::explain(line, reason).len() < 10_000);
            return;
        }
    };
    assert!(parsed.value.is_finite());
    if let Err(reason) = graphite::series_key(parsed.identity) {
        assert!(graphite::explain(line, reason).len() < 10_000);
    }
});
