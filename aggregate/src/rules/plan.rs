//! Which groups a series goes into, told once for each series. Owns the compiled patterns and the names of what is made.

use std::sync::Arc;

use regex::{Regex, RegexBuilder};
use weir_wire::{MatchOp, Matcher, SeriesKey, regex_text};
use xxhash_rust::xxh3::Xxh3;

use super::carbon::input_regex;
use super::rule::{Grouping, Matching, Output, Rule, RuleError};

/// Compiled size of one regular expression.
const REGEX_BYTES: usize = 1 << 20;

/// A set of rules; every rule that takes a series aggregates it.
#[derive(Debug, Default)]
pub struct Rules(Vec<Compiled>);

/// What becomes of a series' samples.
#[derive(Debug, Clone)]
pub struct Plan {
    pub targets: Vec<Arc<Target>>,
    /// A rule does not keep them: what goes into every target is not stored itself.
    pub is_withheld: bool,
}

/// A group that a series goes into, and how its rule makes of it what is told.
#[derive(Debug)]
pub struct Target {
    /// The rule and the group, as a hash: two that differ in anything differ in this.
    pub(super) identity: u128,
    pub(super) interval_ms: i64,
    pub(super) grace_ms: i64,
    /// Intervals that began before are not aggregated: they could not be whole.
    pub(super) since_ms: i64,
    pub(super) is_of_path: bool,
    pub(super) outputs: Vec<(Output, SeriesKey)>,
}

#[derive(Debug)]
struct Compiled {
    rule: Rule,
    since_ms: i64,
    test: Test,
}

#[derive(Debug)]
enum Test {
    Labels(Vec<(Matcher, Option<Regex>)>),
    Path(Regex),
}

impl Rules {
    /// Rules in force since a time; those that were in force before, unchanged, keep theirs.
    ///
    /// # Errors
    /// The number of the first rule that cannot be meant, from 0, and why.
    pub fn new(
        rules: Vec<Rule>,
        before: &Rules,
        since_ms: i64,
    ) -> Result<Self, (usize, RuleError)> {
        let compiled = rules.into_iter().enumerate().map(|(at, rule)| {
            let old = before.0.iter().find(|old| old.rule == rule);
            let since_ms = old.map_or(since_ms, |old| old.since_ms);
            Compiled::new(rule, since_ms).map_err(|error| (at, error))
        });
        Ok(Self(compiled.collect::<Result<_, _>>()?))
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `None`: no rule takes the series. A rule whose name and labels would make no series does not take it.
    #[must_use]
    pub fn plan(&self, key: &SeriesKey) -> Option<Plan> {
        let mut plan = Plan {
            targets: Vec::new(),
            is_withheld: false,
        };
        for compiled in &self.0 {
            if let Some(target) = compiled.target(key) {
                plan.targets.push(Arc::new(target));
                plan.is_withheld |= !compiled.rule.keep;
            }
        }
        (!plan.targets.is_empty()).then_some(plan)
    }
}

impl Plan {
    /// Whether a sample of this time goes into every target, so that it may be withheld from the store.
    #[must_use]
    pub fn withholds(&self, timestamp_ms: i64) -> bool {
        self.is_withheld && self.targets.iter().all(|target| target.takes(timestamp_ms))
    }
}

impl Target {
    pub(super) fn start_of(&self, timestamp_ms: i64) -> i64 {
        timestamp_ms
            .div_euclid(self.interval_ms)
            .saturating_mul(self.interval_ms)
    }

    /// The time of what is told of an interval: its end, as of everything else here that is about an interval, but for
    /// carbon's rules, which write its start.
    pub(super) fn stamp(&self, start_ms: i64) -> i64 {
        if self.is_of_path {
            start_ms
        } else {
            start_ms.saturating_add(self.interval_ms)
        }
    }

    pub(super) fn takes(&self, timestamp_ms: i64) -> bool {
        self.start_of(timestamp_ms) >= self.since_ms
    }
}

impl Compiled {
    fn new(rule: Rule, since_ms: i64) -> Result<Self, RuleError> {
        rule.check()?;
        let test = match &rule.matching {
            Matching::Labels(matchers) => {
                let tests = matchers
                    .iter()
                    .map(|matcher| Ok((matcher.clone(), regex(matcher)?)));
                Test::Labels(tests.collect::<Result<_, RuleError>>()?)
            }
            Matching::Path(pattern) => Test::Path(input_regex(pattern)?),
        };
        if let Test::Path(regex) = &test {
            check_template(&rule.name, regex)?;
        }
        Ok(Self {
            rule,
            since_ms,
            test,
        })
    }

