//! The agent as a library: tests start it in their own process. The composition is in [`app`]; what it reads from the
//! host is in [`collect`]; what no gateway has acknowledged is in `queue`, and leaves by `uplink`.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod app;
pub mod cli;
pub mod collect;
pub mod config;
mod figures;
mod queue;
mod statsd;
mod status;
mod ticks;
pub mod tls;
mod uplink;
