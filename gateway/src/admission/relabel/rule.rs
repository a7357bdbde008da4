//! One relabelling rule: what was read, what is meant, and what it does to labels. Its words and defaults are
//! Prometheus'; a regular expression is RE2's and matches the whole text.

use regex::Regex;
use serde::Deserialize;

use super::Labels;
use super::md5::md5;

/// What a rule does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    #[default]
    Replace,
    Keep,
    Drop,
    KeepEqual,
    DropEqual,
    HashMod,
    LabelMap,
    LabelDrop,
    LabelKeep,
    Lowercase,
    Uppercase,
}

/// A rule as it is written; what is not written has Prometheus' default.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleText {
    #[serde(default)]
    pub source_labels: Vec<String>,
    pub separator: Option<String>,
    pub regex: Option<String>,
    #[serde(default)]
    pub modulus: u64,
    #[serde(default)]
    pub target_label: String,
    pub replacement: Option<String>,
    #[serde(default)]
    pub action: Action,
}

/// Why a rule cannot be meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("rule {at}: {reason}")]
pub struct RelabelError {
    /// The rule's place, from 0.
    pub at: usize,
    pub reason: String,
}

#[derive(Debug, Clone)]
pub(super) struct Rule {
    source_labels: Vec<String>,
    separator: String,
    regex: Regex,
    modulus: u64,
    target: String,
    replacement: String,
    action: Action,
}

impl Rule {
    pub(super) fn new(at: usize, text: RuleText) -> Result<Self, RelabelError> {
        let wrong = |reason: String| RelabelError { at, reason };
        check(&text).map_err(|reason| wrong(reason.to_owned()))?;
        let written = text.regex.as_deref().unwrap_or("(.*)");
        let anchored = format!("^(?s:{})$", weir_wire::regex_text(written));
        let regex = Regex::new(&anchored)
            .map_err(|error| wrong(format!("regex {written:?} cannot be compiled: {error}")))?;
        Ok(Self {
            source_labels: text.source_labels,
            separator: text.separator.unwrap_or_else(|| ";".to_owned()),
            regex,
            modulus: text.modulus,
            target: text.target_label,
            replacement: text.replacement.unwrap_or_else(|| "$1".to_owned()),
            action: text.action,
        })
    }

    /// False for a series that is dropped.
    pub(super) fn apply(&self, labels: &mut Labels) -> bool {
        match self.action {
            Action::Keep => return self.regex.is_match(&self.value(labels)),
            Action::Drop => return !self.regex.is_match(&self.value(labels)),
            Action::KeepEqual => return self.is_equal(labels),
            Action::DropEqual => return !self.is_equal(labels),
            Action::Replace => self.replace(labels),
            Action::HashMod => {
                let hash = md5(self.value(labels).as_bytes());
                let [.., a, b, c, d, e, f, g, h] = hash;
                let number = u64::from_be_bytes([a, b, c, d, e, f, g, h]) % self.modulus;
                set(labels, self.target.clone(), number.to_string());
            }
            Action::Lowercase => set(
                labels,
                self.target.clone(),
                self.value(labels).to_lowercase(),
            ),
            Action::Uppercase => set(
                labels,
                self.target.clone(),
                self.value(labels).to_uppercase(),
            ),
            Action::LabelMap => self.map(labels),
            Action::LabelDrop => labels.retain(|label, _| !self.regex.is_match(label)),
            Action::LabelKeep => labels.retain(|label, _| self.regex.is_match(label)),
        }
        true
    }

    fn value(&self, labels: &Labels) -> String {
        let values = self.source_labels.iter();
        let values: Vec<&str> = values
            .map(|label| labels.get(label).map_or("", String::as_str))
            .collect();
        values.join(&self.separator)
    }

    fn is_equal(&self, labels: &Labels) -> bool {
        labels.get(&self.target).map_or("", String::as_str) == self.value(labels)
    }

    fn replace(&self, labels: &mut Labels) {
        let value = self.value(labels);
        let Some(found) = self.regex.captures(&value) else {
            return;
        };
        let (mut target, mut made) = (String::new(), String::new());
        found.expand(&self.target, &mut target);
        found.expand(&self.replacement, &mut made);
        if !target.is_empty() {
            set(labels, target, made);
        }
    }

    fn map(&self, labels: &mut Labels) {
        let matching = labels
            .iter()
            .filter(|(label, _)| self.regex.is_match(label));
        let mapped: Vec<(String, String)> = matching
            .map(|(label, value)| {
                let to = self.regex.replace(label, self.replacement.as_str());
                (to.into_owned(), value.clone())
            })
            .collect();
        for (label, value) in mapped {
            if !label.is_empty() {
                set(labels, label, value);
            }
        }
    }
}

/// A label without a value is no label.
fn set(labels: &mut Labels, label: String, value: String) {
    if value.is_empty() {
        labels.remove(&label);
    } else {
        labels.insert(label, value);
    }
}

/// As Prometheus refuses rules.
fn check(text: &RuleText) -> Result<(), &'static str> {
    let needs_target = matches!(
        text.action,
        Action::Replace
            | Action::KeepEqual
            | Action::DropEqual
            | Action::HashMod
            | Action::Lowercase
            | Action::Uppercase
    );
    if needs_target && text.target_label.is_empty() {
        return Err("this action needs a target_label");
    }
    if text.action == Action::HashMod && text.modulus == 0 {
        return Err("hashmod needs a modulus of 1 or more");
    }
    let by_label = matches!(text.action, Action::LabelDrop | Action::LabelKeep);
    let plain = text.modulus == 0 && text.separator.is_none() && text.replacement.is_none();
    if by_label && !(plain && text.source_labels.is_empty() && text.target_label.is_empty()) {
        return Err("labeldrop and labelkeep take a regex and nothing else");
    }
    let equal = matches!(text.action, Action::KeepEqual | Action::DropEqual);
    if equal && !(plain && text.regex.is_none()) {
        return Err("keepequal and dropequal take source_labels and target_label and nothing else");
    }
    Ok(())
}
