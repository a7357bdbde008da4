//! A body of OpenTSDB's /api/put.
#![no_main]

use libfuzzer_sys::fuzz_target;
use weir_wire::opentsdb::{self, Rules};

fuzz_target!(|body: &[u8]| {
    let Ok(datapoints) = opentsdb::datapoints(body) else {
        return;
    };
    for datapoint in datapoints {
        for require_tags in [true, false] {
            if let Ok(put) = datapoint.read(Rules { require_tags }) {
                assert!(put.value.is_finite() && put.timestamp_ms > 0);
                let _ = opentsdb::json_series_key(put.identity);
            }
        }
    }
});
