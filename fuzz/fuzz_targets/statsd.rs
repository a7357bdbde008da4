//! A StatsD or DogStatsD datagram, in every dialect.
#![no_main]

use libfuzzer_sys::fuzz_target;
use weir_wire::SeriesKey;
use weir_wire::statsd::{self, Dialect};

fuzz_target!(|datagram: &[u8]| {
    for dialect in [Dialect::default(), Dialect::ETSY, Dialect::DATADOG] {
        for metric in statsd::parse(datagram, dialect).flatten() {
            assert!(metric.rate > 0.0 && metric.rate <= 1.0);
            assert!(metric.timestamp_ms.is_none_or(|time_ms| time_ms > 0));
            let _ = SeriesKey::new(&metric.name, metric.tags.iter());
        }
    }
});
