use std::sync::Arc;

use super::*;
use crate::rules::{Condition, Kind, Rule, load_rules};
use crate::{CheckExpr, Found};

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;

struct Bench {
    rule: Rule,
    condition: Condition,
    state: RuleState,
    limit: usize,
}

impl Bench {
    fn new(body: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("r.yml");
        std::fs::write(
            &file,
            format!("- name: g\n  rules:\n  - {{alert: Down, expr: up == 0, {body}}}"),
        )
        .unwrap();
        let check: CheckExpr = Arc::new(|_| Ok(()));
        let rules = load_rules(&[file.display().to_string()], &check).unwrap();
        let rule = rules.groups[0].rules[0].clone();
        let Kind::Alert(condition) = rule.kind.clone() else {
            panic!("an alert is expected");
        };
        Self {
            rule,
            condition,
            state: RuleState::default(),
            limit: 0,
        }
    }

    fn answer(&mut self, at_ms: i64, answer: Result<Vec<Found>, String>) -> bool {
        let context = Context {
            at_ms,
            keeps_absent: false,
            limit: self.limit,
            room: 100,
            external_url: "http://weir",
        };
        evaluate(
            &mut self.state,
            &self.rule,
            &self.condition,
            answer,
            context,
        )
    }

    fn find(&mut self, at_ms: i64, hosts: &[&str]) -> bool {
        self.answer(at_ms, Ok(hosts.iter().map(|host| found(host)).collect()))
    }

    fn only(&self) -> &Alert {
        assert_eq!(self.state.alerts.len(), 1);
        self.state.alerts.values().next().unwrap()
    }
}

