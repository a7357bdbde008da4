use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::{Histogram, Sample, SeriesKey, Value};

fn bytes_of(frame: &Frame) -> Vec<u8> {
    let mut out = Vec::new();
    encode(frame, &mut out);
    out
}

fn hello() -> Frame {
    Frame::Hello(Hello {
        version: VERSION,
        token: "t".into(),
        agent: "web01".into(),
        boot: 7,
        interval_ms: 10_000,
        labels: vec![("az".into(), "1".into())],
    })
}

fn batch() -> Frame {
    let mut histogram = Histogram::new();
    histogram.record(12.5, 3).unwrap();
    let point = |series, timestamp_ms, value| Point {
        series,
        sample: Sample {
            timestamp_ms,
            value,
        },
    };
    Frame::Batch(Batch {
        sequence: 9,
        new_series: vec![
            (4, SeriesKey::bare("a").unwrap()),
            (5, SeriesKey::new("b", [("k", "v")]).unwrap()),
        ],
        points: vec![
            point(4, 1_700_000_000_000, Value::Float(1.5)),
            point(0, 1_700_000_000_000, Value::Float(f64::MIN)),
            point(5, 1_700_000_010_000, Value::Histogram(Arc::new(histogram))),
        ],
    })
}

fn all() -> Vec<Frame> {
    vec![
        hello(),
        Frame::Welcome(Welcome {
            version: 1,
            last_sequence: 41,
        }),
        batch(),
        Frame::Ack(Ack {
            sequence: 41,
            load_permille: 1_000,
        }),
        Frame::Heartbeat,
        Frame::Goodbye,
        Frame::Refuse(Refuse {
            code: RefuseCode::Busy,
            sequence: 3,
            message: "head is full".into(),
        }),
    ]
}

#[test]
fn every_frame_comes_back_and_a_cut_one_waits() {
    for frame in all() {
        let bytes = bytes_of(&frame);
        assert_eq!(decode(&bytes), Ok(Some((frame, bytes.len()))));
        for cut in 0..bytes.len() {
            assert_eq!(decode(&bytes[..cut]), Ok(None));
        }
    }
}

#[test]
fn an_inbox_gives_whole_frames_whatever_the_pieces() {
    let bytes: Vec<u8> = all().iter().flat_map(bytes_of).collect();
    let (mut inbox, mut found) = (Inbox::default(), Vec::new());
    for piece in bytes.chunks(7) {
        inbox.room().extend_from_slice(piece);
        while let Some(frame) = inbox.take().unwrap() {
            found.push(frame);
        }
    }
    assert_eq!(found, all());
}

#[test]
fn golden_bytes() {
    let ack = bytes_of(&Frame::Ack(Ack {
        sequence: 300,
        load_permille: 5,
    }));
    assert_eq!(ack, [4, 0, 0, 0, 0x4e, 0x48, 0x1d, 0xed, 4, 0xac, 2, 5]);
}

#[test]
fn damage_is_named() {
    let mut flipped = bytes_of(&batch());
    *flipped.last_mut().unwrap() ^= 1;
    assert_eq!(decode(&flipped), Err(FrameError::Checksum));
    let huge = [0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0];
    assert!(matches!(decode(&huge), Err(FrameError::TooLong(_))));
}

#[test]
fn another_version_is_reported_whatever_follows() {
    let mut body = b"\x01WEIR\x63\x00".to_vec();
    body.extend_from_slice(b"a shape from the future");
    let mut bytes = (body.len() as u32).to_le_bytes().to_vec();
    bytes.extend_from_slice(&crc32c::crc32c(&body).to_le_bytes());
    bytes.extend_from_slice(&body);
    let Ok(Some((Frame::Hello(hello), _))) = decode(&bytes) else {
        panic!("no hello");
    };
    assert_eq!(hello.version, 99);
}

proptest! {
    #[test]
    fn hostile_bodies_never_panic(kind in 0..9u8, body in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = message::read_body(kind, &body);
    }
}
