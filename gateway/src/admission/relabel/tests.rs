//! Rules against labels; the expectations follow what Prometheus documents for each action.

use weir_wire::{Reject, SeriesKey};

use super::{Action, Relabelled, RuleText, Rules};

fn key(text: &[(&str, &str)]) -> SeriesKey {
    let name = text.iter().find(|(label, _)| *label == "__name__");
    let labels = text.iter().filter(|(label, _)| *label != "__name__");
    SeriesKey::new(name.map_or("m", |(_, name)| name), labels.copied()).unwrap()
}

fn rule(action: Action, sources: &[&str], regex: Option<&str>) -> RuleText {
    RuleText {
        source_labels: sources.iter().map(|one| (*one).to_owned()).collect(),
        regex: regex.map(str::to_owned),
        action,
        ..RuleText::default()
    }
}

fn to(rule: RuleText, target: &str, replacement: Option<&str>) -> RuleText {
    RuleText {
        target_label: target.to_owned(),
        replacement: replacement.map(str::to_owned),
        ..rule
    }
}

/// What the rules make of the labels, in PromQL's form; `dropped` for a series that is.
fn made(rules: Vec<RuleText>, labels: &[(&str, &str)]) -> String {
    let key = key(labels);
    match Rules::new(rules).unwrap().apply(key.borrowed()) {
        Relabelled::Same => key.to_string(),
        Relabelled::Changed(new) => new.to_string(),
        Relabelled::Refused(Reject::Unwanted) => "dropped".to_owned(),
        Relabelled::Refused(reason) => reason.to_string(),
    }
}

#[test]
fn each_action_does_what_prometheus_says() {
    use Action::*;
    let abc = [("a", "foo"), ("b", "bar"), ("c", "baz")];
    let table: Vec<(RuleText, &str)> = vec![
        (
            to(
                rule(Replace, &["a"], Some("f(.*)")),
                "d",
                Some("ch${1}-ch${1}"),
            ),
            r#"m{a="foo",b="bar",c="baz",d="choo-choo"}"#,
        ),
        (
            to(
                rule(Replace, &["a", "b"], Some("f(.*);(.*)r")),
                "a",
                Some("b${1}${2}m"),
            ),
            r#"m{a="boobam",b="bar",c="baz"}"#,
        ),
        // Without a match nothing changes; an empty result takes the label away.
        (
            to(rule(Replace, &["a"], Some("x(.*)")), "d", None),
            r#"m{a="foo",b="bar",c="baz"}"#,
        ),
        (
            to(rule(Replace, &["a"], Some("foo")), "a", Some("")),
            r#"m{b="bar",c="baz"}"#,
        ),
        // The expression is anchored.
        (
            to(rule(Replace, &["a"], Some("o")), "a", Some("x")),
            r#"m{a="foo",b="bar",c="baz"}"#,
        ),
        (
            to(rule(Replace, &["a"], Some("(f).*")), "${1}_$1", Some("v")),
            r#"m{a="foo",b="bar",c="baz",f_f="v"}"#,
        ),
        (
            to(rule(Replace, &["b"], None), "__name__", Some("n_$1")),
            r#"n_bar{a="foo",b="bar",c="baz"}"#,
        ),
        (
            rule(Keep, &["a"], Some("fo+")),
            r#"m{a="foo",b="bar",c="baz"}"#,
        ),
        (rule(Keep, &["a"], Some("fo")), "dropped"),
        (rule(Drop, &["a"], Some(".*o.*")), "dropped"),
        (
            rule(Drop, &["a"], Some("f")),
            r#"m{a="foo",b="bar",c="baz"}"#,
        ),
        (rule(Drop, &["__name__"], Some("m")), "dropped"),
        (to(rule(DropEqual, &["a"], None), "a", None), "dropped"),
        (
            to(rule(DropEqual, &["a"], None), "b", None),
            r#"m{a="foo",b="bar",c="baz"}"#,
        ),
        (to(rule(KeepEqual, &["a"], None), "b", None), "dropped"),
        (
            to(rule(KeepEqual, &["a"], None), "a", None),
            r#"m{a="foo",b="bar",c="baz"}"#,
        ),
        (
            rule(LabelMap, &[], Some("(b.*)")),
            r#"m{a="foo",b="bar",c="baz"}"#,
        ),
        (
            to(rule(LabelMap, &[], Some("(b)")), "", Some("bar_${1}")),
            r#"m{a="foo",b="bar",bar_b="bar",c="baz"}"#,
        ),
        (rule(LabelDrop, &[], Some("(b|c)")), r#"m{a="foo"}"#),
        (rule(LabelKeep, &[], Some("(__name__|b)")), r#"m{b="bar"}"#),
        (rule(LabelKeep, &[], Some("b")), "bad_name"),
        (
            to(rule(Uppercase, &["a"], None), "a", None),
            r#"m{a="FOO",b="bar",c="baz"}"#,
        ),
        (
            to(rule(Lowercase, &["a", "b"], None), "d", None),
            r#"m{a="foo",b="bar",c="baz",d="foo;bar"}"#,
        ),
        (
            RuleText {
                modulus: 1000,
                ..to(rule(HashMod, &["c"], None), "d", None)
            },
            r#"m{a="foo",b="bar",c="baz",d="976"}"#,
        ),
    ];
    for (text, expected) in table {
        let said = format!("{text:?}");
        assert_eq!(made(vec![text], &abc), expected, "{said}");
    }
}

#[test]
fn rules_follow_each_other_until_one_drops() {
    let rules = vec![
        to(rule(Action::Replace, &["a"], None), "b", Some("x")),
        rule(Action::Drop, &["b"], Some("x")),
        to(rule(Action::Replace, &[], None), "never", Some("1")),
    ];
    assert_eq!(made(rules, &[("a", "1")]), "dropped");
    let always = to(rule(Action::Replace, &[], None), "zone", Some("eu"));
    assert_eq!(made(vec![always], &[]), r#"m{zone="eu"}"#);
}

#[test]
fn a_newline_is_a_character_and_classes_are_ascii() {
    let any = rule(Action::Drop, &["a"], Some("x.y"));
    assert_eq!(made(vec![any], &[("a", "x\ny")]), "dropped");
    let digits = rule(Action::Drop, &["a"], Some(r"\d+"));
    assert_eq!(made(vec![digits], &[("a", "\u{664}")]), "m{a=\"\u{664}\"}");
}

#[test]
fn what_cannot_be_meant_is_refused_with_its_place() {
    let wrong = [
        (rule(Action::Replace, &["a"], None), "target_label"),
        (
            to(rule(Action::HashMod, &["a"], None), "b", None),
            "modulus",
        ),
        (rule(Action::LabelDrop, &["a"], Some("b")), "nothing else"),
        (
            to(rule(Action::KeepEqual, &["a"], Some("b")), "c", None),
            "nothing else",
        ),
        (rule(Action::Drop, &["a"], Some("(")), "cannot be compiled"),
    ];
    for (text, says) in wrong {
        let good = rule(Action::Drop, &["a"], None);
        let error = Rules::new(vec![good, text]).unwrap_err();
        assert!(error.to_string().starts_with("rule 1: "), "{error}");
        assert!(error.to_string().contains(says), "{error}");
    }
}
