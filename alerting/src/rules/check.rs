//! What rule documents mean, and what is refused: the checks are those of Prometheus' `rulefmt` and of
//! `promtool check rules`, duplicates included.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_saphyr::{Location, Spanned};

use super::document::{GroupDocument, Pairs, RuleDocument, Text};
use super::{Condition, Group, Kind, Rule, RuleSet, limits, parse_duration};
use crate::template::Template;
use crate::{AlertingError, CheckExpr};

type Checked<T> = Result<T, AlertingError>;

/// Understands the groups of one file and adds them.
pub(super) fn add_file(
    rules: &mut RuleSet,
    file: &str,
    documents: Vec<GroupDocument>,
    check: &CheckExpr,
) -> Checked<()> {
    let mut names = BTreeSet::new();
    let mut twins: HashMap<String, String> = HashMap::new();
    let (_, mut count) = rules.counts();
    for document in documents {
        let at = Place::of(file, document.name.referenced);
        if !names.insert(document.name.value.clone()) {
            return at.refuse(format!(
                "group {:?} is given twice in this file; give one of them another name",
                document.name.value
            ));
        }
        let group = group(file, document, check)?;
        for rule in &group.rules {
            let what = rule
                .id
                .split_once('\0')
                .map_or("", |(_, what)| what)
                .to_owned();
            if let Some(first) = twins.insert(what, rule.place.clone()) {
                return Err(AlertingError::Rule {
                    place: rule.place.clone(),
                    reason: format!(
                        "rule {:?} with the same labels is given already at {first}; change its name or a label",
                        rule.name
                    ),
                });
            }
        }
        count += group.rules.len();
        if count > limits::RULES {
            return at.refuse(format!("more than {} rules", limits::RULES));
        }
        rules.groups.push(group);
    }
    Ok(())
}

/// Rules of the same group name, name and labels in several files get numbers, so that each keeps its state.
pub(super) fn number_twins(rules: &mut RuleSet) {
    let mut seen: HashMap<String, usize> = HashMap::new();
    for rule in rules.groups.iter_mut().flat_map(|group| &mut group.rules) {
        let number = seen.entry(rule.id.clone()).or_default();
        *number += 1;
        if *number > 1 {
            rule.id = format!("{}\0{number}", rule.id);
        }
    }
}

fn group(file: &str, document: GroupDocument, check: &CheckExpr) -> Checked<Group> {
    let at = Place::of(file, document.name.referenced);
    let name = document.name.value;
    if name.is_empty() {
        return at.refuse("the group has no name".to_owned());
    }
    let interval_ms = optional(document.interval.as_ref(), |text| duration(file, text))?;
    if interval_ms.is_some_and(|interval_ms| interval_ms < 1_000) {
        return at.refuse("the interval is below 1s; give 1s or more".to_owned());
    }
    let query_offset = optional(document.query_offset.as_ref(), |text| duration(file, text))?;
    let group_labels = templates(
        file,
        &at,
        document.labels.unwrap_or_default(),
        Names::Labels,
    )?;
    let rules = document
        .rules
        .unwrap_or_default()
        .into_iter()
        .map(|document| rule(file, &name, &group_labels, document, check))
        .collect::<Checked<Vec<_>>>()?;
    Ok(Group {
        name,
        file: file.to_owned(),
        interval_ms,
        limit: document.limit.map_or(0, |limit| limit as usize),
        query_offset_ms: query_offset.unwrap_or(0),
        rules,
    })
}

fn rule(
    file: &str,
    group: &str,
    group_labels: &BTreeMap<String, Template>,
    document: Spanned<RuleDocument>,
    check: &CheckExpr,
) -> Checked<Rule> {
    let at = Place::of(file, document.referenced);
    let document = document.value;
    let expr = expression(file, &at, document.expr.as_ref(), check)?;
    let mut labels = group_labels.clone();
    labels.extend(templates(
        file,
        &at,
        document.labels.clone().unwrap_or_default(),
        Names::Labels,
    )?);
    let (name, kind) = match (&document.alert, &document.record) {
        (Some(name), None) => (name, Kind::Alert(condition(file, &at, &document)?)),
        (None, Some(name)) => (name, recording(file, &document)?),
        (Some(_), Some(_)) => {
            return at.refuse("both `alert` and `record` are given; give one".to_owned());
        }
        (None, None) => {
            return at.refuse("neither `alert` nor `record` is given; give one".to_owned());
        }
    };
    if name.value.is_empty() {
        return Place::of(file, name.referenced).refuse("the rule has no name".to_owned());
    }
    let word = if matches!(kind, Kind::Alert(_)) {
        "alert"
    } else {
        "record"
    };
    Ok(Rule {
        id: id(group, word, &name.value, &labels),
        name: name.value.clone(),
        kind,
        expr,
        labels,
        place: at.to_string(),
    })
}

