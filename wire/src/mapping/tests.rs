use proptest::prelude::*;

use super::*;

fn glob(text: &str) -> Pattern {
    Pattern::Glob(text.to_owned())
}

fn regex(text: &str) -> Pattern {
    Pattern::Regex(text.to_owned())
}

fn rule(pattern: Pattern, name: &str, labels: &[(&str, &str)]) -> Rule {
    let labels = labels
        .iter()
        .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
    Rule {
        pattern,
        kind: None,
        action: Action::Map {
            name: name.to_owned(),
            labels: labels.collect(),
            honor_labels: false,
        },
    }
}

fn drop_rule(pattern: Pattern) -> Rule {
    Rule {
        pattern,
        kind: None,
        action: Action::Drop,
    }
}

fn key(text: &str) -> SeriesKey {
    crate::graphite::series_key(text.as_bytes()).unwrap()
}

/// The series as text, `unchanged`, `dropped`, or the refusal.
fn mapped(mappings: &Mappings, text: &str) -> String {
    match mappings.map(&key(text), None) {
        Ok(Mapped::Unchanged) => "unchanged".to_owned(),
        Ok(Mapped::Dropped { .. }) => "dropped".to_owned(),
        Ok(Mapped::Key { key, .. }) => key.to_string(),
        Err(reason) => reason.to_string(),
    }
}

fn mappings(rules: Vec<Rule>) -> Mappings {
    Mappings::new(rules, Order::AsWritten).unwrap()
}

#[test]
fn a_path_becomes_a_name_with_labels() {
    let mappings = mappings(vec![rule(
        glob("servers.*.cpu.*"),
        "cpu_${2}",
        &[("host", "$1"), ("kind", "a${2}b")],
    )]);
    let cases = [
        (
            "servers.web01.cpu.load",
            r#"cpu_load{host="web01",kind="aloadb"}"#,
        ),
        (
            "servers.web-01.cpu.load%",
            r#"cpu_load_{host="web-01",kind="aload%b"}"#,
        ),
        ("servers.web01.cpu", "unchanged"),
        ("servers.web01.cpu.load.x", "unchanged"),
        ("servers..cpu.load", "unchanged"),
        ("servers.web01.mem.load", "unchanged"),
        (
            "servers.web01.cpu.load;dc=a",
            r#"cpu_load{dc="a",host="web01",kind="aloadb"}"#,
        ),
    ];
    for (path, expected) in cases {
        assert_eq!(mapped(&mappings, path), expected, "{path}");
    }
}

#[test]
fn the_first_glob_of_the_file_holds_or_the_most_specific() {
    let rules = || {
        vec![
            rule(glob("a.*.*"), "first", &[]),
            rule(glob("a.b.*"), "second", &[]),
            rule(glob("*.b.c"), "third", &[]),
            rule(glob("a.b.c.d"), "longer", &[]),
            rule(glob("a.b.*.e"), "back", &[]),
        ]
    };
    let written = Mappings::new(rules(), Order::AsWritten).unwrap();
    let specific = Mappings::new(rules(), Order::MostSpecific).unwrap();
    let cases = [
        ("a.b.c", "first", "second"),
        ("a.x.c", "first", "first"),
        ("x.b.c", "third", "third"),
        ("a.b.c.d", "longer", "longer"),
        // Down `a.b.c` there is nothing that ends with `e`: the walk comes back.
        ("a.b.c.e", "back", "back"),
        ("x.y.z", "unchanged", "unchanged"),
    ];
    for (path, in_order, by_kind) in cases {
        assert_eq!(mapped(&written, path), in_order, "{path} as written");
        assert_eq!(mapped(&specific, path), by_kind, "{path} most specific");
    }
}

