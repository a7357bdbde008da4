//! Text to tree and back: what is refused and where, what comes back the same, and that nothing panics.

use proptest::prelude::*;
use weir_query::Budget;
use weir_query::promql::{Engine, QueryValue, parse, parse_selector};
use weir_wire::{MatchOp, Matcher};

use crate::memory::{Memory, takes};

#[test]
fn errors_say_what_and_where() {
    let cases = [
        ("", "1:1: parse error: no expression found in input"),
        (
            "# nothing",
            "1:10: parse error: no expression found in input",
        ),
        ("sum(", "1:5: parse error: unexpected end of input"),
        ("a b", "1:3: parse error: unexpected identifier \"b\""),
        ("a +\n  )", "2:3: parse error: unexpected \")\""),
        ("a[5m", "1:5: parse error: unclosed left bracket"),
        (
            "a[5x]",
            "1:3: parse error: bad number or duration syntax: \"5x\"",
        ),
        ("a[0]", "1:3: parse error: duration must be greater than 0"),
        (
            "a{b=1}",
            "1:5: parse error: unexpected number \"1\" in label matching, expected string",
        ),
        (
            "a{b}",
            "1:4: parse error: unexpected \"}\" in label matching, expected label matching operator",
        ),
        (
            "{}",
            "1:1: parse error: vector selector must contain at least one non-empty matcher",
        ),
        (
            "{a=~\".*\"}",
            "1:1: parse error: vector selector must contain at least one non-empty matcher",
        ),
        ("a{b=~\"(\"}", "1:6: parse error: error parsing regexp"),
        (
            "a{\"b\"}",
            "1:2: parse error: metric name must not be set twice: \"a\" or \"b\"",
        ),
        (
            "a{__name__=\"b\"}",
            "1:2: parse error: metric name must not be set twice: \"a\" or \"b\"",
        ),
        (
            "(a)[5m]",
            "1:1: parse error: ranges only allowed for vector selectors",
        ),
        (
            "a offset 5m [5m]",
            "1:1: parse error: no offset modifiers allowed before range",
        ),
        (
            "sum(a) offset 5m",
            "1:1: parse error: offset and @ modifiers must be preceded by",
        ),
        (
            "a offset 5m offset 5m",
            "1:1: parse error: offset and @ may not be set multiple times",
        ),
        (
            "a @ b",
            "1:5: parse error: unexpected identifier \"b\" in @, expected timestamp",
        ),
        (
            "rate(a)",
            "1:1: parse error: expected type range vector in call to function \"rate\", got instant vector",
        ),
        (
            "rate()",
            "1:1: parse error: expected 1 argument(s) in call to \"rate\", got 0",
        ),
        (
            "round(a, 1, 2)",
            "1:1: parse error: expected at most 2 argument(s) in call to \"round\", got 3",
        ),
        (
            "sum(a, b)",
            "1:1: parse error: wrong number of arguments for aggregate expression provided, expected 1",
        ),
        (
            "sum(1)",
            "1:1: parse error: expected type instant vector in aggregation expression, got scalar",
        ),
        (
            "sum(a,)",
            "1:7: parse error: trailing commas not allowed in function call args",
        ),
        (
            "a + b[5m]",
            "1:5: parse error: binary expression must contain only scalar and instant vector types",
        ),
        (
            "a + bool b",
            "1:5: parse error: bool modifier can only be used on comparison operators",
        ),
        (
            "1 + on (a) b",
            "1:3: parse error: vector matching only allowed between instant vectors",
        ),
        (
            "a * on (x) group_left (x) b",
            "1:12: parse error: label \"x\" must not occur in ON and GROUP clause",
        ),
        (
            "-\"a\"",
            "1:2: parse error: unary expression only allowed on expressions of type scalar",
        ),
        (
            "a[5m][5m:]",
            "1:1: parse error: subquery is only allowed on instant vector, got range vector instead",
        ),
        (
            "vector(1)[5m:][5m:]",
            "1:1: parse error: subquery is only allowed on instant vector, got range vector instead",
        ),
        (
            "time()[5m:]",
            "1:1: parse error: subquery is only allowed on instant vector, got scalar instead",
        ),
        ("on", "1:1: parse error: unexpected <on>"),
        ("a == on", "1:6: parse error: unexpected <on>"),
        ("ignoring{a='b'}", "1:1: parse error: unexpected <ignoring>"),
        (
            "sum(group_left)",
            "1:5: parse error: unexpected <group_left>",
        ),
        (
            "a group_right b",
            "1:3: parse error: unexpected <group_right>",
        ),
        ("bool > 1", "1:1: parse error: unexpected <bool>"),
        (
            "a{1='b'}",
            "1:3: parse error: unexpected number \"1\" in label matching",
        ),
        ("a $ b", "1:3: parse error: unexpected character: '$'"),
        ("\"a", "1:1: parse error: unterminated quoted string"),
        (
            "a == on (x) group_left (",
            "1:25: parse error: unexpected end of input",
        ),
    ];
    for (text, wanted) in cases {
        let error = parse(text).unwrap_err().to_string();
        assert!(
            error.starts_with(wanted),
            "{text}\n  said   {error}\n  wanted {wanted}"
        );
    }
}