fn id(group: &str, word: &str, name: &str, labels: &BTreeMap<String, Template>) -> String {
    let mut id = format!("{group}\0{word}\0{name}");
    for (name, template) in labels {
        id.push_str(&format!("\0{name}={}", template.source()));
    }
    id
}

fn expression(file: &str, at: &Place, expr: Option<&Text>, check: &CheckExpr) -> Checked<String> {
    let Some(text) = expr.filter(|text| !text.value.trim().is_empty()) else {
        return at.refuse("the rule has no `expr`".to_owned());
    };
    let at = Place::of(file, text.referenced);
    if text.value.len() > limits::EXPR_BYTES {
        return at.refuse(format!(
            "the expression is longer than {} bytes",
            limits::EXPR_BYTES
        ));
    }
    check(&text.value).or_else(|reason| at.refuse(format!("in `expr`: {reason}")))?;
    Ok(text.value.clone())
}

fn condition(file: &str, at: &Place, document: &RuleDocument) -> Checked<Condition> {
    let annotations = document.annotations.clone().unwrap_or_default();
    Ok(Condition {
        for_ms: optional(document.hold.as_ref(), |text| duration(file, text))?.unwrap_or(0),
        keep_firing_for_ms: optional(document.keep_firing_for.as_ref(), |text| {
            duration(file, text)
        })?
        .unwrap_or(0),
        annotations: templates(file, at, annotations, Names::Annotations)?,
    })
}

fn recording(file: &str, document: &RuleDocument) -> Checked<Kind> {
    let misplaced = [
        ("for", document.hold.as_ref().map(|text| text.referenced)),
        (
            "keep_firing_for",
            document
                .keep_firing_for
                .as_ref()
                .map(|text| text.referenced),
        ),
        ("annotations", first_place(document.annotations.as_ref())),
    ];
    for (key, place) in misplaced {
        if let Some(place) = place {
            return Place::of(file, place).refuse(format!(
                "`{key}` belongs to alerts; a recording rule has none"
            ));
        }
    }
    if let Some(name) = document
        .record
        .as_ref()
        .filter(|name| !is_metric_name(&name.value))
    {
        return Place::of(file, name.referenced).refuse(format!(
            "{:?} is no metric name; letters, digits, `_` and `:` are taken, no digit first",
            name.value
        ));
    }
    Ok(Kind::Record)
}

fn first_place(pairs: Option<&Pairs>) -> Option<Location> {
    pairs?.values().next().map(|text| text.referenced)
}

fn is_metric_name(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit())
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | ':'))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Names {
    Labels,
    Annotations,
}

fn templates(
    file: &str,
    at: &Place,
    pairs: Pairs,
    names: Names,
) -> Checked<BTreeMap<String, Template>> {
    if pairs.len() > limits::PAIRS {
        return at.refuse(format!("more than {} labels or annotations", limits::PAIRS));
    }
    pairs
        .into_iter()
        .map(|(name, text)| {
            let at = Place::of(file, text.referenced);
            if !is_pair_name(&name, names) {
                return at.refuse(format!(
                    "{name:?} cannot be given here; letters, digits and `_` are taken, no digit first, and not `__name__` or `alertname`"
                ));
            }
            let template = Template::parse(&text.value).or_else(|error| {
                at.refuse(format!("template of {name:?}, character {}: {}", error.at + 1, error.reason))
            })?;
            Ok((name, template))
        })
        .collect()
}

fn is_pair_name(name: &str, names: Names) -> bool {
    let plain = !name.is_empty()
        && name.len() <= 256
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    plain && (names == Names::Annotations || !matches!(name, "__name__" | "alertname"))
}

fn duration(file: &str, text: &Text) -> Checked<i64> {
    parse_duration(&text.value).map_or_else(
        || {
            Place::of(file, text.referenced).refuse(format!(
                "{:?} is no duration; write it as 30s, 5m, 1h30m or 7d",
                text.value
            ))
        },
        Ok,
    )
}

fn optional<T>(text: Option<&Text>, read: impl FnOnce(&Text) -> Checked<T>) -> Checked<Option<T>> {
    text.map(read).transpose()
}

/// Where something stands in a rule file.
struct Place {
    file: String,
    at: Location,
}

impl Place {
    fn of(file: &str, at: Location) -> Self {
        Self {
            file: file.to_owned(),
            at,
        }
    }

    fn refuse<T>(&self, reason: String) -> Checked<T> {
        Err(AlertingError::Rule {
            place: self.to_string(),
            reason,
        })
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.at.line(), self.at.column())
    }
}
