//! OTLP in protobuf, under rules that keep names and rules that translate them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use weir_wire::otlp::{Measured, Names, Promote, Rules, parse};

fuzz_target!(|data: &[u8]| {
    let mut room = Vec::new();
    for names in [Names::Prometheus, Names::Otel] {
        let rules = Rules {
            names,
            promote: Promote::All,
            scope_labels: true,
        };
        let _ = parse(data, &rules, |point| {
            let Ok(point) = point else { return };
            point.identity(&mut room);
            let _ = point.series_key("_bucket", Some(("le", "1")));
            if let Measured::Buckets(buckets) = &point.value {
                let mut bytes = Vec::new();
                buckets.to_histogram().histogram.encode(&mut bytes);
                weir_wire::Histogram::decode(&bytes).expect("what was encoded is read");
            }
        });
    }
});
