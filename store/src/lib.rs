//! The series store: journal, head, chunks, label index and retention, on one directory.
//!
//! The way of a write: [`Store::resolve`] a series once, [`Store::append`] points; the writer thread puts a group of
//! writes into the journal, syncs it, puts them into the head and only then tells each caller. [`Store::seal`] turns
//! past windows of the head into chunks. Knows no query language, no sockets, and reads no clock: time is handed in.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod backend;
mod chunk;
mod dedupe;
mod error;
mod head;
mod index;
mod journal;
mod lock;
mod options;
mod read;
mod seal;
mod store;
mod window;
mod writer;

#[cfg(test)]
mod tests;

pub use error::StoreError;
pub use index::SeriesId;
pub use options::{Clock, Options};
pub use read::{Limit, Limits, Selected};
pub use seal::Sealed;
pub use store::{Recovery, Stats, Store};
pub use writer::{Chain, Done, Origin, Point, Write, Written};
