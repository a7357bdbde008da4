//! The gateway as a library: tests start it in their own process. The composition is in [`app`]; what comes in goes
//! through [`admission`] alone; what is asked goes through [`http`].
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod access;
pub mod admission;
pub mod aggregation;
pub mod app;
mod asking;
pub mod cli;
pub mod config;
pub mod http;
mod keeping;
pub mod listen;
pub mod mapping;
pub mod presence;
mod reloading;
mod retention;
mod rule_file;
mod self_metrics;
pub mod source;
mod upkeep;
