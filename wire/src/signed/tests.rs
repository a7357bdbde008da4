//! What is written is read, and what is not whole is refused.

use super::{Header, MAC_BYTES, MAX_KEY_NAME_BYTES, begin, is_signed, parse};
use crate::Reject;

fn example() -> Vec<u8> {
    let header = Header {
        key_name: "web",
        sent_ms: 1_790_000_000_000,
        stream: 7,
        sequence: 1,
    };
    let mut out = Vec::new();
    begin(&mut out, &header, b"load 1 -1\n");
    out.extend([0xAA; MAC_BYTES]);
    out
}

#[test]
fn the_parts_are_where_the_format_page_says() {
    let datagram = example();
    let golden: String = datagram[..42]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(
        golden,
        "f557530103776562000001a0c4506c0000000000000000070000000000000001\
         6c6f61642031202d310a"
    );
    let signed = parse(&datagram).unwrap();
    assert_eq!(signed.key_name, "web");
    assert_eq!(signed.sent_ms, 1_790_000_000_000);
    assert_eq!((signed.stream, signed.sequence), (7, 1));
    assert_eq!(signed.payload, b"load 1 -1\n");
    assert_eq!(signed.covered, &datagram[..42]);
    assert_eq!(signed.mac, [0xAA; MAC_BYTES]);
}

#[test]
fn a_datagram_cut_anywhere_is_refused_or_has_another_code() {
    let datagram = example();
    let whole = parse(&datagram).unwrap();
    for end in 0..datagram.len() {
        if let Ok(cut) = parse(&datagram[..end]) {
            assert_ne!((cut.covered, cut.mac), (whole.covered, whole.mac));
        }
    }
}

#[test]
fn what_is_not_signed_and_what_is_of_the_future_is_told_apart() {
    assert!(!is_signed(b"load 1 -1\n"));
    assert_eq!(parse(b"load 1 -1\n"), Err(Reject::Malformed));
    let mut datagram = example();
    datagram[3] = 2;
    assert!(is_signed(&datagram));
    assert_eq!(parse(&datagram), Err(Reject::Unsupported));
    let mut datagram = example();
    datagram[4] = MAX_KEY_NAME_BYTES as u8 + 1;
    assert_eq!(parse(&datagram), Err(Reject::BadName));
    let mut datagram = example();
    datagram[5] = 0xFF;
    assert_eq!(parse(&datagram), Err(Reject::BadName));
}
