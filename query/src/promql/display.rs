//! Expressions back to text, in Prometheus' spelling. Adds no parentheses: the tree still has those it was read with.

use std::fmt::{self, Display, Formatter, Write};

use weir_wire::{MatchOp, Matcher, NAME_LABEL};

use super::ast::{Aggregate, At, Binary, Call, Expr, Matching, Selector, Shift, Sides, Subquery};
use super::duration::format_duration;
use super::literal::quote;
use super::{lexer, parser};
use crate::json::Float;

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Expr::Number(value) => write!(f, "{}", Float(*value)),
            Expr::Text(text) => f.write_str(&quote(text)),
            Expr::Selector(selector) => write!(f, "{selector}{}", selector.shift),
            Expr::Range { selector, range_ms } => {
                write!(
                    f,
                    "{selector}[{}]{}",
                    format_duration(*range_ms),
                    selector.shift
                )
            }
            Expr::Subquery(subquery) => subquery.fmt(f),
            Expr::Negate(inner) => write!(f, "-{inner}"),
            Expr::Paren(inner) => write!(f, "({inner})"),
            Expr::Binary(binary) => binary.fmt(f),
            Expr::Aggregate(aggregate) => aggregate.fmt(f),
            Expr::Call(call) => call.fmt(f),
        }
    }
}

impl Display for Selector {
    /// Without its shift, which comes after a range.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut names = self.matchers.iter().filter(|m| m.name == NAME_LABEL);
        let name = match (names.next(), names.next()) {
            (Some(name), None) if name.op == MatchOp::Equal && !name.value.is_empty() => Some(name),
            _ => None,
        };
        let bare = name.filter(|name| parser::is_bare_name(&name.value));
        f.write_str(bare.map_or("", |name| &name.value))?;
        let rest: Vec<&Matcher> = self
            .matchers
            .iter()
            .filter(|m| bare.is_none_or(|name| !std::ptr::eq(*m, name)))
            .collect();
        if rest.is_empty() {
            return Ok(());
        }
        f.write_char('{')?;
        for (i, matcher) in rest.into_iter().enumerate() {
            f.write_str(if i == 0 { "" } else { "," })?;
            match name.filter(|name| std::ptr::eq(matcher, *name)) {
                Some(name) => f.write_str(&quote(&name.value))?,
                None => write_matcher(f, matcher)?,
            }
        }
        f.write_char('}')
    }
}

fn write_matcher(f: &mut Formatter<'_>, matcher: &Matcher) -> fmt::Result {
    let op = match matcher.op {
        MatchOp::Equal => "=",
        MatchOp::NotEqual => "!=",
        MatchOp::Regex => "=~",
        MatchOp::NotRegex => "!~",
    };
    write!(f, "{}{op}{}", label(&matcher.name), quote(&matcher.value))
}

impl Display for Shift {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.at {
            None => {}
            Some(At::Start) => f.write_str(" @ start()")?,
            Some(At::End) => f.write_str(" @ end()")?,
            Some(At::Time { time_ms }) => {
                let sign = if time_ms < 0 { "-" } else { "" };
                let ms = time_ms.unsigned_abs();
                write!(f, " @ {sign}{}.{:03}", ms / 1_000, ms % 1_000)?;
            }
        }
        if self.offset_ms != 0 {
            write!(f, " offset {}", format_duration(self.offset_ms))?;
        }
        Ok(())
    }
}

impl Display for Subquery {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let step = self.step_ms.map(format_duration).unwrap_or_default();
        let range = format_duration(self.range_ms);
        write!(f, "{}[{range}:{step}]{}", self.expr, self.shift)
    }
}

impl Display for Binary {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let yields_bool = if self.yields_bool { " bool" } else { "" };
        let op = self.op.text();
        write!(
            f,
            "{} {op}{yields_bool}{} {}",
            self.left, self.matching, self.right
        )
    }
}

impl Display for Matching {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let group = match self.grouping {
            Sides::OneToOne => "",
            Sides::ManyToOne => " group_left ",
            Sides::OneToMany => " group_right ",
        };
        if self.on || !self.labels.is_empty() || !group.is_empty() {
            let word = if self.on { "on" } else { "ignoring" };
            write!(f, " {word} ({})", labels(&self.labels))?;
        }
        if !group.is_empty() {
            write!(f, "{group}({})", labels(&self.include))?;
        }
        Ok(())
    }
}

impl Display for Aggregate {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.op.text())?;
        if self.without || !self.labels.is_empty() {
            let word = if self.without { "without" } else { "by" };
            write!(f, " {word} ({}) ", labels(&self.labels))?;
        }
        match &self.param {
            Some(param) => write!(f, "({param}, {})", self.expr),
            None => write!(f, "({})", self.expr),
        }
    }
}

impl Display for Call {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.function.name)?;
        for (i, arg) in self.args.iter().enumerate() {
            write!(f, "{}{arg}", if i == 0 { "" } else { ", " })?;
        }
        f.write_char(')')
    }
}

fn labels(names: &[String]) -> String {
    let written: Vec<String> = names.iter().map(|name| label(name)).collect();
    written.join(", ")
}

fn label(name: &str) -> String {
    let bare = !name.is_empty()
        && !name.contains([':', '.'])
        && lexer::word_length(name) == name.len()
        && !["inf", "nan"].iter().any(|n| name.eq_ignore_ascii_case(n));
    if bare { name.to_owned() } else { quote(name) }
}