    fn target(&self, key: &SeriesKey) -> Option<Target> {
        let stem = match &self.test {
            Test::Labels(tests) => {
                let takes = |(matcher, regex): &(Matcher, Option<Regex>)| {
                    fits(matcher, regex.as_ref(), key)
                };
                tests.iter().all(takes).then(|| self.rule.name.clone())?
            }
            Test::Path(regex) => {
                let found = regex.captures(key.name())?;
                let mut name = self.rule.name.clone();
                for field in regex.capture_names().flatten() {
                    let value = found.name(field).map_or("", |found| found.as_str());
                    name = name.replace(&format!("<{field}>"), value);
                }
                name
            }
        };
        let labels: Vec<(&str, &str)> = key
            .labels()
            .filter(|(label, _)| self.stays(label))
            .collect();
        let outputs = self.rule.outputs.iter().map(|output| {
            let name = self.name(&stem, key.name(), *output);
            Some((*output, SeriesKey::from_sorted(&name, &labels).ok()?))
        });
        let outputs: Vec<_> = outputs.collect::<Option<_>>()?;
        // A rule that feeds itself would count its own sum.
        if outputs.iter().any(|(_, made)| made == key) {
            return None;
        }
        Some(Target {
            identity: self.identity(&outputs),
            interval_ms: self.rule.interval_ms,
            grace_ms: self.rule.grace_ms,
            since_ms: self.since_ms,
            is_of_path: matches!(self.test, Test::Path(_)),
            outputs,
        })
    }

    fn stays(&self, label: &str) -> bool {
        match &self.rule.grouping {
            Grouping::By(labels) => labels.iter().any(|by| by == label),
            Grouping::Without(labels) => !labels.iter().any(|gone| gone == label),
            Grouping::Path => false,
        }
    }

    fn name(&self, stem: &str, metric: &str, output: Output) -> String {
        if !stem.contains("${") {
            return stem.to_owned();
        }
        stem.replace("${output}", &output.to_string())
            .replace("${interval}", &interval_text(self.rule.interval_ms))
            .replace("${metric}", metric)
    }

    fn identity(&self, outputs: &[(Output, SeriesKey)]) -> u128 {
        let mut hash = Xxh3::new();
        for part in [self.rule.interval_ms, self.rule.grace_ms, self.since_ms] {
            hash.update(&part.to_le_bytes());
        }
        hash.update(format!("{:?}{:?}", self.rule.matching, self.rule.grouping).as_bytes());
        for (output, key) in outputs {
            hash.update(output.to_string().as_bytes());
            hash.update(&(key.as_bytes().len() as u64).to_le_bytes());
            hash.update(key.as_bytes());
        }
        hash.digest128()
    }
}

fn interval_text(interval_ms: i64) -> String {
    let units = [
        (86_400_000, "d"),
        (3_600_000, "h"),
        (60_000, "m"),
        (1_000, "s"),
        (1, "ms"),
    ];
    let unit = units.iter().find(|(unit, _)| interval_ms % unit == 0);
    unit.map_or_else(String::new, |(unit, name)| {
        format!("{}{name}", interval_ms / unit)
    })
}

/// An absent label compares as the empty text.
fn fits(matcher: &Matcher, regex: Option<&Regex>, key: &SeriesKey) -> bool {
    let value = key.get(&matcher.name).unwrap_or_default();
    let takes = |regex: Option<&Regex>| regex.is_some_and(|regex| regex.is_match(value));
    match matcher.op {
        MatchOp::Equal => value == matcher.value,
        MatchOp::NotEqual => value != matcher.value,
        MatchOp::Regex => takes(regex),
        MatchOp::NotRegex => !takes(regex),
    }
}

fn regex(matcher: &Matcher) -> Result<Option<Regex>, RuleError> {
    if matches!(matcher.op, MatchOp::Equal | MatchOp::NotEqual) {
        return Ok(None);
    }
    let pattern = regex_text(&matcher.value);
    // Compiled alone first: `a)|(b` would otherwise slip out of the anchors.
    compile(&pattern)?;
    compile(&format!("^(?s:{pattern})$")).map(Some)
}

pub(super) fn compile(pattern: &str) -> Result<Regex, RuleError> {
    let built = RegexBuilder::new(pattern).size_limit(REGEX_BYTES).build();
    built.map_err(|error| RuleError::new("match", error.to_string()))
}

fn check_template(name: &str, regex: &Regex) -> Result<(), RuleError> {
    let mut rest = name;
    while let Some((_, after)) = rest.split_once('<') {
        let (field, after) = after
            .split_once('>')
            .ok_or_else(|| RuleError::new("name", "a < without its >"))?;
        if !regex.capture_names().flatten().any(|known| known == field) {
            let reason = format!("<{field}> is not in the input pattern");
            return Err(RuleError::new("name", reason));
        }
        rest = after;
    }
    Ok(())
}
