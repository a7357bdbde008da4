//! Why Graphite gives no answer. Owns the words; the HTTP layer owns the status.

use crate::{BudgetError, SourceError};

#[derive(Debug, thiserror::Error)]
pub enum GraphiteError {
    #[error("cannot read time {text:?}: write -1h, now, a unix time, 20260131 or 14:30_20260131")]
    BadTime { text: String },
    #[error("unknown time zone {0:?}: write an IANA name such as UTC or Europe/Berlin")]
    BadZone(String),
    #[error("from must lie before until")]
    EmptyRange,
    #[error("target, position {position}: {reason}")]
    BadTarget {
        position: usize,
        reason: &'static str,
    },
    #[error("unknown function {0:?}")]
    UnknownFunction(String),
    #[error("{function}: {reason}")]
    BadArgument { function: String, reason: String },
    #[error("bad pattern {pattern:?}: {reason}")]
    BadPattern {
        pattern: String,
        reason: &'static str,
    },
    #[error("more than {limit} {what}; ask for less at once")]
    TooMuch { what: &'static str, limit: usize },
    #[error(transparent)]
    Source(#[from] SourceError),
}

impl GraphiteError {
    /// Whether the asker has to change the request; otherwise the fault is here.
    #[must_use]
    pub fn is_request(&self) -> bool {
        !matches!(
            self,
            Self::Source(SourceError::Failed(_) | SourceError::Budget(BudgetError::Cancelled))
        )
    }

    pub(super) fn argument(function: &str, reason: impl Into<String>) -> Self {
        Self::BadArgument {
            function: function.to_owned(),
            reason: reason.into(),
        }
    }
}

impl From<BudgetError> for GraphiteError {
    fn from(error: BudgetError) -> Self {
        Self::Source(error.into())
    }
}
