use std::collections::HashMap;

use weir_wire::frame::{Frame, decode};
use weir_wire::graphite;
use weir_wire::varint::Reader;

use super::*;

fn shape() -> Shape {
    Shape {
        series: 400,
        rounds: 3,
        step_s: 10,
        end_s: 1_700_000_000,
        host_base: 7,
        seed: 1,
        conns: 2,
        batch: 150,
    }
}

fn loads(protocol: Protocol) -> Vec<Load> {
    let shape = shape();
    let build = |conn| Load::build(&shape, &mut Voice::new(&shape, protocol, conn));
    (0..shape.conns).map(|conn| build(conn).unwrap()).collect()
}

/// Series, milliseconds and value of everything in the text.
fn lines(protocol: Protocol) -> Vec<(String, i64, f64)> {
    let mut found = Vec::new();
    for load in loads(protocol) {
        for line in load.bytes.split(|byte| *byte == b'\n') {
            if let Some(line) = graphite::parse(line).unwrap() {
                let key = graphite::series_key(line.identity).unwrap();
                found.push((key.to_string(), line.timestamp_ms.unwrap(), line.value));
            }
        }
    }
    found
}

fn framed() -> Vec<(String, i64, f64)> {
    let mut found = Vec::new();
    for load in loads(Protocol::Frames) {
        let mut dictionary = HashMap::new();
        for (place, (bytes, samples)) in load.iter().enumerate() {
            let (frame, length) = decode(bytes).unwrap().unwrap();
            let Frame::Batch(batch) = frame else {
                panic!("no batch");
            };
            assert_eq!((length, batch.sequence), (bytes.len(), place as u64 + 1));
            assert_eq!(batch.floats.len() as u64, samples);
            let names = batch.new_series.iter().map(|key| key.to_key().to_string());
            dictionary.extend((batch.first_id..).zip(names));
            for (series, time_ms, value) in batch.floats.iter() {
                found.push((dictionary[&series].clone(), time_ms, value));
            }
        }
    }
    found
}

#[test]
fn the_text_is_what_the_gateway_s_parser_reads_and_nothing_is_missing() {
    for protocol in [Protocol::Graphite, Protocol::Dotted] {
        let found = lines(protocol);
        assert_eq!(found.len() as u64, shape().samples());
        let mut series: HashMap<_, Vec<_>> = HashMap::new();
        for (key, time_ms, _) in &found {
            series.entry(key).or_default().push(*time_ms);
        }
        assert_eq!(series.len() as u64, shape().series);
        let times = [1_699_999_980_000, 1_699_999_990_000, 1_700_000_000_000];
        assert!(series.values().all(|found| *found == times));
    }
}

#[test]
fn batches_add_up_and_end_with_their_round() {
    for protocol in [Protocol::Graphite, Protocol::Influx, Protocol::RemoteWrite] {
        for load in loads(protocol) {
            let samples: Vec<u64> = load.iter().map(|(_, samples)| samples).collect();
            assert_eq!(samples, [150, 50, 150, 50, 150, 50]);
            let bytes: usize = load.iter().map(|(bytes, _)| bytes.len()).sum();
            assert_eq!(bytes, load.bytes.len());
        }
    }
}

#[test]
fn frames_say_what_the_text_says() {
    assert_eq!(framed(), lines(Protocol::Graphite));
}

#[test]
fn remote_write_says_what_the_text_says() {
    let text = lines(Protocol::Graphite);
    let mut values = Vec::new();
    for load in loads(Protocol::RemoteWrite) {
        for (bytes, _) in load.iter() {
            let request = snap::raw::Decoder::new().decompress_vec(bytes).unwrap();
            let mut reader = Reader(&request);
            while !reader.is_empty() {
                assert_eq!(reader.byte(), Some(10));
                let series = reader.bytes(request.len()).unwrap();
                // A sample is the last field: tag, length, tag, eight bytes, tag, six bytes of time.
                let sample = &series[series.len() - 18..];
                assert_eq!(
                    (sample[0], sample[1], sample[2], sample[11]),
                    (18, 16, 9, 16)
                );
                let time_ms = Reader(&sample[12..]).unsigned().unwrap() as i64;
                values.push((
                    time_ms,
                    Reader(&sample[3..])
                        .array()
                        .map(f64::from_le_bytes)
                        .unwrap(),
                ));
            }
        }
    }
    let expected: Vec<_> = text
        .into_iter()
        .map(|(_, time_ms, value)| (time_ms, value))
        .collect();
    assert_eq!(values, expected);
}

#[test]
fn golden_lines() {
    let first = |protocol| {
        let load = loads(protocol).swap_remove(0);
        String::from_utf8_lossy(&load.bytes)
            .lines()
            .next()
            .unwrap()
            .to_owned()
    };
    assert_eq!(
        [
            first(Protocol::Graphite),
            first(Protocol::Dotted),
            first(Protocol::Influx)
        ],
        [
            "cpu.load;host=h000007;region=eu-west;env=staging 9.52 1699999980",
            "staging.eu-west.h000007.cpu.load 9.52 1699999980",
            "cpu.load,env=staging,host=h000007,region=eu-west value=9.52 1699999980",
        ]
    );
}

#[test]
fn another_base_shares_no_series() {
    let moved = Shape {
        host_base: 11,
        ..shape()
    };
    let voices = (0..2).flat_map(|conn| Voice::new(&moved, Protocol::Dotted, conn).hosts);
    let names: Vec<_> = voices.map(|host| host.name).collect();
    assert_eq!(names, ["h000011", "h000013", "h000012", "h000014"]);
}

#[test]
fn what_cannot_be_shared_out_is_refused() {
    assert!(shape().check().is_ok());
    assert!(
        Shape {
            conns: 3,
            ..shape()
        }
        .check()
        .is_err()
    );
    assert!(
        Shape {
            series: 150,
            ..shape()
        }
        .check()
        .is_err()
    );
    assert!(
        Shape {
            rounds: 0,
            ..shape()
        }
        .check()
        .is_err()
    );
}
