//! The agent's figures beside those of Debian's prometheus-node-exporter on the same host, name by name, label by label, value by
//! value. What one has and the other has not stands in `differences.rs` with its reason; everything else fails.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod compare;
mod differences;
mod exporter;
mod made_up;
mod real;
mod systemd;
#[expect(dead_code, reason = "the gateway's tests use more of it")]
#[path = "../../../gateway/tests/house/tools.rs"]
mod tools;