#[test]
fn trees_come_back_from_their_text() {
    let cases = [
        ("a.b.c", "a.b.c"),
        ("{\"a.b c\", x='1'}", "{\"a.b c\",x=\"1\"}"),
        ("{__name__=\"up\"}", "up"),
        ("{x=\"1\", __name__=\"up\"}", "up{x=\"1\"}"),
        ("{\"a b\"=\"v\"}", "{\"a b\"=\"v\"}"),
        ("{\"sum\"}", "{\"sum\"}"),
        ("job:rate5m:sum", "job:rate5m:sum"),
        ("sum(a)by(x)", "sum by (x) (a)"),
        ("topk without(x)(3,a)", "topk without (x) (3, a)"),
        ("a[90s]", "a[1m30s]"),
        ("a[5m] offset -1h @ end()", "a[5m] @ end() offset -1h"),
        ("a[1h:1m] @ 1.5", "a[1h:1m] @ 1.500"),
        ("a[300:]", "a[5m:]"),
        ("- a ^ - b", "-a ^ -b"),
        ("a*on(x)group_left b", "a * on (x) group_left () b"),
        ("a == bool ignoring(x) b", "a == bool ignoring (x) b"),
        ("(a + b) * c", "(a + b) * c"),
        ("count_values(`x`, a)", "count_values(\"x\", a)"),
        ("1e3 + Inf - NaN", "1000 + +Inf - NaN"),
        ("a # why\n + b", "a + b"),
        (
            "start + offset + by + {\"on\"}",
            "{\"start\"} + {\"offset\"} + {\"by\"} + {\"on\"}",
        ),
        (
            "flat{inf='x', NaN='y', on='z'}",
            "flat{\"inf\"=\"x\",\"NaN\"=\"y\",on=\"z\"}",
        ),
        ("sum by (by, \"c d\") (a)", "sum by (by, \"c d\") (a)"),
        (
            "label_join(a, \"b\", \",\", \"c\")",
            "label_join(a, \"b\", \",\", \"c\")",
        ),
    ];
    for (text, wanted) in cases {
        let tree = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(tree.to_string(), wanted, "{text}");
        let again = parse(wanted).unwrap_or_else(|error| panic!("{wanted}: {error}"));
        assert_eq!(again.to_string(), wanted);
    }
}

