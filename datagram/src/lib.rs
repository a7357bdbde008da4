//! Datagrams out of a socket, many at a time (recvmmsg), and how many the kernel dropped (SO_MEMINFO): a call a datagram
//! costs four times as much. Opens the sockets too, with as much room as the kernel gives. Waits for nobody but the kernel, and knows
//! no protocol.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod batch;
mod drops;
mod kernel;
mod open;
mod serve;
#[cfg(test)]
mod tests;

pub use batch::{Batch, Datagram, MAX_BYTES};
pub use drops::Drops;
pub use open::{BUFFER_BYTES, SocketFile, open_udp, receive_buffer};
pub use serve::{NAP, Taker, serve};
