//! Frames that are damaged, out of order or broken off, and peers that vanish.

use std::io::{Read, Write};

use weir_wire::frame::{self, Batch, Frame, Refuse, RefuseCode};
use weir_wire::{Sample, SeriesKey, Value};

use super::{account, now_s};
use crate::programs::{Gateway, eventually};
use crate::starting::Session;
use crate::web;

/// One sample of `framed`, which the first batch introduces.
fn batch(sequence: u64, at_s: u64, value: f64) -> Frame {
    let mut batch = Batch::with_capacity(sequence, 1);
    if sequence == 1 {
        batch.introduce(0, SeriesKey::bare("framed").unwrap().borrowed());
    }
    let sample = Sample {
        timestamp_ms: at_s as i64 * 1_000,
        value: Value::Float(value),
    };
    batch.push(0, &sample);
    Frame::Batch(batch)
}

fn bytes(frame: &Frame) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame::encode(frame, &mut bytes);
    bytes
}

/// Everything acknowledged, and the refusal that ends the session.
fn refused(mut session: Session) -> (u64, Refuse) {
    let mut acknowledged = 0;
    loop {
        match session.next() {
            Frame::Ack(ack) => acknowledged = ack.sequence,
            Frame::Refuse(refuse) => return (acknowledged, refuse),
            other => panic!("{other:?}"),
        }
    }
}

/// FAULTS 39: a version that is not known is in `refusals`.
#[test]
fn damaged_and_reordered_frames_are_refused_by_name() {
    let gateway = Gateway::start(&[]);
    let at = now_s() - 60;
    let mut unknown = bytes(&Frame::Heartbeat);
    unknown[8] = 99;
    let sum = crc32c::crc32c(&unknown[8..]);
    unknown[4..8].copy_from_slice(&sum.to_le_bytes());
    let mut flipped = bytes(&batch(2, at + 1, 2.0));
    *flipped.last_mut().unwrap() ^= 1;
    for (agent, second, words, code) in [
        ("crc", flipped, "checksum", RefuseCode::Malformed),
        (
            "again",
            bytes(&batch(1, at, 9.0)),
            "sequences ascend",
            RefuseCode::Malformed,
        ),
        (
            "zero",
            bytes(&batch(0, at, 9.0)),
            "sequences ascend",
            RefuseCode::Malformed,
        ),
        (
            "kind",
            unknown,
            "unknown frame kind 99",
            RefuseCode::Malformed,
        ),
        (
            "long",
            vec![0xff; 16],
            "longer than 8388608",
            RefuseCode::TooLarge,
        ),
    ] {
        let mut session = Session::open(&gateway.frames, agent);
        session.send(&batch(1, at, 1.0));
        session.stream.write_all(&second).unwrap();
        let (acknowledged, refuse) = refused(session);
        assert_eq!(acknowledged, 1, "{agent}: what came before it is stored");
        assert!(
            refuse.message.contains(words),
            "{agent}: {}",
            refuse.message
        );
        assert_eq!(refuse.code, code, "{agent}");
    }
    // One that was overtaken is never taken for one that is known.
    let mut session = Session::open(&gateway.frames, "overtaken");
    for sequence in [1, 3, 2] {
        session.send(&batch(sequence, at + sequence, sequence as f64));
    }
    let (acknowledged, refuse) = refused(session);
    assert_eq!(acknowledged, 3);
    assert!(
        refuse.message.contains("sequences ascend"),
        "{}",
        refuse.message
    );
    account(&gateway, "frames").unwrap();
    let (_, metrics) = web::get(&gateway.http, "/metrics").unwrap();
    for reason in ["malformed", "order"] {
        let counted = format!("weir_frames_sessions_failed_total{{reason={reason:?}}} 3");
        assert!(metrics.contains(&counted), "{metrics}");
    }
}

/// FAULTS 40: what was not acknowledged is sent again and stored once.
#[test]
fn a_gateway_killed_in_the_middle_of_a_frame_loses_nothing() {
    let mut gateway = Gateway::start(&[]);
    let at = now_s() - 60;
    let mut session = Session::open(&gateway.frames, "web01");
    session.send(&batch(1, at, 1.0));
    assert!(matches!(session.next(), Frame::Ack(ack) if ack.sequence == 1));
    let second = bytes(&batch(2, at + 1, 2.0));
    let (front, _) = second.split_at(second.len() / 2);
    session.stream.write_all(front).unwrap();
    gateway.program.kill();
    assert_eq!(session.stream.read(&mut [0; 1]).unwrap_or(0), 0);
    gateway.restart();
    let mut session = Session::open(&gateway.frames, "web01");
    assert_eq!(session.last_sequence, 1, "half a frame is none");
    // A new session spells its series out anew.
    let mut again = Batch::with_capacity(2, 1);
    again.introduce(0, SeriesKey::bare("framed").unwrap().borrowed());
    let sample = Sample {
        timestamp_ms: (at as i64 + 1) * 1_000,
        value: Value::Float(2.0),
    };
    again.push(0, &sample);
    session.send(&Frame::Batch(again));
    assert!(matches!(session.next(), Frame::Ack(ack) if ack.sequence == 2));
    assert_eq!(
        web::single(&gateway.http, "count_over_time(framed[2m])"),
        Ok(2.0)
    );
    assert_eq!(
        web::single(&gateway.http, "sum_over_time(framed[2m])"),
        Ok(3.0)
    );
    account(&gateway, "frames").unwrap();
}

/// FAULTS 40: a peer that is gone without a word is down after three of its intervals, and its session ends.
#[test]
fn a_half_open_session_is_ended() {
    let gateway = Gateway::start(&["presence.beat=1s"]);
    let mut session = Session::open(&gateway.frames, "gone");
    session.send(&Frame::Heartbeat);
    eventually("it is up", || {
        match web::single(&gateway.http, r#"up{host="gone"}"#)? {
            1.0 => Ok(()),
            other => Err(other.to_string()),
        }
    });
    eventually("it is down", || {
        match web::single(&gateway.http, r#"up{host="gone"}"#)? {
            0.0 => Ok(()),
            other => Err(other.to_string()),
        }
    });
    let (_, refuse) = refused(session);
    assert!(
        refuse.message.contains("nothing was heard in time"),
        "{}",
        refuse.message
    );
    eventually("nobody holds a session", || {
        let (_, metrics) = web::get(&gateway.http, "/metrics")?;
        let none = metrics.contains("\nweir_frames_sessions 0\n");
        none.then_some(()).ok_or(metrics)
    });
}
