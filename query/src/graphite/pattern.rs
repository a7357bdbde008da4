//! Path patterns (`*`, `?`, `[a-c]`, `{a,b}`) to matchers on the name. A glob never crosses a dot. Only writes the
//! regular expression; who evaluates the matcher compiles and anchors it.

use weir_wire::{MatchOp, Matcher, NAME_LABEL};

use super::{GraphiteError, limits};

const ANY: &str = "[^.]*";

/// The matcher for names that are exactly this pattern.
pub(super) fn matcher(pattern: &str) -> Result<Matcher, GraphiteError> {
    check(pattern)?;
    if is_literal(pattern) {
        return Ok(Matcher::new(NAME_LABEL, MatchOp::Equal, pattern));
    }
    Ok(Matcher::new(NAME_LABEL, MatchOp::Regex, regex(pattern)))
}

/// The matcher for names that are this pattern or lie below it.
pub(super) fn tree_matcher(pattern: &str) -> Result<Matcher, GraphiteError> {
    check(pattern)?;
    let below = format!("(?:{})(?:\\..*)?", regex(pattern));
    Ok(Matcher::new(NAME_LABEL, MatchOp::Regex, below))
}

fn is_literal(pattern: &str) -> bool {
    !pattern.contains(['*', '?', '[', '{'])
}

fn check(pattern: &str) -> Result<(), GraphiteError> {
    let reason = if pattern.is_empty() {
        "it is empty"
    } else if pattern.len() > limits::TEXT_BYTES {
        "it is too long"
    } else if !balanced(pattern) {
        "braces do not pair"
    } else {
        return Ok(());
    };
    Err(GraphiteError::BadPattern {
        pattern: pattern.chars().take(64).collect(),
        reason,
    })
}

fn balanced(pattern: &str) -> bool {
    let mut depth = 0usize;
    for c in pattern.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => return false,
            '}' => depth -= 1,
            _ => {}
        }
        if depth > limits::DEPTH {
            return false;
        }
    }
    depth == 0
}

fn regex(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() * 2);
    let mut depth = 0usize;
    let mut rest = pattern.chars();
    while let Some(c) = rest.next() {
        match c {
            '*' => out.push_str(ANY),
            '?' => out.push_str("[^.]"),
            '{' => {
                depth += 1;
                out.push_str("(?:");
            }
            '}' => {
                depth = depth.saturating_sub(1);
                out.push(')');
            }
            ',' if depth > 0 => out.push('|'),
            '[' => match class(rest.as_str()) {
                Some((text, used)) => {
                    out.push_str(&text);
                    rest = rest.as_str().get(used..).unwrap_or_default().chars();
                }
                None => out.push_str("\\["),
            },
            other => push_literal(&mut out, other),
        }
    }
    out
}

/// A character class and the bytes it took after the `[`; `None` where it is no class.
fn class(after: &str) -> Option<(String, usize)> {
    let end = after.find(']')?;
    let body = after.get(..end)?;
    let (not, members) = match body.strip_prefix(['!', '^']) {
        Some(members) => ("^.", members),
        None => ("", body),
    };
    if members.is_empty() || members.contains(['.', '{', '}']) {
        return None;
    }
    let mut text = format!("[{not}");
    let chars: Vec<char> = members.chars().collect();
    for (i, c) in chars.iter().enumerate() {
        let range = *c == '-' && i > 0 && chars.get(i + 1).is_some_and(|to| chars[i - 1] <= *to);
        if range {
            text.push('-');
        } else {
            push_literal(&mut text, *c);
        }
    }
    text.push(']');
    // `a-b-c` and the like pass the test above without being a class; such text is taken literally.
    regex::Regex::new(&text).ok()?;
    Some((text, end + 1))
}

fn push_literal(out: &mut String, c: char) {
    let mut buffer = [0; 4];
    let text: &str = c.encode_utf8(&mut buffer);
    out.push_str(&regex::escape(text));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, name: &str) -> bool {
        let found = matcher(pattern).unwrap();
        match found.op {
            MatchOp::Equal => found.value == name,
            _ => regex::Regex::new(&format!("^(?:{})$", found.value))
                .unwrap()
                .is_match(name),
        }
    }

    #[test]
    fn globs_stay_within_a_component() {
        assert!(matches("a.*.c", "a.b.c"));
        assert!(!matches("a.*", "a.b.c"));
        assert!(matches("web0?.load", "web01.load"));
        assert!(matches("web[1-3].{cpu,mem*}", "web2.memory"));
        assert!(!matches("web[1-3].{cpu,mem*}", "web4.cpu"));
        assert!(matches("web[!1].x", "web2.x"));
        assert!(!matches("a.b", "axb"));
        assert!(!matches("a.b*", "axb"));
    }

    #[test]
    fn what_does_not_pair_is_refused_or_literal() {
        assert!(matcher("a.{b").is_err());
        assert!(matcher("a.}b").is_err());
        assert!(matcher("").is_err());
        assert!(matches("a[b*", "a[bc"));
    }

    #[test]
    fn every_class_makes_a_regex_that_compiles() {
        for pattern in ["[z-a]*", "[a-b-c]", "[--a]", "[&&]?", "[~~]?", "[a&&b]x"] {
            let found = matcher(pattern).unwrap();
            assert!(
                regex::Regex::new(&found.value).is_ok(),
                "{pattern} {}",
                found.value
            );
        }
    }
}
