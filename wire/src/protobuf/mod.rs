//! The protobuf wire format (protobuf.dev, "Encoding"; proto2 and proto3 are the same on the wire), read in place: a
//! message is a run of borrowed bytes that yields its fields. Shared by remote write, OTLP and the delimited exposition.
//!
//! Nothing is allocated for what a length claims; a length past the end is [`Damaged`]. Groups are refused.

mod read;
#[cfg(test)]
mod tests;
mod write;

pub(crate) use read::unzigzag;
pub use read::{Damaged, Doubles, Field, Fields, Numbers, delimited};
pub use write::{put_bytes, put_double, put_fixed64, put_number, put_tag};
