//! The series store: journal, head, chunks, rollups, label index and retention, on one directory.
//!
//! The way of a write: [`Store::resolve`] a series once, [`Store::append`] points; the writer thread puts a group of
//! writes into the journal, syncs it, puts them into the head and only then tells each caller. [`Store::seal`] turns
//! past windows of the head into chunks and points of a minute, [`Store::roll_up`] those into points of an hour.
//! [`Store::start`] takes writes before the journal is read back into the head; all else waits for that.
//! Knows no query language, no sockets, and reads no clock: time is handed in.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod backend;
mod backlog;
mod backup;
mod check;
mod chunk;
mod columns;
mod dedupe;
mod error;
mod fail;
mod gate;
mod grouped;
mod head;
mod index;
mod journal;
mod keep;
mod lock;
mod memory;
mod options;
mod pack;
mod places;
mod read;
mod recovery;
mod replay;
mod roll;
mod rollup;
mod seal;
mod starting;
mod store;
mod tiers;
mod window;
mod write;
mod writer;

#[cfg(test)]
mod tests;

pub use backup::{Copied, restore, verify_backup};
pub use check::{Checked, check};
pub use columns::{Columns, Points};
pub use error::StoreError;
pub use grouped::Taker;
pub use index::{Cardinality, GroupLabels, Grouping, SeriesId};
pub use lock::window_of;
pub use options::{Clock, Options, Policy};
pub use read::{Limit, Limits, Selected, Selection, Wish};
pub use recovery::Recovery;
pub use rollup::Aspect;
pub use seal::Sealed;
pub use store::{Stats, Store};
pub use write::{Chain, Done, Origin, Write, Written};
