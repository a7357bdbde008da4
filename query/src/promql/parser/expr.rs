//! Operators by precedence, signs, and what a single operand is, with the brackets, `offset` and `@` after it.

use super::super::ast::{At, Binary, BinaryOp, Expr, ExprType, Selector, Shift, Subquery};
use super::super::duration::seconds_to_ms;
use super::super::lexer::Token;
use super::{Parsed, Parser, Tree, is_modifier};
use crate::promql::ParseError;

impl Parser<'_> {
    /// Operands joined by operators that bind at least as tightly as `tightness`.
    pub(super) fn expression(&mut self, tightness: u8, nesting: usize) -> Parsed {
        self.check_nesting(nesting)?;
        let start = self.position();
        let mut left = self.signed(nesting)?;
        while let Some(op) = self
            .peek_operator()
            .filter(|op| op.precedence() >= tightness)
        {
            let op_start = self.position();
            self.advance();
            let (yields_bool, matching) = self.modifiers(op)?;
            // `^` alone groups to the right.
            let next = op.precedence() + u8::from(op != BinaryOp::Pow);
            let right_start = self.position();
            let right = self.expression(next, nesting + 1)?;
            let depth = self.bounded(left.depth.max(right.depth) + 1)?;
            let expr = Expr::Binary(self.check_binary(
                [start, op_start, right_start],
                Binary {
                    op,
                    left: Box::new(left.expr),
                    right: Box::new(right.expr),
                    yields_bool,
                    matching,
                },
            )?);
            left = Tree { expr, depth };
        }
        Ok(left)
    }

    fn peek_operator(&self) -> Option<BinaryOp> {
        match self.peek() {
            Token::Sign(text) => BinaryOp::find(text),
            Token::Word(text) => BinaryOp::find(text),
            _ => None,
        }
    }

    /// A sign binds tighter than `*` and looser than `^`.
    fn signed(&mut self, nesting: usize) -> Parsed {
        let minus = matches!(self.peek(), Token::Sign("-"));
        if !minus && !matches!(self.peek(), Token::Sign("+")) {
            return self.operand(nesting);
        }
        self.advance();
        let start = self.position();
        let inner = self.expression(BinaryOp::Pow.precedence(), nesting + 1)?;
        let kind = inner.expr.kind();
        if !matches!(kind, ExprType::Scalar | ExprType::Vector) {
            let label = kind.label();
            let message = format!(
                "unary expression only allowed on expressions of type scalar or instant vector, got {label:?}"
            );
            return Err(self.wrong_at(start, message));
        }
        let depth = self.bounded(inner.depth + 1)?;
        let expr = match inner.expr {
            expr if !minus => expr,
            Expr::Number(value) => Expr::Number(-value),
            other => Expr::Negate(Box::new(other)),
        };
        Ok(Tree { expr, depth })
    }

    fn operand(&mut self, nesting: usize) -> Parsed {
        let start = self.position();
        let mut tree = self.primary(nesting)?;
        loop {
            tree = if self.take_sign("[") {
                self.bracket(tree, start)?
            } else if self.take_sign("@") {
                let at = self.at_time()?;
                self.shifted(tree, start, |shift| shift.at.replace(at).is_none())?
            } else if self.peek_word("offset") {
                self.advance();
                let offset_ms = self.offset()?;
                self.shifted(tree, start, |shift| {
                    std::mem::replace(&mut shift.offset_ms, offset_ms) == 0
                })?
            } else {
                return Ok(tree);
            };
        }
    }

    fn primary(&mut self, nesting: usize) -> Parsed {
        let expr = match self.peek().clone() {
            Token::Number(value) => Expr::Number(value),
            Token::Duration { duration_ms } => Expr::Number(duration_ms as f64 / 1_000.0),
            Token::Text(text) => Expr::Text(text),
            Token::Word(word) if !is_modifier(&word) => return self.named(word, nesting),
            Token::Sign("{") => return self.selector(None),
            Token::Sign("(") => {
                self.advance();
                let inner = self.expression(0, nesting + 1)?;
                self.expect_sign(")", "parentheses")?;
                let depth = self.bounded(inner.depth + 1)?;
                let expr = Expr::Paren(Box::new(inner.expr));
                return Ok(Tree { expr, depth });
            }
            other => return Err(self.wrong(format!("unexpected {}", super::describe(&other)))),
        };
        self.advance();
        Ok(Tree { expr, depth: 1 })
    }

    pub(super) fn selector(&mut self, name: Option<String>) -> Parsed {
        let matchers = self.matchers(name)?;
        let shift = Shift::default();
        let expr = Expr::Selector(Selector { matchers, shift });
        Ok(Tree { expr, depth: 1 })
    }

    /// After `[`: a range or a subquery.
    fn bracket(&mut self, tree: Tree, start: usize) -> Parsed {
        let range_ms = self.positive_duration("range or subquery")?;
        if self.take_sign(":") {
            return self.subquery(tree, range_ms, start);
        }
        self.expect_sign("]", "range")?;
        let Expr::Selector(selector) = tree.expr else {
            return Err(self.wrong_at(start, "ranges only allowed for vector selectors"));
        };
        if selector.shift.offset_ms != 0 {
            return Err(self.wrong_at(start, "no offset modifiers allowed before range"));
        }
        if selector.shift.at.is_some() {
            return Err(self.wrong_at(start, "no @ modifiers allowed before range"));
        }
        let expr = Expr::Range { selector, range_ms };
        Ok(Tree { expr, depth: 1 })
    }

    fn subquery(&mut self, tree: Tree, range_ms: i64, start: usize) -> Parsed {
        let step_ms = match self.peek() {
            Token::Sign("]") => None,
            _ => Some(self.positive_duration("subquery step")?),
        };
        self.expect_sign("]", "subquery")?;
        let kind = tree.expr.kind();
        if kind != ExprType::Vector {
            let label = kind.label();
            let message =
                format!("subquery is only allowed on instant vector, got {label} instead");
            return Err(self.wrong_at(start, message));
        }
        let depth = self.bounded(tree.depth + 1)?;
        let expr = Expr::Subquery(Subquery {
            expr: Box::new(tree.expr),
            range_ms,
            step_ms,
            shift: Shift::default(),
        });
        Ok(Tree { expr, depth })
    }

    fn shifted(
        &self,
        mut tree: Tree,
        start: usize,
        set: impl FnOnce(&mut Shift) -> bool,
    ) -> Parsed {
        let shift = match &mut tree.expr {
            Expr::Selector(selector) | Expr::Range { selector, .. } => &mut selector.shift,
            Expr::Subquery(subquery) => &mut subquery.shift,
            _ => {
                let message = "offset and @ modifiers must be preceded by an instant vector selector or range vector \
                               selector or a subquery";
                return Err(self.wrong_at(start, message));
            }
        };
        if !set(shift) {
            return Err(self.wrong_at(start, "offset and @ may not be set multiple times"));
        }
        Ok(tree)
    }

    fn offset(&mut self) -> Result<i64, ParseError> {
        let sign = self.sign();
        Ok(sign * self.duration("offset")?)
    }

    fn at_time(&mut self) -> Result<At, ParseError> {
        for (word, at) in [("start", At::Start), ("end", At::End)] {
            if self.peek_word(word) && self.peek_opening(1) {
                self.advance();
                self.advance();
                self.expect_sign(")", "@")?;
                return Ok(at);
            }
        }
        let sign = self.sign();
        let Token::Number(seconds) = *self.peek() else {
            return Err(self.unexpected("@", "timestamp"));
        };
        let time_ms = seconds_to_ms(seconds)
            .ok_or_else(|| self.wrong("timestamp out of bounds for @ modifier"))?;
        self.advance();
        Ok(At::Time {
            time_ms: sign * time_ms,
        })
    }

    fn sign(&mut self) -> i64 {
        if self.take_sign("-") {
            return -1;
        }
        self.take_sign("+");
        1
    }
}
