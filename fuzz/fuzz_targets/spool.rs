//! A segment of an agent's spool. Its two files are compiled in here, since they need nothing of the agent but
//! themselves. The checksums are put right first, or nothing would get past them.
#![no_main]

#[path = "../../agent/src/spool/record.rs"]
mod record;
#[path = "../../agent/src/spool/segment.rs"]
mod segment;

use libfuzzer_sys::fuzz_target;

const HEAD_BYTES: usize = 12;

fuzz_target!(|bytes: &[u8]| {
    let _ = segment::read(bytes);
    let mut whole = segment::header(7);
    let start = whole.len();
    whole.extend_from_slice(&record::MAGIC);
    whole.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    whole.extend_from_slice(&crc32c::crc32c(bytes).to_le_bytes());
    whole.extend_from_slice(bytes);
    let sealed = whole.len();
    // What is damaged behind a good record, or torn, takes nothing away from it.
    whole.extend_from_slice(bytes);
    let read = segment::read(&whole).unwrap();
    let Some((first, _)) = record::decode(&whole[start..]) else {
        return;
    };
    assert_eq!(
        (read.records[0].0.head, read.records[0].1),
        (first.head, sealed)
    );
    assert_eq!(first.bytes(), HEAD_BYTES + bytes.len());
    let Some(points) = first.points() else {
        return;
    };
    let mut again = Vec::new();
    record::encode(
        first.head.sequence,
        first.head.taken_ms,
        &points,
        &mut again,
    );
    let (other, _) = record::decode(&again).unwrap();
    let mut third = Vec::new();
    record::encode(
        other.head.sequence,
        other.head.taken_ms,
        &other.points().unwrap(),
        &mut third,
    );
    assert_eq!(again, third);
});
