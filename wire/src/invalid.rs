//! A refusal with its sentence: the cause for the counter, the text for whoever sent the input.

use crate::Reject;

/// Why something was refused, in words for its sender.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Invalid {
    pub reject: Reject,
    pub text: String,
}

impl Invalid {
    pub fn new(reject: Reject, text: impl Into<String>) -> Self {
        Self {
            reject,
            text: text.into(),
        }
    }
}

impl From<Reject> for Invalid {
    fn from(reject: Reject) -> Self {
        let text = match reject {
            Reject::OverLimit => "the limit of series is reached: no new one is taken",
            other => other.as_str(),
        };
        Self::new(reject, text)
    }
}

impl From<crate::protobuf::Damaged> for Invalid {
    fn from(damaged: crate::protobuf::Damaged) -> Self {
        Self::new(Reject::Malformed, damaged.to_string())
    }
}
