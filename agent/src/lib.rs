//! The agent as a library: tests start it in their own process. The composition is in [`app`]; what it reads from the
//! host is in [`collect`]; what no gateway has acknowledged is in `queue`, after some seconds in [`spool`], and leaves by
//! `uplink`.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod app;
mod asked;
mod binding;
pub mod cli;
pub mod collect;
pub mod config;
mod drops;
mod exec;
mod figures;
mod graphite;
mod jitter;
mod life;
mod passing;
pub mod priority;
mod push;
mod pushed;
mod queue;
mod request;
mod shown;
mod sink;
mod sources;
pub mod spool;
mod spooler;
mod statsd;
mod status;
mod streams;
mod textfile;
mod ticks;
pub mod tls;
mod uplink;
