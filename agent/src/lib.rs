//! The agent as a library: tests start it in their own process. The composition is in [`app`]; what it reads from the
//! host is in [`collect`]; what no gateway has acknowledged is in `queue`, after some seconds in [`spool`], and leaves by
//! `uplink`.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod app;
pub mod cli;
pub mod collect;
pub mod config;
mod drops;
mod figures;
mod jitter;
pub mod priority;
mod queue;
pub mod spool;
mod spooler;
mod statsd;
mod status;
mod ticks;
pub mod tls;
mod uplink;
