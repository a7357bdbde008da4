//! What may stand between an operator and its right side: `bool`, `on`, `ignoring`, `group_left`, `group_right`;
//! and lists of labels.

use super::super::ast::{BinaryOp, Matching, Sides};
use super::super::lexer::Token;
use super::Parser;
use crate::promql::ParseError;

/// More labels than a series may have never match.
const MOST_LABELS: usize = 256;

impl Parser<'_> {
    pub(super) fn modifiers(&mut self, op: BinaryOp) -> Result<(bool, Matching), ParseError> {
        let start = self.position();
        let yields_bool = self.peek_word("bool");
        if yields_bool {
            self.advance();
            if !op.compares() {
                let message = "bool modifier can only be used on comparison operators";
                return Err(self.wrong_at(start, message));
            }
        }
        let on = self.peek_word("on") && self.peek_opening(1);
        let mut matching = Matching {
            on,
            ..Matching::default()
        };
        if on || (self.peek_word("ignoring") && self.peek_opening(1)) {
            self.advance();
            matching.labels = self.label_list()?;
            self.grouping(op, &mut matching)?;
        }
        Ok((yields_bool, matching))
    }

    fn grouping(&mut self, op: BinaryOp, matching: &mut Matching) -> Result<(), ParseError> {
        let start = self.position();
        matching.grouping = if self.peek_word("group_left") {
            Sides::ManyToOne
        } else if self.peek_word("group_right") {
            Sides::OneToMany
        } else {
            return Ok(());
        };
        self.advance();
        if op.is_set() {
            let message = format!("no grouping allowed for {:?} operation", op.text());
            return Err(self.wrong_at(start, message));
        }
        // A parenthesis after the word is the list even where the operand was meant, as in Prometheus.
        if self.peek_opening(0) {
            matching.include = self.label_list()?;
        }
        let both = |label: &&String| matching.on && matching.labels.contains(label);
        if let Some(label) = matching.include.iter().find(both) {
            let message = format!("label {label:?} must not occur in ON and GROUP clause at once");
            return Err(self.wrong_at(start, message));
        }
        Ok(())
    }

    /// `(a, b, "c d")`, a comma at the end allowed.
    pub(super) fn label_list(&mut self) -> Result<Vec<String>, ParseError> {
        self.expect_sign("(", "grouping opts")?;
        let mut labels = Vec::new();
        while !self.take_sign(")") {
            let label = match self.peek().clone() {
                Token::Word(word) if !word.contains(['.', ':']) => word,
                Token::Text(text) if !text.is_empty() => text,
                _ => return Err(self.unexpected("grouping opts", "label")),
            };
            if labels.len() >= MOST_LABELS {
                return Err(self.wrong(format!("more than {MOST_LABELS} labels")));
            }
            self.advance();
            labels.push(label);
            if !self.take_sign(",") && !matches!(self.peek(), Token::Sign(")")) {
                return Err(self.unexpected("grouping opts", "\",\" or \")\""));
            }
        }
        Ok(labels)
    }
}
