//! PromQL from text to values, over a source in memory.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "tests say what went wrong by panicking"
)]

mod json;
mod limits;
mod memory;
mod notation;
mod text;
mod tiers;

macro_rules! cases {
    ($($name:ident),* $(,)?) => {
        $(#[test]
        fn $name() {
            notation::run(include_str!(concat!("cases/", stringify!($name), ".test")));
        })*
    };
}

cases!(
    aggregates, binary, counters, functions, histograms, over_time, selectors, subqueries
);
