//! A frame of Weir's own protocol. The checksum is put right first, or nothing would get past it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use weir_wire::frame;

const HEAD_BYTES: usize = 8;

fuzz_target!(|bytes: &[u8]| {
    let _ = frame::decode(bytes);
    let mut sealed = Vec::with_capacity(HEAD_BYTES + bytes.len());
    sealed.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    sealed.extend_from_slice(&crc32c::crc32c(bytes).to_le_bytes());
    sealed.extend_from_slice(bytes);
    let Ok(Some((frame, taken))) = frame::decode(&sealed) else {
        return;
    };
    assert_eq!(taken, sealed.len());
    let mut again = Vec::new();
    frame::encode(&frame, &mut again);
    let (other, _) = frame::decode(&again).unwrap().unwrap();
    let mut third = Vec::new();
    frame::encode(&other, &mut third);
    assert_eq!(again, third);
});
