//! The journal: append-only segments of checksummed groups, the one authoritative log. Bytes in docs/format/journal.md.
//! Owns segment files and their names; knows nothing of head or chunks.

mod columns;
mod reading;
mod record;
mod recovery;
mod replay;
mod segment;
#[cfg(test)]
mod tests;
mod writer;

pub(crate) use record::{Record, TakePoints, put_batch, put_definition, put_removed};
pub(crate) use recovery::{look, scan};
pub(crate) use replay::{TakeBack, replay};
pub(crate) use writer::{Group, Journal};
