use std::sync::Arc;

use super::*;
use crate::CheckExpr;

fn load(text: &str) -> Result<RuleSet, String> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("r.yml"), text).unwrap();
    let check: CheckExpr = Arc::new(|expr| match expr.contains("nonsense") {
        true => Err("1:1: unknown function".to_owned()),
        false => Ok(()),
    });
    let pattern = folder.path().join("*.yml").display().to_string();
    load_rules(&[pattern], &check).map_err(|error| {
        let text = error.to_string();
        text.replace(&format!("{}/", folder.path().display()), "")
    })
}

#[test]
fn prometheus_groups_are_read_whole() {
    let rules = load(
        "groups:
- name: hosts
  interval: 30s
  limit: 10
  query_offset: 1m
  labels: {team: infra}
  rules:
  - alert: InstanceDown
    expr: up == 0
    for: 5m
    keep_firing_for: 1h30m
    labels: {severity: page, tier: 1}
    annotations:
      summary: '{{ $labels.host }} is down'
  - record: job:up:sum
    expr: sum by (job) (up)
---
groups:
- name: second
  rules: []
",
    )
    .unwrap();
    assert_eq!(rules.counts(), (2, 2));
    let group = &rules.groups[0];
    assert_eq!(
        (group.interval_ms, group.limit, group.query_offset_ms),
        (Some(30_000), 10, 60_000)
    );
    let Kind::Alert(condition) = &group.rules[0].kind else {
        panic!("an alert is expected");
    };
    assert_eq!(
        (condition.for_ms, condition.keep_firing_for_ms),
        (300_000, 5_400_000)
    );
    let labels: Vec<_> = group.rules[0]
        .labels
        .iter()
        .map(|(n, t)| (n.as_str(), t.source()))
        .collect();
    assert_eq!(
        labels,
        [("severity", "page"), ("team", "infra"), ("tier", "1")]
    );
    assert!(matches!(group.rules[1].kind, Kind::Record));
    assert!(
        rules
            .without_recording()
            .unwrap_err()
            .to_string()
            .contains("job:up:sum")
    );
}

#[test]
fn the_bare_list_is_read() {
    let rules = load(
        "- name: instance_down
  rules: [{alert: instance_down, expr: up == 0, for: 5m, labels: {severity: page}}]
",
    )
    .unwrap();
    assert_eq!(rules.counts(), (1, 1));
    assert_eq!(rules.groups[0].rules[0].name, "instance_down");
    rules.without_recording().unwrap();
}

#[test]
fn empty_files_have_no_rules() {
    for text in ["", "# nothing\n", "groups:\n", "---\n"] {
        assert_eq!(load(text).unwrap().counts(), (0, 0), "{text:?}");
    }
}

#[test]
fn what_is_wrong_is_refused_with_its_place() {
    let rule =
        |body: &str| format!("groups:\n- name: g\n  rules:\n  - alert: a\n    expr: up\n{body}");
    for (text, place, reason) in [
        (rule("    four: 5m\n"), "r.yml:6:5: ", "four"),
        (rule("    four: 5m\n"), "r.yml:6:5: ", "keep_firing_for"),
        ("group: []\n".to_owned(), "r.yml:1:1: ", "groups"),
        (rule("    for: 5 minutes\n"), "r.yml:6:10: ", "no duration"),
        (rule("    record: b\n"), "r.yml:4:5: ", "both"),
        (rule("  - expr: up\n"), "r.yml:6:5: ", "neither"),
        (rule("  - alert: b\n"), "r.yml:6:5: ", "no `expr`"),
        (
            rule("  - alert: b\n    expr: nonsense(\n"),
            "r.yml:7:11: ",
            "unknown function",
        ),
        (
            rule("    labels: {__name__: x}\n"),
            "r.yml:6:24: ",
            "__name__",
        ),
        (
            rule("    labels: {x: '{{ if }}'}\n"),
            "r.yml:6:17: ",
            "character 4",
        ),
        (
            rule("  - alert: a\n    expr: up\n"),
            "r.yml:6:5: ",
            "given already at r.yml:4:5",
        ),
        (
            rule("- name: g\n  rules: []\n"),
            "r.yml:6:9: ",
            "given twice",
        ),
        (
            rule("  - record: a-b\n    expr: up\n"),
            "r.yml:6:13: ",
            "no metric name",
        ),
        (
            rule("  - record: a\n    expr: up\n    for: 5m\n"),
            "r.yml:8:10: ",
            "belongs to alerts",
        ),
        ("- name: ''\n".to_owned(), "r.yml:1:9: ", "no name"),
        (
            "- name: a\n  interval: 10ms\n".to_owned(),
            "r.yml:1:9: ",
            "below 1s",
        ),
        ("[\n".to_owned(), "r.yml:", ""),
        ("just text\n".to_owned(), "r.yml: ", "list of groups"),
    ] {
        let error = load(&text).unwrap_err();
        assert!(
            error.starts_with(place),
            "{error} does not begin with {place}"
        );
        assert!(error.contains(reason), "{error} does not say {reason}");
        assert!(!error.contains('\n'), "{error} has several lines");
    }
}

#[test]
fn the_same_rule_in_two_files_keeps_two_states() {
    let folder = tempfile::tempdir().unwrap();
    for file in ["a.yml", "b.yml"] {
        std::fs::write(
            folder.path().join(file),
            "- {name: g, rules: [{alert: x, expr: up}]}",
        )
        .unwrap();
    }
    let check: CheckExpr = Arc::new(|_| Ok(()));
    let patterns = ["*.yml", "a.yml"].map(|name| folder.path().join(name).display().to_string());
    let rules = load_rules(&patterns, &check).unwrap();
    assert_eq!(rules.counts(), (2, 2));
    assert_ne!(rules.groups[0].rules[0].id, rules.groups[1].rules[0].id);
    let missing = folder.path().join("c.yml").display().to_string();
    let error = load_rules(&[missing], &check).unwrap_err();
    assert!(error.to_string().contains("no such file"));
}

#[test]
fn bombs_and_oversized_files_are_refused() {
    let mut bomb = "a: &a [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for (from, to) in "abcdefghi".chars().zip("bcdefghij".chars()) {
        bomb.push_str(&format!(
            "{to}: &{to} [{}]\n",
            vec![format!("*{from}"); 9].join(", ")
        ));
    }
    load(&bomb).unwrap_err();
    load(&"[".repeat(100_000)).unwrap_err();
    let long = format!("# {}\n", "x".repeat(5 * 1_024 * 1_024));
    assert!(load(&long).unwrap_err().contains("split it"));
}

#[test]
fn durations_are_those_of_prometheus() {
    for (text, duration_ms) in [
        ("0", Some(0)),
        ("5m", Some(300_000)),
        ("1h30m", Some(5_400_000)),
        ("1d12h", Some(129_600_000)),
        ("250ms", Some(250)),
        ("1y", Some(31_536_000_000)),
        ("", None),
        ("5", None),
        ("30m1h", None),
        ("1m1m", None),
        ("-5m", None),
        ("999999999999999999y", None),
        ("1 m", None),
        ("5µs", None),
    ] {
        assert_eq!(parse_duration(text), duration_ms, "{text:?}");
    }
}
