//! PromQL as Prometheus 3 evaluates it: text to tree ([`parse`]), tree to values ([`Engine`]). Never reads a clock;
//! all data come through [`crate::Source`].
//!
//! Where Weir differs, it adds: names with dots need no quotes (`app.web01.requests`), and a stored histogram is the
//! distribution of one interval, so `sum_over_time` of histograms is the distribution of the whole range, `increase`
//! the same, and `rate` the same per second (its counts become fractions; see [`Distribution`]).
//!
//! Old stretches may be answered from rollups. An instant selector takes a rollup for the present value until the next
//! is due, however short the lookback; windows stay as long as they were asked for, so that one which is shorter than
//! two rollups has no rate. Aggregates over windows of whole minutes or hours are exact in every tier.

mod aggregate;
mod assembly;
mod ast;
mod binary;
mod columns;
mod display;
mod distribution;
mod duration;
mod engine;
mod error;
mod eval;
mod functions;
mod kahan;
mod labels;
mod lexer;
mod literal;
mod notes;
mod parser;
mod quantile;
mod reading;
mod selection;
mod value;
mod window;

pub use ast::{
    Aggregate, AggregateOp, At, Binary, BinaryOp, Call, Expr, ExprType, Matching, Selector, Shift,
    Sides, Subquery,
};
pub use distribution::{Bucket, Distribution};
pub use duration::parse_duration;
pub use engine::{Engine, MOST_POINTS};
pub use error::{ParseError, Position, QueryError};
pub use functions::Function;
pub use labels::Labels;
pub use parser::{parse, parse_selector};
pub use value::{Answer, Element, Point, QueryValue, Scalar, Series, Text, Value};

/// What one compiled regular expression may take: hostile repetitions are refused.
const REGEX_BYTES: usize = 4 * 1024 * 1024;

/// A regular expression that must match the whole of a text, dots newlines included, as everywhere in Prometheus.
fn anchored(pattern: &str) -> Result<regex::Regex, String> {
    regex::RegexBuilder::new(&format!("^(?s:{})$", weir_wire::regex_text(pattern)))
        .size_limit(REGEX_BYTES)
        .dfa_size_limit(REGEX_BYTES)
        .build()
        .map_err(|error| format!("error parsing regexp: {error}"))
}
