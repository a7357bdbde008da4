//! The Pushgateway's paths (github.com/prometheus/pushgateway, README, "API", 1.x): which group of metrics
//! `/metrics/job/<job>{/<label>/<value>}` names. Owns no groups; what is pushed to one is read by [`crate::exposition`].

mod name;
mod parse;
#[cfg(test)]
mod tests;
mod write;

pub use name::unescape_name;
pub use parse::{Group, MAX_PATH_BYTES, PREFIX, parse};
pub use write::path;