fn found(host: &str) -> Found {
    Found {
        labels: [("__name__", "up"), ("host", host), ("empty", "")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        value: 0.0,
    }
}

#[test]
fn an_alert_goes_from_pending_over_firing_to_resolved() {
    let mut bench = Bench::new(
        "for: 5m, labels: {on: '{{ $labels.host }}'}, annotations: {is: '{{ $value }}'}",
    );
    assert!(bench.find(0, &["a"]));
    let alert = bench.only();
    assert_eq!(alert.stage, Stage::Pending);
    let names: Vec<_> = alert
        .labels
        .iter()
        .map(|(n, v)| format!("{n}={v}"))
        .collect();
    assert_eq!(names, ["alertname=Down", "host=a", "on=a"]);
    assert_eq!(alert.annotations["is"], "0");
    assert!(!bench.find(4 * MINUTE, &["a"]));
    assert_eq!(bench.only().stage, Stage::Pending);
    assert!(bench.find(5 * MINUTE, &["a"]));
    assert_eq!(
        (bench.only().stage, bench.only().fired_at_ms),
        (Stage::Firing, Some(5 * MINUTE))
    );
    assert_eq!(bench.only().active_at_ms, 0);
    assert!(bench.find(6 * MINUTE, &[]));
    assert_eq!(
        (bench.only().stage, bench.only().resolved_at_ms),
        (Stage::Resolved, Some(6 * MINUTE))
    );
    assert_eq!(bench.state.active().count(), 0);
    assert!(!bench.find(21 * MINUTE, &[]));
    assert!(bench.find(21 * MINUTE + 1, &[]));
    assert!(bench.state.alerts.is_empty());
}

#[test]
fn a_gap_begins_for_anew_and_a_resolved_alert_may_return() {
    let mut bench = Bench::new("for: 2m");
    bench.find(0, &["a"]);
    bench.find(MINUTE, &[]);
    assert!(bench.state.alerts.is_empty());
    bench.find(2 * MINUTE, &["a"]);
    bench.find(3 * MINUTE, &["a"]);
    assert_eq!(bench.only().stage, Stage::Pending);
    bench.find(4 * MINUTE, &["a"]);
    bench.find(5 * MINUTE, &[]);
    bench.find(6 * MINUTE, &["a"]);
    assert_eq!(
        (bench.only().stage, bench.only().active_at_ms),
        (Stage::Pending, 6 * MINUTE)
    );
}

#[test]
fn a_question_without_answer_neither_resets_nor_resolves() {
    let mut bench = Bench::new("for: 2m");
    bench.find(0, &["a"]);
    assert!(!bench.answer(MINUTE, Err("too slow".to_owned())));
    assert_eq!(bench.state.health, Health::Failed("too slow".to_owned()));
    assert_eq!(bench.only().active_at_ms, 0);
    bench.find(2 * MINUTE, &["a"]);
    assert_eq!(bench.only().stage, Stage::Firing);
    bench.answer(3 * MINUTE, Err("too slow".to_owned()));
    assert_eq!(bench.only().stage, Stage::Firing);
    bench.find(4 * MINUTE, &["a"]);
    assert_eq!(bench.state.health, Health::Ok);
}

#[test]
fn keep_firing_for_outlasts_a_gap() {
    let mut bench = Bench::new("keep_firing_for: 3m");
    bench.find(0, &["a"]);
    assert_eq!(bench.only().stage, Stage::Firing);
    assert!(bench.find(MINUTE, &[]));
    assert!(!bench.find(3 * MINUTE, &[]));
    assert_eq!(bench.only().stage, Stage::Firing);
    assert!(bench.find(3 * MINUTE + 1, &["a"]));
    assert_eq!(bench.only().keep_firing_since_ms, None);
    bench.find(5 * MINUTE, &[]);
    bench.find(8 * MINUTE, &[]);
    assert_eq!(bench.only().stage, Stage::Resolved);
}

#[test]
fn what_breaks_a_limit_is_a_failed_evaluation() {
    let mut bench = Bench::new("for: 0s");
    bench.find(0, &["a"]);
    bench.limit = 2;
    bench.find(MINUTE, &["a", "b", "c"]);
    assert_eq!(
        bench.state.health,
        Health::Failed("exceeded limit of 2 with 3 alerts".to_owned())
    );
    assert_eq!(bench.only().stage, Stage::Firing);
    bench.limit = 0;
    bench.find(2 * MINUTE, &["a", "a"]);
    assert!(
        matches!(&bench.state.health, Health::Failed(reason) if reason.contains("same labelset"))
    );
    let many: Vec<String> = (0..101).map(|n| n.to_string()).collect();
    bench.find(
        3 * MINUTE,
        &many.iter().map(String::as_str).collect::<Vec<_>>(),
    );
    assert!(matches!(&bench.state.health, Health::Failed(reason) if reason.contains("in memory")));
    assert_eq!(bench.only().stage, Stage::Firing);
}

#[test]
fn schedules_lie_on_a_grid_and_count_what_was_missed() {
    let mut schedule = Schedule::new("file;group", MINUTE, 10 * MINUTE);
    let first = schedule.next_ms();
    assert!(first > 10 * MINUTE && first <= 11 * MINUTE);
    assert_eq!(schedule.due(first - 1), None);
    let due = schedule.due(first + 5).unwrap();
    assert_eq!((due.at_ms, due.missed), (first, 0));
    assert_eq!(schedule.due(first + 6), None);
    let due = schedule.due(first + 3 * MINUTE + 7).unwrap();
    assert_eq!((due.at_ms, due.missed), (first + 3 * MINUTE, 2));
    let again = Schedule::new("file;group", MINUTE, 90 * MINUTE);
    assert_eq!((again.next_ms() - first) % MINUTE, 0);
}

/// FAULTS 22.
#[test]
fn a_clock_that_is_set_back_does_not_stop_a_schedule() {
    let day = 24 * 60 * MINUTE;
    let mut schedule = Schedule::new("g", MINUTE, 2 * day);
    assert_eq!(schedule.due(day), None);
    assert!(schedule.next_ms() <= day + MINUTE);
    assert!(schedule.due(i64::MAX).is_some());
    schedule.due(i64::MIN);
    Schedule::new("g", MINUTE, i64::MIN);
}

/// FAULTS 23: the grid knows neither leap seconds nor 2038 nor summer time.
#[test]
fn a_schedule_goes_on_evenly_over_2038_and_leap_seconds() {
    // The last leap second so far, a change to summer time in Europe, and the end of 32 bits.
    for edge_s in [1_483_228_800, 1_774_746_000, 1_i64 << 31, 1_i64 << 32] {
        let start_ms = edge_s * SECOND - 5 * MINUTE;
        let mut schedule = Schedule::new("g", MINUTE, start_ms);
        let due: Vec<i64> = (0..10 * 60)
            .filter_map(|second| schedule.due(start_ms + second * SECOND))
            .map(|due| {
                assert_eq!(due.missed, 0);
                due.at_ms
            })
            .collect();
        assert_eq!(due.len(), 10, "{edge_s}");
        assert!(due.windows(2).all(|two| two[1] - two[0] == MINUTE));
    }
}

#[test]
fn values_survive_json() {
    let mut bench = Bench::new("for: 0s");
    bench.find(0, &["a"]);
    for value in [f64::NAN, f64::INFINITY, -0.1, 1e300] {
        let mut alert = bench.only().clone();
        alert.value = value;
        let json = serde_json::to_string(&alert).unwrap();
        let back: Alert = serde_json::from_str(&json).unwrap();
        assert!(back.value == value || back.value.is_nan() && value.is_nan());
    }
}
