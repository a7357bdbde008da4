//! `name{label="value", …}` and its quoted forms.

use weir_wire::{MatchOp, Matcher, NAME_LABEL};

use super::super::lexer::{self, Token};
use super::Parser;
use crate::promql::ParseError;

/// More matchers than this are refused: each costs the source a pass.
const MOST_MATCHERS: usize = 256;

impl Parser<'_> {
    /// The matchers of a selector whose name, if it stood in front, is already read.
    pub(super) fn matchers(&mut self, name: Option<String>) -> Result<Vec<Matcher>, ParseError> {
        let start = self.position();
        let mut matchers = Vec::new();
        let mut names: Vec<String> = name.into_iter().collect();
        if self.take_sign("{") {
            self.braces(&mut matchers, &mut names)?;
        } else if names.is_empty() {
            return Err(self.unexpected("selector", "name or \"{\""));
        }
        if let [first, second, ..] = names.as_slice() {
            return Err(self.wrong_at(start, twice(first, second)));
        }
        let other = matchers.iter().position(|m| m.name == NAME_LABEL);
        match (names.pop(), other) {
            (Some(name), Some(other)) => {
                let second = &matchers[other].value;
                return Err(self.wrong_at(start, twice(&name, second)));
            }
            (Some(name), None) => {
                matchers.insert(0, Matcher::new(NAME_LABEL, MatchOp::Equal, name));
            }
            (None, _) => name_first(&mut matchers),
        }
        if matchers.iter().all(matches_nothing_too) {
            let message = "vector selector must contain at least one non-empty matcher";
            return Err(self.wrong_at(start, message));
        }
        Ok(matchers)
    }

    fn braces(
        &mut self,
        matchers: &mut Vec<Matcher>,
        names: &mut Vec<String>,
    ) -> Result<(), ParseError> {
        while !self.take_sign("}") {
            if matchers.len() + names.len() >= MOST_MATCHERS {
                return Err(self.wrong(format!("more than {MOST_MATCHERS} label matchers")));
            }
            let (label, quoted) = match self.peek().clone() {
                Token::Word(word) if !word.contains(['.', ':']) => (word, false),
                // `inf` and `nan` are numbers elsewhere; as written, they are labels here.
                Token::Number(value) if !value.is_finite() && !self.word_here().is_empty() => {
                    (self.word_here().to_owned(), false)
                }
                Token::Text(text) => (text, true),
                _ => return Err(self.unexpected("label matching", "identifier or \"}\"")),
            };
            self.advance();
            match self.match_op() {
                Some(op) => matchers.push(self.matcher(label, op)?),
                None if quoted => names.push(label),
                None => return Err(self.unexpected("label matching", "label matching operator")),
            }
            if !self.take_sign(",") && !matches!(self.peek(), Token::Sign("}")) {
                return Err(self.unexpected("label matching", "\",\" or \"}\""));
            }
        }
        Ok(())
    }

    /// The next token as written, where it is spelt as a word.
    fn word_here(&self) -> &str {
        let rest = self.text.get(self.position()..).unwrap_or_default();
        rest.get(..lexer::word_length(rest)).unwrap_or_default()
    }

    fn match_op(&mut self) -> Option<MatchOp> {
        let op = match self.peek() {
            Token::Sign("=") => MatchOp::Equal,
            Token::Sign("!=") => MatchOp::NotEqual,
            Token::Sign("=~") => MatchOp::Regex,
            Token::Sign("!~") => MatchOp::NotRegex,
            _ => return None,
        };
        self.advance();
        Some(op)
    }

    fn matcher(&mut self, label: String, op: MatchOp) -> Result<Matcher, ParseError> {
        let Token::Text(value) = self.peek().clone() else {
            return Err(self.unexpected("label matching", "string"));
        };
        if matches!(op, MatchOp::Regex | MatchOp::NotRegex) {
            // Compiled again by whoever evaluates it; here it gets its position in the error.
            crate::promql::anchored(&value).map_err(|reason| self.wrong(reason))?;
        }
        self.advance();
        Ok(Matcher::new(label, op, value))
    }
}

fn twice(first: &str, second: &str) -> String {
    format!("metric name must not be set twice: {first:?} or {second:?}")
}

/// One way to write one thing: the name's matcher, where there is just one, stands first.
fn name_first(matchers: &mut [Matcher]) {
    let is_name = |m: &Matcher| m.name == NAME_LABEL && m.op == MatchOp::Equal;
    if matchers.iter().filter(|m| m.name == NAME_LABEL).count() != 1 {
        return;
    }
    if let Some(at) = matchers.iter().position(is_name) {
        matchers[..=at].rotate_right(1);
    }
}

/// Whether a matcher holds for a label that is not there.
fn matches_nothing_too(matcher: &Matcher) -> bool {
    let whole = |value: &str| crate::promql::anchored(value).is_ok_and(|regex| regex.is_match(""));
    match matcher.op {
        MatchOp::Equal => matcher.value.is_empty(),
        MatchOp::NotEqual => !matcher.value.is_empty(),
        MatchOp::Regex => whole(&matcher.value),
        MatchOp::NotRegex => !whole(&matcher.value),
    }
}
