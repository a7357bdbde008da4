//! Graphite's pickle protocol: a length of four bytes, big-endian, and a pickle of `[(path, (timestamp, value)), ...]`
//! (carbon's lib/carbon/protocols.py, `MetricPickleReceiver`; the opcodes are those of Python's pickletools,
//! protocols 0 to 5). Owns no names: a path is Graphite's, [`crate::graphite::series_key`] reads it.
//!
//! Nothing of a pickle is executed: the opcodes that name, call or build anything are refused, and with them the whole
//! payload, as are dictionaries and sets. What is left is numbers, texts, tuples and lists in flat tables, so depth
//! costs nothing and no list is followed into itself.
//!
//! | in a point | outcome |
//! |---|---|
//! | int, long, float, bool, a numeric string | the nearest float |
//! | NaN, infinities, `1e309`, a long past 10^38 | [`NotFinite`](crate::Reject::NotFinite), this point only |
//! | None, another text, a list | [`BadValue`](crate::Reject::BadValue) or [`BadTimestamp`](crate::Reject::BadTimestamp) |
//! | a timestamp of -1 | the time of arrival, as carbon has it |
//! | more members than two | read by the first two, as carbon does for a point; a path with more is refused |

mod frame;
mod machine;
mod parse;
#[cfg(test)]
mod tests;
mod value;

pub use frame::{MAX_PAYLOAD_BYTES, payload};
pub use machine::{MAX_MEMO, MAX_STACK, MAX_VALUES};
pub use parse::{Batch, Point, parse};
