//! The whole agent: started in this process or as a program, with real sockets and files, beside a gateway made of the real
//! frame codec.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod jobs;
mod life;
mod listeners;
mod taking;
