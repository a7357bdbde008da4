//! A rule: a selector as in PromQL, and the class of what it takes.

use regex::Regex;
use weir_wire::{KeyRef, MatchOp, Matcher, NAME_LABEL, regex_text};

use super::{Class, selector};

/// Gives a class to the series that its selector takes.
#[derive(Debug, Clone)]
pub struct Rule {
    pub class: Class,
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
    /// # Errors
    /// Where the selector is none, and what would be one.
    pub fn new(class: Class, selector: &str) -> Result<Self, String> {
        let matchers = selector::parse(selector)?;
        let matchers = matchers.iter().map(Fit::new).collect::<Result<_, _>>()?;
        Ok(Self { class, matchers })
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
