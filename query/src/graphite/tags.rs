//! `seriesByTag('name=x', 'k=~v')`: expressions on tags to matchers. `name` is the metric's name; a pattern matches
//! from the start only, as graphite-web's tag database does.

use weir_wire::{MatchOp, Matcher, NAME_LABEL, limits::LABELS};

use super::GraphiteError;

pub(super) fn matchers(expressions: &[&str]) -> Result<Vec<Matcher>, GraphiteError> {
    let bad = |reason: &str| GraphiteError::argument("seriesByTag", reason);
    if expressions.is_empty() || expressions.len() > LABELS {
        return Err(bad(
            "give between 1 and 64 expressions such as 'name=disk.used'",
        ));
    }
    let found: Result<Vec<Matcher>, _> = expressions.iter().copied().map(matcher).collect();
    let found = found?;
    // Something must be asked for, or every series there is would be read.
    let narrows = |one: &Matcher| match one.op {
        MatchOp::Equal => !one.value.is_empty(),
        MatchOp::Regex => true,
        _ => false,
    };
    if !found.iter().any(narrows) {
        return Err(bad("at least one expression must ask for a value"));
    }
    Ok(found)
}

fn matcher(expression: &str) -> Result<Matcher, GraphiteError> {
    let bad = || {
        let reason = format!(
            "cannot read {expression:?}: write tag=value, tag!=value, tag=~pattern or tag!=~pattern"
        );
        GraphiteError::argument("seriesByTag", reason)
    };
    let end = expression
        .find(['=', '!'])
        .filter(|end| *end > 0)
        .ok_or_else(bad)?;
    let (tag, rest) = expression.split_at(end);
    let (op, value) = [
        ("!=~", MatchOp::NotRegex),
        ("!=", MatchOp::NotEqual),
        ("=~", MatchOp::Regex),
        ("=", MatchOp::Equal),
    ]
    .into_iter()
    .find_map(|(sign, op)| Some((op, rest.strip_prefix(sign)?)))
    .ok_or_else(bad)?;
    let label = if tag == "name" { NAME_LABEL } else { tag };
    let value = match op {
        MatchOp::Regex | MatchOp::NotRegex => format!("(?:{value}).*"),
        _ => value.to_owned(),
    };
    Ok(Matcher::new(label, op, value))
}
