//! Tokens to expressions, by recursive descent. Owns the reading position and the bound on depth; what each
//! construct looks like is in the files beside.

mod call;
mod check;
mod expr;
mod matching;
mod selector;

use weir_wire::Matcher;

use super::ast::{AggregateOp, BinaryOp, Expr};
use super::lexer::{self, Spanned, Token};
use super::{ParseError, duration};

/// How deep a tree may be: each level costs stack when it is evaluated and when it is dropped.
const DEEPEST: usize = 250;
/// How deep brackets, signs and right sides may be nested: each level costs more stack, here.
const DEEPEST_NESTING: usize = 100;

/// Reads an expression and checks its types.
///
/// # Errors
/// What is wrong and where, in Prometheus' words where it has some; also for texts over 256 KiB,
/// nesting over 100 deep and trees over 250 deep.
pub fn parse(text: &str) -> Result<Expr, ParseError> {
    let mut parser = Parser::new(text)?;
    if parser.peek() == &Token::End {
        return Err(parser.wrong("no expression found in input"));
    }
    let tree = parser.expression(0, 0)?;
    parser.finish()?;
    Ok(tree.expr)
}

/// Reads a selector alone, as `match[]` has it: no range, offset or `@`.
///
/// # Errors
/// As for [`parse`].
pub fn parse_selector(text: &str) -> Result<Vec<Matcher>, ParseError> {
    let mut parser = Parser::new(text)?;
    let name = match parser.peek() {
        Token::Word(name) if !is_modifier(name) => Some(name.clone()),
        _ => None,
    };
    if name.is_some() {
        parser.advance();
    }
    let matchers = parser.matchers(name)?;
    parser.finish()?;
    Ok(matchers)
}

/// A part of the tree and how deep it is.
struct Tree {
    expr: Expr,
    depth: usize,
}

type Parsed = Result<Tree, ParseError>;

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Spanned>,
    at: usize,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Result<Self, ParseError> {
        let tokens = lexer::tokens(text)?;
        Ok(Self {
            text,
            tokens,
            at: 0,
        })
    }

    fn peek(&self) -> &Token {
        self.peek_ahead(0)
    }

    fn peek_ahead(&self, count: usize) -> &Token {
        let token = self.tokens.get(self.at.saturating_add(count));
        token.map_or(&Token::End, |spanned| &spanned.token)
    }

    fn advance(&mut self) -> Token {
        let token = self.peek().clone();
        self.at += 1;
        token
    }

    fn position(&self) -> usize {
        let spanned = self.tokens.get(self.at).or(self.tokens.last());
        spanned.map_or(0, |spanned| spanned.start)
    }

    fn take_sign(&mut self, sign: &str) -> bool {
        let found = matches!(self.peek(), Token::Sign(s) if *s == sign);
        self.at += usize::from(found);
        found
    }

    fn expect_sign(&mut self, sign: &str, context: &str) -> Result<(), ParseError> {
        if self.take_sign(sign) {
            return Ok(());
        }
        Err(self.unexpected(context, &format!("{sign:?}")))
    }

    fn peek_word(&self, word: &str) -> bool {
        matches!(self.peek(), Token::Word(w) if w.eq_ignore_ascii_case(word))
    }

    fn peek_opening(&self, ahead: usize) -> bool {
        self.peek_ahead(ahead) == &Token::Sign("(")
    }

    fn finish(&self) -> Result<(), ParseError> {
        if self.peek() == &Token::End {
            return Ok(());
        }
        Err(self.wrong(format!("unexpected {}", describe(self.peek()))))
    }

    fn wrong(&self, message: impl Into<String>) -> ParseError {
        self.wrong_at(self.position(), message)
    }

    fn wrong_at(&self, offset: usize, message: impl Into<String>) -> ParseError {
        ParseError::at(self.text, offset, message)
    }

    fn unexpected(&self, context: &str, expected: &str) -> ParseError {
        let found = describe(self.peek());
        self.wrong(format!(
            "unexpected {found} in {context}, expected {expected}"
        ))
    }

    /// Refuses to descend deeper.
    fn check_nesting(&self, nesting: usize) -> Result<(), ParseError> {
        if nesting > DEEPEST_NESTING {
            return Err(self.wrong(format!(
                "the expression is nested deeper than {DEEPEST_NESTING}"
            )));
        }
        Ok(())
    }

    /// Refuses to build deeper.
    fn bounded(&self, depth: usize) -> Result<usize, ParseError> {
        if depth > DEEPEST {
            return Err(self.wrong(format!("the expression is nested deeper than {DEEPEST}")));
        }
        Ok(depth)
    }

    /// A length of time: `5m`, `300`, `0.5` (seconds).
    fn duration(&mut self, context: &str) -> Result<i64, ParseError> {
        let duration_ms = match self.peek() {
            Token::Duration { duration_ms } => Some(*duration_ms),
            Token::Number(seconds) => duration::seconds_to_ms(*seconds),
            _ => return Err(self.unexpected(context, "number or duration")),
        };
        let duration_ms = duration_ms.ok_or_else(|| self.wrong("duration out of range"))?;
        self.advance();
        Ok(duration_ms)
    }

    fn positive_duration(&mut self, context: &str) -> Result<i64, ParseError> {
        let start = self.position();
        let duration_ms = self.duration(context)?;
        if duration_ms <= 0 {
            return Err(self.wrong_at(start, "duration must be greater than 0"));
        }
        Ok(duration_ms)
    }
}

fn describe(token: &Token) -> String {
    match token {
        Token::Word(word) if is_modifier(word) => format!("<{}>", word.to_ascii_lowercase()),
        Token::Word(word) => format!("identifier {word:?}"),
        Token::Number(value) => format!("number \"{value}\""),
        Token::Duration { .. } => "duration".to_owned(),
        Token::Text(text) => format!("string {text:?}"),
        Token::Sign(sign) => format!("{sign:?}"),
        Token::End => "end of input".to_owned(),
    }
}

/// The words that stand between an operator and its right side: never a metric's name without quotes.
const MODIFIERS: [&str; 5] = ["bool", "on", "ignoring", "group_left", "group_right"];

fn is_modifier(word: &str) -> bool {
    MODIFIERS
        .iter()
        .any(|known| known.eq_ignore_ascii_case(word))
}

/// Whether a metric name may stand without quotes: a word that means nothing else.
pub(super) fn is_bare_name(name: &str) -> bool {
    const WORDS: [&str; 7] = ["inf", "nan", "by", "without", "offset", "start", "end"];
    !name.is_empty()
        && lexer::word_length(name) == name.len()
        && !is_modifier(name)
        && !WORDS.iter().any(|word| word.eq_ignore_ascii_case(name))
        && AggregateOp::find(name).is_none()
        && BinaryOp::find(name).is_none()
}
