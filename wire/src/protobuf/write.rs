//! Fields to bytes: what answers and the JSON form of OTLP need, no more.

use crate::varint;

/// Appends a tag: a field's number and its wire type (0 varint, 1 eight bytes, 2 counted bytes).
pub fn put_tag(out: &mut Vec<u8>, number: u32, wire_type: u8) {
    varint::put(out, u64::from(number) << 3 | u64::from(wire_type));
}

/// Appends `string`, `bytes`, a message or a packed run.
pub fn put_bytes(out: &mut Vec<u8>, number: u32, bytes: &[u8]) {
    put_tag(out, number, 2);
    varint::put_bytes(out, bytes);
}

/// Appends `uint64`, `bool`, an enum, or `int64` by its bits.
pub fn put_number(out: &mut Vec<u8>, number: u32, value: u64) {
    put_tag(out, number, 0);
    varint::put(out, value);
}

/// Appends `double`.
pub fn put_double(out: &mut Vec<u8>, number: u32, value: f64) {
    put_fixed64(out, number, value.to_bits());
}

/// Appends `fixed64`, or `sfixed64` by its bits.
pub fn put_fixed64(out: &mut Vec<u8>, number: u32, value: u64) {
    put_tag(out, number, 1);
    out.extend_from_slice(&value.to_le_bytes());
}
