//! The lowest class goes first, and what is critical stays.

use weir_store::{Options, Points, Store};
use weir_wire::{KeyRun, MatchOp, Matcher, Reject, SeriesKey};

use super::{Class, Priorities, PriorityConfig, Rule};

fn priorities() -> Priorities {
    let named = |class, op, value: &str| {
        Rule::of_series(class, &[Matcher::new("__name__", op, value)]).unwrap()
    };
    Priorities::new(PriorityConfig {
        rules: vec![
            Rule::of_source(Class::Critical, "pager".to_owned()),
            named(Class::Critical, MatchOp::Equal, "debug_of_payments"),
            named(Class::Low, MatchOp::Regex, "debug_.*"),
        ],
        low_percent: 80,
        normal_percent: 90,
        low_busy_ms: 60_000,
        normal_busy_ms: 120_000,
        max_head_bytes: 100,
    })
}

#[test]
fn points_go_by_class_as_the_head_fills() {
    let dir = tempfile::tempdir().unwrap();
    let clock: weir_store::Clock = std::sync::Arc::new(|| 1_790_000_000_000);
    let (store, _) = Store::open(Options::new(dir.path().to_owned(), clock)).unwrap();
    let priorities = priorities();
    let keys: KeyRun = ["debug_x", "requests", "debug_of_payments"]
        .map(|name| SeriesKey::new(name, []).unwrap())
        .iter()
        .collect();
    let found: Vec<_> = store
        .resolve_many(&keys)
        .into_iter()
        .map(|id| id.ok_or(Reject::OverLimit))
        .collect();
    priorities.learn(&keys, &found);
    let all = || {
        let mut points = Points::default();
        for id in &found {
            points.push(id.unwrap(), 1, 1.0);
        }
        points
    };
    for (percent, floor, gone) in [
        (79, Class::Low, 0),
        (80, Class::Normal, 1),
        (95, Class::Critical, 2),
    ] {
        priorities.pressure.set_head(percent, 100);
        assert_eq!(priorities.floor(), floor);
        let mut points = all();
        assert_eq!(priorities.shed(floor, None, &mut points), gone);
        assert!(points.series().any(|id| id == found[2].unwrap()));
    }
    priorities.pressure.set_head(0, 100);
    for (waited_s, floor) in [
        (59, Class::Low),
        (60, Class::Normal),
        (120, Class::Critical),
    ] {
        let waited = std::time::Duration::from_secs(waited_s);
        priorities.pressure.waited(waited);
        assert_eq!(priorities.floor(), floor);
    }
    let mut points = all();
    let source = priorities.of_source("pager");
    assert_eq!(priorities.shed(Class::Critical, source, &mut points), 0);
    assert_eq!(
        priorities.shed(Class::Normal, Some(Class::Low), &mut points),
        3
    );
    store.close();
}

#[test]
fn without_rules_nothing_is_let_go() {
    let priorities = Priorities::default();
    priorities.pressure.set_head(100, 100);
    priorities
        .pressure
        .waited(std::time::Duration::from_secs(60));
    assert_eq!(priorities.floor(), Class::Low);
}
