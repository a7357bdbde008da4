//! The whole house: both real programs as processes, real sockets, kill -9, and an oracle outside of them that knows
//! what was acknowledged.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod admission;
mod alert;
mod apis;
mod clients;
mod keeping;
mod page;
mod programs;
mod refusals;
mod rules;
mod starting;
mod statsd;
mod survival;
mod taking;
mod web;
