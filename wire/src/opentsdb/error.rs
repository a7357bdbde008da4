//! What is wrong with a datapoint, in the words that OpenTSDB's answers have on either way in.

use std::fmt;

use crate::Reject;

/// As many characters of a refused word are repeated in an error.
pub const MAX_ECHO_CHARS: usize = 256;

/// A refused datapoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The cause as counted.
    pub reject: Reject,
    pub kind: Kind,
    /// What is wrong, without the telnet answer's front.
    pub message: String,
}

/// OpenTSDB's two kinds of mistakes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A number that is none.
    InvalidValue,
    IllegalArgument,
}

impl fmt::Display for Fault {
    /// The answer to a telnet `put`, without the newline: `put: illegal argument: ...`, `put: invalid value: ...`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::InvalidValue => "invalid value",
            Kind::IllegalArgument => "illegal argument",
        };
        write!(f, "put: {kind}: {}", self.message)
    }
}

impl std::error::Error for Fault {}

impl Fault {
    /// The `error` that stands beside a datapoint in the answer to `/api/put?details`.
    #[must_use]
    pub fn details(&self) -> &str {
        match self.kind {
            Kind::InvalidValue => "Unable to parse value to a number",
            Kind::IllegalArgument => &self.message,
        }
    }

    pub(super) fn value(reject: Reject, message: String) -> Self {
        Self {
            reject,
            kind: Kind::InvalidValue,
            message,
        }
    }

    pub(super) fn argument(reject: Reject, message: impl Into<String>) -> Self {
        Self {
            reject,
            kind: Kind::IllegalArgument,
            message: message.into(),
        }
    }
}

/// A word of the input for an error: readable, and no longer than it need be.
pub(super) fn shown(word: &[u8]) -> String {
    // A character has at most four bytes.
    let part = &word[..word.len().min(4 * MAX_ECHO_CHARS)];
    let text = String::from_utf8_lossy(part);
    let mut shown: String = text
        .chars()
        .take(MAX_ECHO_CHARS)
        .map(|c| if c.is_control() { '?' } else { c })
        .collect();
    if part.len() < word.len() || text.chars().nth(MAX_ECHO_CHARS).is_some() {
        shown.push_str("...");
    }
    shown
}
