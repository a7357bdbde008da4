//! The two ways an expression fails: it cannot be read, or it cannot be evaluated.

use std::fmt;

use crate::{BudgetError, SourceError};

/// Where in a text, counted from 1, the column in bytes; `offset` is in bytes from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    pub offset: usize,
    pub line: usize,
    pub column: usize,
}

/// Why a text is no expression. Prints as `1:5: parse error: …`, as Prometheus does.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{position}: parse error: {message}")]
pub struct ParseError {
    pub message: String,
    pub position: Position,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

impl ParseError {
    pub(super) fn at(text: &str, offset: usize, message: impl Into<String>) -> Self {
        let before = text.as_bytes().get(..offset).unwrap_or_default();
        let line_start = before
            .iter()
            .rposition(|b| *b == b'\n')
            .map_or(0, |at| at + 1);
        let position = Position {
            offset,
            line: before.iter().filter(|b| **b == b'\n').count() + 1,
            column: offset.saturating_sub(line_start) + 1,
        };
        Self {
            message: message.into(),
            position,
        }
    }
}

/// Why an expression has no value.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// The request itself makes no sense, whatever the data: times, steps, types.
    #[error("{0}")]
    Invalid(String),
    /// The data do not fit the expression.
    #[error("{0}")]
    Execution(String),
    #[error(transparent)]
    Budget(#[from] BudgetError),
    #[error("expanding series: {0}")]
    Source(#[source] SourceError),
}

impl From<SourceError> for QueryError {
    fn from(error: SourceError) -> Self {
        match error {
            SourceError::Budget(spent) => QueryError::Budget(spent),
            other => QueryError::Source(other),
        }
    }
}