#[test]
fn globs_go_before_regular_expressions_and_those_in_their_order() {
    let mappings = mappings(vec![
        rule(
            regex(r"^db\.(\w+)\.(?P<what>.*)$"),
            "db_${what}",
            &[("name", "$1")],
        ),
        rule(regex("db"), "other", &[("all", "${0}")]),
        rule(glob("db.*.reads"), "reads", &[("name", "$1")]),
    ]);
    assert_eq!(mapped(&mappings, "db.a.reads"), r#"reads{name="a"}"#);
    assert_eq!(mapped(&mappings, "db.a.x.y"), r#"db_x_y{name="a"}"#);
    assert_eq!(
        mapped(&mappings, "my.db"),
        r#"other{all="db"}"#,
        "not anchored"
    );
    assert_eq!(mapped(&mappings, "none"), "unchanged");
}

#[test]
fn a_rule_may_drop() {
    let mappings = mappings(vec![
        drop_rule(glob("debug.*")),
        rule(glob("*.*"), "two", &[]),
        drop_rule(regex(r"\.tmp\.")),
    ]);
    assert_eq!(mapped(&mappings, "debug.x"), "dropped");
    assert_eq!(mapped(&mappings, "a.x"), "two");
    assert_eq!(mapped(&mappings, "a.tmp.x"), "dropped");
}

#[test]
fn labels_of_the_series_hold_where_the_rule_honours_them() {
    let mut rules = vec![rule(glob("a.*"), "a", &[("host", "$1"), ("k", "v")])];
    let over = mappings(rules.clone());
    assert_eq!(mapped(&over, "a.x;host=own"), r#"a{host="x",k="v"}"#);
    if let Action::Map { honor_labels, .. } = &mut rules[0].action {
        *honor_labels = true;
    }
    let honoured = mappings(rules);
    assert_eq!(mapped(&honoured, "a.x;host=own"), r#"a{host="own",k="v"}"#);
}

#[test]
fn a_rule_for_a_type_fits_that_type_only() {
    let mut rules = vec![
        rule(glob("a.*"), "timed", &[]),
        rule(glob("a.*"), "any", &[]),
    ];
    rules[0].kind = Some(Kind::Observer);
    let mappings = mappings(rules);
    let name = |kind| match mappings.map(&key("a.b"), kind).unwrap() {
        Mapped::Key { key, rule } => (key.name().to_owned(), rule),
        other => panic!("{other:?}"),
    };
    assert_eq!(name(Some(Kind::Observer)), ("timed".to_owned(), 0));
    assert_eq!(name(Some(Kind::Counter)), ("any".to_owned(), 1));
    assert_eq!(name(None), ("any".to_owned(), 1));
}

#[test]
fn what_a_rule_makes_may_still_be_no_series() {
    let mappings = mappings(vec![
        rule(glob("n.*"), "$1", &[]),
        rule(regex("^l(x*)"), "n", &[("long", "$1$1$1")]),
    ]);
    assert_eq!(mapped(&mappings, "n.1st"), "_1st");
    let long = format!("l{}", "x".repeat(2_000));
    assert_eq!(mapped(&mappings, &long), "bad_labels");
}

#[test]
fn what_cannot_be_meant_is_refused_with_its_part() {
    let refused = |rule: Rule| {
        let rules = vec![drop_rule(glob("fine.*")), rule];
        let error = Mappings::new(rules, Order::AsWritten).unwrap_err();
        assert_eq!(error.rule, 1);
        (error.part, error.reason)
    };
    let cases = [
        (rule(glob("a.b*"), "n", &[]), "match", "match_type: regex"),
        (rule(glob("a..b"), "n", &[]), "match", "empty"),
        (rule(glob("a b"), "n", &[]), "match", "spaces"),
        (rule(regex("a("), "n", &[]), "match", "unclosed group"),
        (
            rule(regex("(a{1000}){1000}"), "n", &[]),
            "match",
            "size limit",
        ),
        (rule(glob("a.*"), "n$2", &[]), "name", "$2"),
        (rule(regex("a"), "n${w}", &[]), "name", "$w"),
        (rule(regex("(a)"), "$1x", &[]), "name", "$1x"),
        (rule(glob("a"), "", &[]), "name", "action: drop"),
        (rule(glob("a"), "1a", &[]), "name", "begins"),
        (rule(glob("a"), "a b", &[]), "name", "letters"),
        (rule(glob("a"), "n", &[("1", "v")]), "1", "letters"),
        (
            rule(glob("a"), "n", &[("__name__", "v")]),
            "__name__",
            "name",
        ),
        (rule(glob("a"), "n", &[("l", "$1")]), "l", "$1"),
    ];
    for (rule, part, word) in cases {
        let text = format!("{rule:?}");
        let found = refused(rule);
        assert_eq!(found.0, part, "{text}: {}", found.1);
        assert!(found.1.contains(word), "{text}: {}", found.1);
    }
}

#[test]
fn thousands_of_rules_are_one_walk() {
    let rules = (0..20_000).map(|i| rule(glob(&format!("app{i}.*.{i}")), &format!("n{i}"), &[]));
    let mappings = mappings(rules.collect());
    assert_eq!(mapped(&mappings, "app19999.x.19999"), "n19999");
    assert_eq!(mapped(&mappings, "app19999.x.1"), "unchanged");
}

/// The rules one after the other, each compared as a reader would.
fn naive(globs: &[String], name: &str) -> Option<usize> {
    let words: Vec<&str> = name.split('.').collect();
    globs.iter().position(|glob| {
        let wanted: Vec<&str> = glob.split('.').collect();
        let fits =
            |(wanted, word): (&&str, &&str)| wanted == word || (*wanted == "*" && !word.is_empty());
        wanted.len() == words.len() && wanted.iter().zip(&words).all(fits)
    })
}

proptest! {
    #[test]
    fn the_tree_finds_what_a_search_from_the_top_finds(
        globs in prop::collection::vec("([ab*]\\.){0,3}[ab*]", 0..12),
        names in prop::collection::vec("([abc]\\.){0,3}[abc]", 1..8),
    ) {
        let rules = globs.iter().map(|one| rule(glob(one), "n", &[])).collect();
        let mappings = Mappings::new(rules, Order::AsWritten).unwrap();
        for name in &names {
            let found = match mappings.map(&key(name), None).unwrap() {
                Mapped::Key { rule, .. } => Some(rule),
                _ => None,
            };
            prop_assert_eq!(found, naive(&globs, name), "{}", name);
        }
    }

    #[test]
    fn hostile_templates_and_names_never_panic(
        template in "[$a1{}\\-.]{0,8}",
        pattern in "[a*.()\\[\\]+]{1,6}",
        name in "[a.b\u{e9}]{1,12}",
    ) {
        for pattern in [glob(&pattern), regex(&pattern)] {
            let rules = vec![rule(pattern, &format!("a{template}"), &[("l", &template)])];
            if let Ok(mappings) = Mappings::new(rules, Order::MostSpecific) {
                let _ = mappings.map(&key(&name), None);
            }
        }
    }
}
