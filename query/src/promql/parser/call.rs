//! What begins with a name: an aggregation, a function's call, or a selector.

use super::super::ast::{Aggregate, AggregateOp, Call, Expr};
use super::super::functions;
use super::super::lexer::Token;
use super::{Parsed, Parser, Tree};
use crate::promql::ParseError;

/// Arguments that one call may have.
const MOST_ARGUMENTS: usize = 256;

impl Parser<'_> {
    pub(super) fn named(&mut self, word: String, nesting: usize) -> Parsed {
        let start = self.position();
        self.advance();
        let grouped = self.peek_word("by") || self.peek_word("without");
        if let Some(op) = AggregateOp::find(&word)
            && (self.peek_opening(0) || (grouped && self.peek_opening(1)))
        {
            return self.aggregate(op, start, nesting);
        }
        if !self.peek_opening(0) {
            return self.selector(Some(word));
        }
        let Some(function) = functions::find(&word) else {
            let message = format!("unknown function with name {word:?}");
            return Err(self.wrong_at(start, message));
        };
        let (args, depth) = self.arguments(nesting)?;
        let call = self.check_call(start, Call { function, args })?;
        let expr = Expr::Call(call);
        Ok(Tree { expr, depth })
    }

    fn aggregate(&mut self, op: AggregateOp, start: usize, nesting: usize) -> Parsed {
        let before = self.by_or_without()?;
        let (mut args, depth) = self.arguments(nesting)?;
        let after = match before {
            Some(_) => None,
            None => self.by_or_without()?,
        };
        let (without, labels) = before.or(after).unwrap_or_default();
        let wanted = 1 + usize::from(op.param().is_some());
        let count = args.len();
        let (Some(expr), true) = (args.pop(), count == wanted) else {
            let message = format!(
                "wrong number of arguments for aggregate expression provided, expected {wanted}, got {count}"
            );
            return Err(self.wrong_at(start, message));
        };
        let aggregate = Aggregate {
            op,
            without,
            labels,
            param: args.pop().map(Box::new),
            expr: Box::new(expr),
        };
        let expr = Expr::Aggregate(self.check_aggregate(start, aggregate)?);
        Ok(Tree { expr, depth })
    }

    fn by_or_without(&mut self) -> Result<Option<(bool, Vec<String>)>, ParseError> {
        let without = self.peek_word("without");
        if !without && !self.peek_word("by") {
            return Ok(None);
        }
        self.advance();
        Ok(Some((without, self.label_list()?)))
    }

    /// `(a, b)` and the depth of a node above them.
    fn arguments(&mut self, nesting: usize) -> Result<(Vec<Expr>, usize), ParseError> {
        self.expect_sign("(", "call")?;
        let mut args = Vec::new();
        let mut depth = 0;
        while !self.take_sign(")") {
            if args.len() >= MOST_ARGUMENTS {
                return Err(self.wrong(format!("more than {MOST_ARGUMENTS} arguments")));
            }
            let arg = self.expression(0, nesting + 1)?;
            depth = depth.max(arg.depth);
            args.push(arg.expr);
            let more = self.take_sign(",");
            if more && matches!(self.peek(), Token::Sign(")")) {
                return Err(self.wrong("trailing commas not allowed in function call args"));
            }
            if !more && !matches!(self.peek(), Token::Sign(")")) {
                return Err(self.unexpected("call", "\",\" or \")\""));
            }
        }
        Ok((args, self.bounded(depth + 1)?))
    }
}
