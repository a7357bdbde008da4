//! Classes, and the rules that give them.

use regex::Regex;
use weir_wire::{KeyRef, MatchOp, Matcher, NAME_LABEL, regex_text};

/// From what goes first to what stays.
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
}

/// Gives a class to what a source sends, or to series that its matchers take.
#[derive(Debug, Clone)]
pub struct Rule {
    pub class: Class,
    /// By the ledger's name.
    pub source: Option<String>,
    matchers: Vec<Fit>,
}

#[derive(Debug, Clone)]
struct Fit {
    label: String,
    test: Test,
    wanted: bool,
}

#[derive(Debug, Clone)]
enum Test {
    Is(String),
    Matches(Regex),
}

impl Rule {
    #[must_use]
    pub fn of_source(class: Class, source: String) -> Self {
        Self {
            class,
            source: Some(source),
            matchers: Vec::new(),
        }
    }

    /// # Errors
    /// The regular expression that is none.
    pub fn of_series(class: Class, matchers: &[Matcher]) -> Result<Self, String> {
        let matchers = matchers.iter().map(Fit::new);
        Ok(Self {
            class,
            source: None,
            matchers: matchers.collect::<Result<_, _>>()?,
        })
    }

    pub(super) fn fits(&self, key: KeyRef<'_>) -> bool {
        self.matchers.iter().all(|fit| fit.takes(key))
    }
}

impl Fit {
    fn new(matcher: &Matcher) -> Result<Self, String> {
        let test = match matcher.op {
            MatchOp::Equal | MatchOp::NotEqual => Test::Is(matcher.value.clone()),
            MatchOp::Regex | MatchOp::NotRegex => {
                let whole = format!("^(?s:{})$", regex_text(&matcher.value));
                Test::Matches(Regex::new(&whole).map_err(|error| error.to_string())?)
            }
        };
        Ok(Self {
            label: matcher.name.clone(),
            test,
            wanted: matches!(matcher.op, MatchOp::Equal | MatchOp::Regex),
        })
    }

    /// A label that is not there is empty, as in PromQL.
    fn takes(&self, key: KeyRef<'_>) -> bool {
        let value = match self.label.as_str() {
            NAME_LABEL => key.name(),
            label => key
                .labels()
                .find(|(name, _)| *name == label)
                .map_or("", |(_, value)| value),
        };
        let is_so = match &self.test {
            Test::Is(text) => text == value,
            Test::Matches(regex) => regex.is_match(value),
        };
        is_so == self.wanted
    }
}
