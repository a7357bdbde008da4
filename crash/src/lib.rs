//! weir-crash: ends a gateway badly, again and again, and compares what it kept with what it had acknowledged.
//! The oracle and the senders live in this process, outside the one that is ended.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod answers;
mod arena;
mod check;
pub mod cli;
mod compare;
mod control;
mod fleet;
mod gateway;
mod http;
mod kill;
pub mod oracle;
pub mod plan;
mod points;
mod power;
pub mod random;
mod sabotage;
mod sender;
mod session;
mod tally;
pub mod verdict;
