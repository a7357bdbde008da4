//! Reads a selector of PromQL: `name`, `{label="value", other=~"a|b"}`, or both. The query engine has its own reader,
//! which the agent does not link; an expression that is more than a selector is refused here as there.

use weir_wire::{MatchOp, Matcher, NAME_LABEL};

const EXAMPLE: &str = r#"write it as {__name__=~"debug_.*", room="cellar"}"#;
const OPS: [(&str, MatchOp); 4] = [
    ("=~", MatchOp::Regex),
    ("!~", MatchOp::NotRegex),
    ("!=", MatchOp::NotEqual),
    ("=", MatchOp::Equal),
];

/// # Errors
/// What is no selector, and how to write one. One without any condition would take everything, and is refused too.
pub(super) fn parse(text: &str) -> Result<Vec<Matcher>, String> {
    let mut rest = text.trim();
    let mut matchers = Vec::new();
    if let Some(name) = word(&mut rest) {
        matchers.push(Matcher::new(NAME_LABEL, MatchOp::Equal, name));
    }
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside.trim_start();
        while !rest.starts_with('}') {
            matchers.push(matcher(&mut rest)?);
            rest = match rest.strip_prefix(',') {
                Some(more) => more.trim_start(),
                None if rest.starts_with('}') => rest,
                None => return Err(none(rest)),
            };
        }
        rest = rest[1..].trim_start();
    }
    match matchers.is_empty() || !rest.is_empty() {
        true => Err(none(rest)),
        false => Ok(matchers),
    }
}

fn matcher(rest: &mut &str) -> Result<Matcher, String> {
    let label = word(rest).ok_or_else(|| none(rest))?.to_owned();
    let op = OPS.iter().find(|(sign, _)| rest.starts_with(sign));
    let (sign, op) = op.ok_or_else(|| none(rest))?;
    *rest = rest[sign.len()..].trim_start();
    let value = quoted(rest).ok_or_else(|| none(rest))?;
    Ok(Matcher::new(label, *op, value))
}

/// A name or a label, and the space behind it.
fn word<'a>(rest: &mut &'a str) -> Option<&'a str> {
    let is_in = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let end = rest.find(|c| !is_in(c)).unwrap_or(rest.len());
    let (found, behind) = rest.split_at(end);
    *rest = behind.trim_start();
    let begins_well = found.starts_with(|c: char| !c.is_ascii_digit());
    (begins_well && !found.is_empty()).then_some(found)
}

/// A text in double quotes, single ones or, with no escapes in it, backticks; and the space behind it.
fn quoted(rest: &mut &str) -> Option<String> {
    let quote = rest.chars().next().filter(|c| "\"'`".contains(*c))?;
    let mut text = String::new();
    let mut chars = rest.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            c if c == quote => {
                *rest = rest[at + c.len_utf8()..].trim_start();
                return Some(text);
            }
            '\\' if quote != '`' => text.push(match chars.next()?.1 {
                'n' => '\n',
                't' => '\t',
                c if "\\\"'".contains(c) => c,
                _ => return None,
            }),
            c => text.push(c),
        }
    }
    None
}

fn none(rest: &str) -> String {
    match rest.is_empty() {
        true => format!("it is no selector of series; {EXAMPLE}"),
        false => format!("{rest:?} is not expected there; {EXAMPLE}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Result<String, String> {
        let matchers = parse(text)?;
        let shown: Vec<String> = matchers.iter().map(ToString::to_string).collect();
        Ok(shown.join(","))
    }

    #[test]
    fn selectors_are_read_as_in_promql() {
        for (text, expected) in [
            ("up", r#"__name__="up""#),
            (r#"{a="b"}"#, r#"a="b""#),
            (
                r#" x { a =~ "b.*" , c != 'd', e!~`f\d`, } "#,
                r#"__name__="x",a=~"b.*",c!="d",e!~"f\\d""#,
            ),
            (r#"{a="b\"c\\d"}"#, r#"a="b\"c\\d""#),
        ] {
            assert_eq!(shown(text).as_deref(), Ok(expected), "{text}");
        }
        for text in [
            "",
            "{}",
            "{a}",
            "{a=b}",
            r#"{a="b}"#,
            r#"{a="b"} + 1"#,
            "1a",
            r#"{a="b" c="d"}"#,
            r#"{a="\q"}"#,
        ] {
            assert!(shown(text).unwrap_err().contains("write it as"), "{text}");
        }
    }
}
