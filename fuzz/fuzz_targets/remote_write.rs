//! Remote write: snappy, both versions' messages, labels, native histograms, and their conversion and difference.
#![no_main]

use libfuzzer_sys::fuzz_target;
use weir_wire::remote_write::{
    Entry, Point, Points, Request, SentHistogram, parse, series_key, unpack,
};

fuzz_target!(|data: &[u8]| {
    let mut out = Vec::new();
    if unpack(data, 1 << 20, &mut out).is_ok() {
        assert!(out.len() <= 1 << 20);
    }
    let mut before = None;
    for entry in parse(data).flatten() {
        if let Entry::Series(series) = entry {
            let _ = series_key(series.identity);
            walk(series.points(), &mut before);
        }
    }
    if let Ok(request) = Request::read(data) {
        for series in request.series().flatten() {
            let _ = series.identity(&mut out).map(series_key);
            walk(series.points(), &mut before);
        }
    }
});

fn walk(points: Points<'_>, before: &mut Option<SentHistogram>) {
    for point in points.flatten() {
        if let Point::Histogram(raw) = point
            && let Ok(read) = raw.read()
        {
            if let Some(before) = before.take() {
                let since = read.buckets.since(&before.buckets);
                let _ = since.buckets.to_histogram();
            }
            let mut bytes = Vec::new();
            read.buckets.to_histogram().histogram.encode(&mut bytes);
            weir_wire::Histogram::decode(&bytes).expect("what was encoded is read");
            *before = Some(read);
        }
    }
}
