//! OpenTSDB: the telnet-style line `put metric timestamp value tag=v tag2=v2` with its sibling commands, and the JSON
//! of `POST /api/put`. Rules and words as in OpenTSDB 2.4 (src/tsd/PutDataPointRpc.java, src/core/Tags.java there;
//! opentsdb.net/docs, "telnet put" and "/api/put"). Owns no connection and answers nothing.
//!
//! In two steps, since a client names the same series again and again: [`parse`] and [`datapoints`] split and read
//! numbers; [`series_key`] and [`json_series_key`] check names and tags and are asked once a series.
//!
//! | number | outcome |
//! |---|---|
//! | `1`, `-1`, `+1`, to 64 bits with a sign | the nearest float: exact up to 2^53 |
//! | past that, without `.` or `e` | [`BadValue`](crate::Reject::BadValue), as OpenTSDB has it |
//! | `1.5`, `1e3`, any digits | the nearest float, of 64 bits where OpenTSDB may keep 32 |
//! | `NaN`, `inf`, `1e309` | [`NotFinite`](crate::Reject::NotFinite) |
//! | a timestamp of up to ten digits | seconds; the same with `.` and one to three digits |
//! | of 13 digits | milliseconds; what is neither is refused with the unit that it looks like |
//!
//! Looser than OpenTSDB: up to [`crate::limits::LABELS`] tags (there 8, unless configured), and in JSON a bad
//! datapoint costs no neighbour even where its shape is wrong.

mod command;
mod error;
mod json;
mod name;
mod number;
mod parse;
#[cfg(test)]
mod tests;

pub use command::{Command, is_http, unknown_command};
pub use error::{Fault, Kind, MAX_ECHO_CHARS};
pub use json::{
    BodyError, Datapoint, JsonPut, MAX_DATAPOINTS, MAX_NESTING, datapoints, json_series_key,
};
pub use name::series_key;
pub use parse::{Identity, MAX_LINE_BYTES, Put, Rules, parse};
