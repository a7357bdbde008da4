use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::varint::{put, put_signed};
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
    let mut batch = Batch {
        sequence: 9,
        ..Batch::default()
    };
    batch.introduce(4, SeriesKey::bare("a").unwrap().borrowed());
    batch.introduce(5, SeriesKey::new("b", [("k", "v")]).unwrap().borrowed());
    let sample = |timestamp_ms, value| Sample {
        timestamp_ms,
        value,
    };
    batch.push(4, &sample(1_700_000_000_000, Value::Float(1.5)));
    batch.push(0, &sample(1_700_000_000_000, Value::Float(f64::MIN)));
    let histogram = Value::Histogram(Arc::new(histogram));
    batch.push(5, &sample(1_700_000_010_000, histogram));
    Frame::Batch(batch)
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
    let mut batch = Batch {
        sequence: 9,
        ..Batch::default()
    };
    batch.introduce(4, SeriesKey::new("b", [("k", "v")]).unwrap().borrowed());
    batch.floats.push(4, 64, 1.0);
    batch.floats.push(3, 64, -0.0);
    let batch = bytes_of(&Frame::Batch(batch));
    let series = [1, 4, 9, 1, 0, b'b', 1, 0, b'k', 1, 0, b'v'];
    let floats = [2, 8, 1, 0x80, 1, 0, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f];
    let rest = [0, 0, 0, 0, 0, 0, 0, 0x80, 0];
    assert_eq!(batch[8..], [&[3, 9], &series[..], &floats, &rest].concat());
}

/// FAULTS 39.
#[test]
fn damage_is_named() {
    let mut flipped = bytes_of(&batch());
    *flipped.last_mut().unwrap() ^= 1;
    assert_eq!(decode(&flipped), Err(FrameError::Checksum));
    let huge = [0xff, 0xff, 0xff, 0x7f, 0, 0, 0, 0];
    assert!(matches!(decode(&huge), Err(FrameError::TooLong(_))));
}

/// FAULTS 39.
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

/// A column of steps, many of them alike.
fn column<T: Clone + std::fmt::Debug + 'static>(
    one: impl Strategy<Value = T> + 'static,
) -> impl Strategy<Value = Vec<T>> {
    prop::collection::vec((one, 1..20_usize), 0..12).prop_map(|runs| {
        let runs = runs.into_iter();
        runs.flat_map(|(one, times)| vec![one; times]).collect()
    })
}

proptest! {
    #[test]
    fn columns_come_back_whatever_the_steps(
        ids in column(prop_oneof![-3..4_i64, any::<i32>().prop_map(i64::from)]),
        times in column(prop_oneof![0..2_i64, any::<i64>()]),
    ) {
        let mut batch = Batch::default();
        let (mut id, mut at) = (0_u32, 0_i64);
        for (id_step, time_step) in ids.into_iter().zip(times) {
            (id, at) = (id.wrapping_add(id_step as u32), at.wrapping_add(time_step));
            batch.floats.push(id, at, at as f64);
        }
        let frame = Frame::Batch(batch);
        let bytes = bytes_of(&frame);
        prop_assert_eq!(decode(&bytes), Ok(Some((frame, bytes.len()))));
    }

    #[test]
    fn steps_out_of_the_ids_are_refused(steps in column(-2..3_i64)) {
        let mut body = vec![1, 0, 0];
        put(&mut body, steps.len() as u64);
        steps.iter().for_each(|step| put_signed(&mut body, *step));
        body.resize(body.len() + steps.len() * 9 + 1, 0);
        let ids: Option<Vec<u32>> = steps
            .iter()
            .scan(0, |id, step| { *id += step; Some(u32::try_from(*id).ok()) })
            .collect();
        let read = message::read_body(3, &body).ok().map(|frame| match frame {
            Frame::Batch(batch) => batch.floats.into_columns().0,
            other => panic!("{other:?}"),
        });
        prop_assert_eq!(read, ids);
    }

    #[test]
    fn hostile_bodies_never_panic(kind in 0..9u8, body in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = message::read_body(kind, &body);
    }
}
