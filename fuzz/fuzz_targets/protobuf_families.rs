//! Delimited metric families of protobuf.
#![no_main]

use libfuzzer_sys::fuzz_target;
use weir_wire::exposition::{Format, Measured, parse, series_key};

fuzz_target!(|data: &[u8]| {
    let Ok(families) = parse(data, Format::Protobuf) else {
        return;
    };
    for sample in families.iter().flat_map(|family| &family.samples) {
        let _ = series_key(sample, &[]);
        if let Measured::Native(buckets) = &sample.value {
            let _ = buckets.to_histogram();
        }
    }
});
