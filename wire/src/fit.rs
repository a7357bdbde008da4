//! A matcher made ready, for series that are looked at one by one: its expression is compiled once.

use regex::Regex;

use crate::{KeyRef, MatchOp, Matcher, NAME_LABEL, regex_text};

/// Whether series are as a [`Matcher`] wants them.
#[derive(Debug, Clone)]
pub struct Fit {
    label: String,
    test: Test,
    wanted: bool,
}

#[derive(Debug, Clone)]
enum Test {
    Is(String),
    Matches(Regex),
}

impl Fit {
    /// # Errors
    /// What is wrong with a regular expression.
    pub fn new(matcher: &Matcher) -> Result<Self, String> {
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
    #[must_use]
    pub fn takes(&self, key: KeyRef<'_>) -> bool {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SeriesKey;

    #[test]
    fn every_operator_takes_whole_values_and_a_missing_label_as_empty() {
        let key = SeriesKey::new("up", [("host", "web01")]).unwrap();
        for (op, label, value, takes) in [
            (MatchOp::Equal, NAME_LABEL, "up", true),
            (MatchOp::NotEqual, "host", "web01", false),
            (MatchOp::Regex, "host", "web", false),
            (MatchOp::Regex, "host", "web.+", true),
            (MatchOp::NotRegex, "host", "db|web01", false),
            (MatchOp::Equal, "zone", "", true),
            (MatchOp::Regex, "zone", ".+", false),
        ] {
            let matcher = Matcher::new(label, op, value);
            let fit = Fit::new(&matcher).unwrap();
            assert_eq!(fit.takes(key.borrowed()), takes, "{matcher}");
        }
        assert!(Fit::new(&Matcher::new("host", MatchOp::Regex, "(")).is_err());
    }
}
