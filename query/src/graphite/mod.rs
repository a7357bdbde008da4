//! Graphite's render and find over a [`crate::Source`]: path patterns, target expressions, a fixed grid of points,
//! graphite-web's JSON. Never reads a clock or a socket: `now_ms` and the time zone come with the request.
//!
//! A series without labels is a plain path. A series with labels is reached by `seriesByTag(…)` or its own name, and is named
//! `name;k=v;…`, tags ascending.

mod consolidate;
mod error;
mod find;
mod functions;
mod grid;
mod json;
mod pattern;
mod reading;
mod render;
mod series;
mod tags;
mod target;
#[cfg(test)]
mod tests;
mod time;

pub use error::GraphiteError;
pub use find::{FindFormat, FindRequest, Node, find, find_json};
pub use json::render_json;
pub use render::{RenderRequest, render};
pub use series::RenderedSeries;
pub use time::parse_time;

/// Bounds on one request.
pub mod limits {
    /// Targets in one render request.
    pub const TARGETS: usize = 256;
    /// Bytes of one target, pattern or time.
    pub const TEXT_BYTES: usize = 16_384;
    /// Calls within calls.
    pub const DEPTH: usize = 32;
    /// Arguments and calls of one target.
    pub const NODES: usize = 1_024;
    /// Points over all series of one request.
    pub const POINTS: usize = 1_000_000;
}
