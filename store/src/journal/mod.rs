//! The journal: append-only segments of checksummed groups, the one authoritative log. Bytes in docs/format/journal.md.
//! Owns segment files and their names; knows nothing of head or chunks.

mod columns;
mod list;
mod reading;
mod record;
mod recovery;
mod replay;
mod segment;
#[cfg(test)]
mod tests;
mod writer;

#[cfg(test)]
pub(crate) use record::read_all;
pub(crate) use record::{
    DEFINED_TOGETHER, Record, TakePoints, put_batch, put_definitions, put_removed,
};
pub(crate) use recovery::{look, scan};
pub(crate) use replay::{TakeBack, replay};
pub(crate) use writer::{Group, Journal};
