//! The whole house: both real programs as processes, real sockets, kill -9, and an oracle outside of them that knows
//! what was acknowledged.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod access;
mod admission;
mod alert;
mod apis;
mod clients;
mod faults;
mod hostile;
mod influx;
mod jobs;
mod keeping;
mod one_series;
mod opentsdb;
mod otlp;
mod page;
mod programs;
mod pushing;
mod refusals;
mod remote_write;
mod rules;
mod sending;
mod starting;
mod statsd;
mod survival;
mod textfile;
mod tools;
mod web;
