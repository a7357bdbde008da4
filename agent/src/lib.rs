//! The agent as a library: tests start it in their own process. The composition is in [`app`]; what it reads from the
//! host is in [`collect`]; what no gateway has acknowledged is in `queue`, and leaves by `uplink`.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod app;
mod asked;
mod binding;
pub mod cli;
pub mod collect;
pub mod config;
mod exec;
mod figures;
mod graphite;
mod life;
mod passing;
mod push;
mod pushed;
mod queue;
mod request;
mod shown;
mod sink;
mod sources;
mod statsd;
mod status;
mod streams;
mod textfile;
mod ticks;
pub mod tls;
mod uplink;
