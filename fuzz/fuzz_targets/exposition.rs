//! Both text formats. What is read of one makes keys or is refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use weir_wire::exposition::{Format, inconsistent, parse, series_key};

fuzz_target!(|data: &[u8]| {
    for format in [Format::Text, Format::OpenMetrics] {
        if let Ok(families) = parse(data, format) {
            let _ = inconsistent(&families);
            for sample in families.iter().flat_map(|family| &family.samples) {
                let _ = series_key(sample, &[("job", "fuzz")]);
            }
        }
    }
});
