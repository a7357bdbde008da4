//! Datagrams out of a socket, many at a time (recvmmsg), and how many the kernel dropped (SO_MEMINFO): a call a datagram
//! costs four times as much. Binds nothing, waits for nobody but the kernel, and knows no protocol.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod batch;
mod drops;
mod kernel;
#[cfg(test)]
mod tests;

pub use batch::{Batch, Datagram, MAX_BYTES};
pub use drops::Drops;
