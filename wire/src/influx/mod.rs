//! InfluxDB's line protocol, one line a point of many fields: `measurement,tag=v field=1.5,other=2i 1613707265000000000`.
//! Rules as in InfluxDB 1.8 and 2.x (models/points.go there; docs.influxdata.com, "Line protocol"); one field is one
//! series here. Owns no HTTP and keeps no names.
//!
//! Parsing is in two steps, since a client names the same series again and again: [`parse`] splits lines and reads
//! numbers, [`series_key`] undoes escapes and makes the identity and is asked once a series. A bad line is one
//! [`LineError`] with its number and InfluxDB's own words; the other lines stand.
//!
//! | value | outcome |
//! |---|---|
//! | `1`, `1.5`, `.5`, `1.`, `-0`, `1e3`, 400 digits of fraction | the nearest float, `-0` kept |
//! | `1i`, `9223372036854775807i` | the nearest float: exact up to 2^53 |
//! | `1u`, `18446744073709551615u` | the same; a sign is refused |
//! | past 64 bits with `i` or `u` | [`BadValue`](crate::Reject::BadValue), as InfluxDB has it |
//! | `NaN`, `-inf`, `1e309`, 400 digits | [`NotFinite`](crate::Reject::NotFinite), the whole line |
//! | `t T true True TRUE`, `f F false False FALSE` | 1, 0 |
//! | `"text"` | [`FieldValue::Text`]: no measurement; the line's other fields stand |

mod error;
mod fields;
mod line;
mod name;
mod number;
mod parse;
mod precision;
#[cfg(test)]
mod tests;

pub use error::{Fault, LineError, MAX_ECHO_BYTES};
pub use fields::{Field, FieldValue, MAX_FIELDS};
pub use line::Line;
pub use name::{FieldNaming, FieldPlace, field_hash, series_hash, series_key};
pub use parse::{Lines, MAX_LINE_BYTES, parse};
pub use precision::{Precision, UnknownPrecision};
