//! What is refused, whatever the data.

use weir_query::promql::{Engine, QueryError, parse};
use weir_query::{Budget, BudgetError, SeriesData};
use weir_wire::SeriesKey;

use crate::memory::Memory;

fn memory() -> Memory {
    Memory(vec![SeriesData {
        key: SeriesKey::bare("m").unwrap(),
        times_ms: (0..100_000).step_by(1_000).collect(),
        values: vec![1.0; 100],
        histograms: Vec::new(),
    }])
}

fn range(text: &str, start: i64, end: i64, step: i64, budget: &Budget) -> Result<(), QueryError> {
    let expr = parse(text).unwrap();
    Engine::default()
        .range(&memory(), &expr, start, end, step, budget)
        .map(drop)
}

#[test]
fn times_and_steps_have_bounds() {
    let wrong = |start, end, step| {
        range("m", start, end, step, &Budget::new(10, 1_000_000))
            .unwrap_err()
            .to_string()
    };
    assert!(
        wrong(0, 10, 0)
            .starts_with("zero or negative query resolution step widths are not accepted")
    );
    assert_eq!(
        wrong(10, 0, 1),
        "end timestamp must not be before start time"
    );
    assert!(
        wrong(0, 11_001, 1)
            .starts_with("exceeded maximum resolution of 11,000 points per timeseries.")
    );
    assert!(wrong(i64::MIN, i64::MAX, 1).contains("out of bounds"));
    assert!(range("m", 0, 11_000, 1, &Budget::new(10, 1_000_000)).is_ok());
}

#[test]
fn a_range_query_yields_no_text_and_no_range() {
    for (text, kind) in [("\"a\"", "string"), ("m[5m]", "range vector")] {
        let error = range(text, 0, 1, 1, &Budget::new(10, 1_000)).unwrap_err();
        let wanted = format!(
            "invalid expression type {kind:?} for range query, must be Scalar or instant Vector"
        );
        assert!(matches!(error, QueryError::Invalid(_)), "{text}");
        assert_eq!(error.to_string(), wanted);
    }
}

/// FAULTS 46: each limit is named.
#[test]
fn budgets_end_queries() {
    let spent = |budget: &Budget| match range("sum(m)", 0, 10_000, 1_000, budget).unwrap_err() {
        QueryError::Budget(error) => error,
        other => panic!("{other}"),
    };
    assert_eq!(
        spent(&Budget::new(10, 5)),
        BudgetError::Samples { limit: 5 }
    );
    assert_eq!(
        spent(&Budget::new(0, 1_000)),
        BudgetError::Series { limit: 0 }
    );
    let cancelled = Budget::new(10, 1_000);
    cancelled.cancel();
    assert_eq!(spent(&cancelled), BudgetError::Cancelled);
}

#[test]
fn the_lookback_is_the_engines() {
    let engine = Engine {
        lookback_ms: 1_000,
        ..Engine::default()
    };
    let at = |time_ms| {
        let expr = parse("count(m)").unwrap();
        let answer = engine
            .instant(&memory(), &expr, time_ms, &Budget::new(10, 1_000))
            .unwrap();
        weir_query::json::to_string(&answer.value)
    };
    assert!(at(99_999).contains("\"1\""));
    assert_eq!(at(100_000), "{\"resultType\":\"vector\",\"result\":[]}");
}
