//! What matters more: the words that agents and gateways have for it.

/// From what goes first, where there is no room for everything, to what stays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    Low,
    #[default]
    Normal,
    Critical,
}

impl Class {
    pub const ALL: [Self; 3] = [Self::Low, Self::Normal, Self::Critical];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Normal => "normal",
            Self::Critical => "critical",
        }
    }

    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.as_str() == text)
    }
}