#[test]
fn regular_expressions_are_read_as_in_re2() {
    let cases = [
        (r"\w+", "aZ_9", "é"),
        (r"\d", "7", "٣"),
        (r"\D", "٣", "7"),
        (r"a\sb", "a\tb", "a\u{b}b"),
        (r"\S\W", "é.", " ."),
        (r"é\ba", "éa", "éb"),
        (r"a\Bb", "ab", "a"),
        (r"[\w-x]+", "a-x", "é"),
        (r"[^\d\s]", "٣", "3"),
        (r"[[a]", "[", "b"),
        (r"[]a]", "]", "b"),
        (r"[a&&b]+", "a&b", "c"),
        (r"[+--]", ",", "."),
        (r"[[:alpha:]\]-]+", "a]-", "1"),
        (r"a{b}", "a{b}", "ab"),
        (r"{,2}", "{,2}", ""),
        (r"a{02}", "a{02}", "aa"),
        (r"a{2}b{1,}c{0,3}", "aabbc", "abc"),
        (r"\x{e9}\p{Greek}{2}", "éαβ", "éα"),
        (r"\<a\>", "<a>", "a"),
        (r"\{\[", "{[", "["),
    ];
    for (regex, taken, refused) in cases {
        let matcher = Matcher::new("x", MatchOp::Regex, regex);
        let read = parse_selector(&format!("{{a='b',x=~`{regex}`}}"));
        read.unwrap_or_else(|error| panic!("{regex}: {error}"));
        assert!(takes(&matcher, taken), "{regex} takes {taken:?}");
        assert!(!takes(&matcher, refused), "{regex} refuses {refused:?}");
    }
    for bad in [r"[a", r"a\", r"(", r"[z-a]", r"\p{x", r"\x{41"] {
        let text = format!("a{{b=~`{bad}`}}");
        assert!(parse(&text).is_err(), "{bad}");
    }
}

#[test]
fn selectors_alone() {
    let matchers = parse_selector("up{job=~\"a|b\"}").unwrap();
    let shown: Vec<String> = matchers.iter().map(ToString::to_string).collect();
    assert_eq!(shown, ["__name__=\"up\"", "job=~\"a|b\""]);
    assert_eq!(
        parse_selector("a.b-c").unwrap_err().to_string(),
        "1:4: parse error: unexpected \"-\""
    );
    for bad in ["", "on", "up[5m]", "up offset 5m", "1", "{}", "sum(up)"] {
        assert!(parse_selector(bad).is_err(), "{bad}");
    }
}

#[test]
fn depth_is_bounded_and_what_is_read_fits_the_stack() {
    for (open, close) in [
        ("(", ")"),
        ("-", ""),
        ("abs(", ")"),
        ("1 + (", ")"),
        ("2 ^ ", ""),
    ] {
        let text = format!("{}a{}", open.repeat(50_000), close.repeat(50_000));
        let text = text.get(..250_000.min(text.len())).unwrap();
        assert!(
            parse(text).unwrap_err().message.contains("nested deeper"),
            "{open}"
        );
        // A sum in brackets is nested twice.
        let count = if open.contains('+') { 50 } else { 100 };
        let fits = format!("{}a{}", open.repeat(count), close.repeat(count));
        evaluate(&fits);
    }
    // A chain grows to the left without any recursion in reading it, but not in walking it.
    let chain = format!("a{}", " + a".repeat(10_000));
    assert!(parse(&chain).unwrap_err().message.contains("nested deeper"));
    assert!(
        parse(&"a ".repeat(200_000))
            .unwrap_err()
            .message
            .contains("longer than")
    );
}

fn evaluate(text: &str) {
    let tree = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let (engine, budget) = (Engine::default(), Budget::new(1, 100_000));
    let answer = engine
        .instant(&Memory::default(), &tree, 0, &budget)
        .unwrap();
    assert_eq!(answer.value, QueryValue::Vector(Vec::new()));
    assert_eq!(parse(&tree.to_string()).unwrap(), tree);
}

/// Pieces that make up expressions, so that arbitrary sequences of them come near to valid ones.
fn piece() -> impl Strategy<Value = String> {
    let fixed = prop::sample::select(vec![
        "a",
        "up",
        "a.b",
        "sum",
        "topk",
        "rate",
        "by",
        "on",
        "(",
        ")",
        "(",
        ")",
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "=",
        "==",
        "=~",
        "!=",
        "+",
        "-",
        "*",
        "^",
        "and",
        "or",
        "bool",
        "offset",
        "@",
        "start()",
        "5m",
        "[5m]",
        "[1h:5m]",
        "1",
        "0x1",
        "1e3",
        "\"s\"",
        "'",
        "`",
        "\\",
        "#",
        "group_left",
        "ignoring",
        "é",
        "\u{0}",
        "histogram_quantile",
        "label_replace",
        "without (x)",
        "Inf",
    ]);
    prop_oneof![9 => fixed.prop_map(str::to_owned), 1 => any::<char>().prop_map(String::from)]
}

proptest! {
    #[test]
    fn no_text_panics(text in any::<String>()) {
        let _ = parse(&text);
        let _ = parse_selector(&text);
        let _ = weir_wire::regex_text(&text);
    }

    #[test]
    fn no_sequence_of_pieces_panics_and_what_is_read_reads_back(
        pieces in prop::collection::vec(piece(), 0..24), glue in prop::sample::select(vec!["", " "])
    ) {
        if let Ok(tree) = parse(&pieces.join(glue)) {
            let text = tree.to_string();
            let again = parse(&text).map_err(|error| TestCaseError::fail(format!("{text}: {error}")))?;
            prop_assert_eq!(again.to_string(), text);
        }
    }

    #[test]
    fn generated_expressions_read_back_the_same(tree in expression()) {
        let first = parse(&tree).map_err(|error| TestCaseError::fail(format!("{tree}: {error}")))?;
        let text = first.to_string();
        let again = parse(&text).map_err(|error| TestCaseError::fail(format!("{text}: {error}")))?;
        prop_assert_eq!(first, again);
    }
}

/// Texts of valid instant vectors.
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "up",
        "a.b{c=\"d\"}",
        "{\"x y\",z!~\"1.*\"}",
        "up offset 5m",
        "up @ 1.25",
        "rate(up[5m])",
        "max_over_time(up[1h:5m] @ start() offset 1m)",
        "vector(1)",
        "absent(up{a='\\n'})",
        "hour()",
    ]);
    leaf.prop_map(str::to_owned)
        .prop_recursive(6, 32, 3, |inner| {
            let op = prop::sample::select(vec![
                "+",
                "-",
                "*",
                "/",
                "%",
                "^",
                "atan2",
                "==",
                "!= bool",
                ">",
                "<= on (a)",
                "and",
                "or ignoring (b)",
                "unless",
                "* on (a) group_left (b)",
                "/ ignoring (c) group_right ()",
            ]);
            prop_oneof![
                (inner.clone(), op, inner.clone()).prop_map(|(l, op, r)| format!("{l} {op} {r}")),
                inner.clone().prop_map(|e| format!("({e})")),
                inner.clone().prop_map(|e| format!("-{e}")),
                inner
                    .clone()
                    .prop_map(|e| format!("sum by (a, \"b c\") ({e})")),
                inner.clone().prop_map(|e| format!("topk(3, {e})")),
                inner.clone().prop_map(|e| format!("clamp({e}, 0, 1e6)")),
                inner.prop_map(|e| format!("avg_over_time(({e})[1h:1m])")),
            ]
        })
}
