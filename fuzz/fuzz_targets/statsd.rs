//! A StatsD or DogStatsD datagram, in both dialects.
#![no_main]

use libfuzzer_sys::fuzz_target;
use weir_wire::SeriesKey;
use weir_wire::statsd::{self, Dialect};

fuzz_target!(|datagram: &[u8]| {
    for signed_gauges in [true, false] {
        for metric in statsd::parse(datagram, Dialect { signed_gauges }).flatten() {
            assert!(metric.rate > 0.0 && metric.rate <= 1.0);
            let _ = SeriesKey::new(&metric.name, metric.tags.iter());
        }
    }
});
