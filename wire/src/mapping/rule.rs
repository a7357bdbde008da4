//! A mapping rule as it is given and as it is kept. Owns what a rule may say: every refusal names the part of the rule
//! and what would be right.

use regex::{Regex, RegexBuilder};

use super::template::Template;
use crate::regex_text;

/// Rules of one set.
pub const MAX_RULES: usize = 100_000;
/// Compiled size of one regular expression.
const REGEX_BYTES: usize = 1 << 20;

/// What a rule looks for in a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pattern {
    /// Components between dots; `*` stands for one that is not empty.
    Glob(String),
    /// RE2's syntax, found anywhere in the name unless it is anchored.
    Regex(String),
}

/// The types that StatsD tells apart; timers, histograms and distributions are observers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Counter,
    Gauge,
    Observer,
}

/// What a rule does with a name that it fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// `$1` or `${1}` in name and label values stands for what the first `*` or group found.
    Map {
        name: String,
        labels: Vec<(String, String)>,
        /// Labels that the series has already hold against the rule's.
        honor_labels: bool,
    },
    Drop,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    pub pattern: Pattern,
    /// Only series of this type.
    pub kind: Option<Kind>,
    pub action: Action,
}

/// What is wrong with a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct RuleError {
    /// Counting from 0.
    pub rule: usize,
    /// `match`, `name`, or the label that it is about.
    pub part: String,
    pub reason: String,
}

impl RuleError {
    pub(super) fn too_many(most: usize) -> Self {
        Self::new("match", format!("more than {most} rules"))
    }

    fn new(part: &str, reason: String) -> Self {
        let part = part.to_owned();
        Self {
            rule: 0,
            part,
            reason,
        }
    }

    pub(super) fn of_rule(self, rule: usize) -> Self {
        Self { rule, ..self }
    }
}

/// A rule that was checked.
#[derive(Debug)]
pub(super) struct Compiled {
    pub(super) kind: Option<Kind>,
    /// `None`: the series is dropped.
    pub(super) target: Option<Target>,
    /// A glob's stars, by component.
    stars: Vec<usize>,
}

/// What a rule makes.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) name: Template,
    pub(super) labels: Vec<(String, Template)>,
    pub(super) honor_labels: bool,
}

impl Compiled {
    pub(super) fn new(rule: &Rule) -> Result<(Self, Option<Regex>), RuleError> {
        let (stars, regex) = match &rule.pattern {
            Pattern::Glob(glob) => (stars(glob)?, None),
            Pattern::Regex(text) => (Vec::new(), Some(regex(text)?)),
        };
        let known = |name: &str| match &regex {
            None => name.parse().is_ok_and(|at: usize| at <= stars.len()),
            Some(regex) => match name.parse::<usize>() {
                Ok(at) => at < regex.captures_len(),
                Err(_) => regex.capture_names().flatten().any(|group| group == name),
            },
        };
        let target = match &rule.action {
            Action::Drop => None,
            Action::Map {
                name,
                labels,
                honor_labels,
            } => Some(Target {
                name: template("name", name, regex.is_some(), &known)?,
                labels: labels
                    .iter()
                    .map(|(label, value)| {
                        check_label(label)?;
                        Ok((
                            label.clone(),
                            template(label, value, regex.is_some(), &known)?,
                        ))
                    })
                    .collect::<Result<_, RuleError>>()?,
                honor_labels: *honor_labels,
            }),
        };
        if let Some(target) = &target {
            target
                .name
                .check_name()
                .map_err(|reason| RuleError::new("name", reason))?;
        }
        let kind = rule.kind;
        Ok((
            Self {
                kind,
                target,
                stars,
            },
            regex,
        ))
    }

    /// The component that a star stands for, stars counting from 1.
    pub(super) fn star(&self, at: usize) -> Option<usize> {
        self.stars.get(at.checked_sub(1)?).copied()
    }
}

fn template(
    part: &str,
    text: &str,
    words: bool,
    known: &dyn Fn(&str) -> bool,
) -> Result<Template, RuleError> {
    let template = Template::parse(text, words);
    match template.unknown(known) {
        None => Ok(template),
        Some(name) => Err(RuleError::new(
            part,
            format!("${name} stands for nothing in match: count its stars or groups, from 1"),
        )),
    }
}

fn stars(glob: &str) -> Result<Vec<usize>, RuleError> {
    let refuse = |reason: &str| RuleError::new("match", format!("{glob:?}: {reason}"));
    let mut stars = Vec::new();
    for (at, word) in glob.split('.').enumerate() {
        match word {
            "*" => stars.push(at),
            "" => return Err(refuse("a component is empty")),
            word if word.contains('*') => {
                return Err(refuse(
                    "a star stands for a whole component; for a part of one use match_type: regex",
                ));
            }
            word if word.contains(|c: char| c.is_whitespace() || c.is_control()) => {
                return Err(refuse("a component has no spaces"));
            }
            _ => {}
        }
    }
    Ok(stars)
}

fn regex(text: &str) -> Result<Regex, RuleError> {
    let compiled = RegexBuilder::new(&regex_text(text))
        .size_limit(REGEX_BYTES)
        .build();
    compiled.map_err(|error| RuleError::new("match", error.to_string()))
}

fn check_label(label: &str) -> Result<(), RuleError> {
    let mut bytes = label.bytes();
    let starts = bytes
        .next()
        .is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
    if starts && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_') && label != crate::NAME_LABEL
    {
        return Ok(());
    }
    let right = "a label's name has letters, digits and _, and begins with no digit; the metric's name goes into name";
    Err(RuleError::new(label, format!("{label:?}: {right}")))
}
