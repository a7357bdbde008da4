//! A body of collectd's write_http.
#![no_main]

use libfuzzer_sys::fuzz_target;
use weir_wire::collectd;

fuzz_target!(|body: &[u8]| {
    let Ok(lists) = collectd::parse(body) else {
        return;
    };
    for list in lists.into_iter().flatten() {
        assert!(list.timestamp_ms() > 0);
        for source in 0..list.values.len() {
            let _ = collectd::series_key(&list, source);
        }
    }
});
