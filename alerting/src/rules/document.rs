//! The shape of rule files as they are written: Prometheus' `groups:`, or the bare list of groups. An unknown
//! key is refused by serde with its place; what the values mean is checked elsewhere.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Options, Spanned};

use crate::AlertingError;

/// Text with its place.
pub(super) type Text = Spanned<String>;

/// Names and texts, in the order of names.
pub(super) type Pairs = BTreeMap<String, Text>;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GroupDocument {
    pub(super) name: Text,
    pub(super) interval: Option<Text>,
    pub(super) limit: Option<u32>,
    pub(super) query_offset: Option<Text>,
    pub(super) labels: Option<Pairs>,
    pub(super) rules: Option<Vec<Spanned<RuleDocument>>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleDocument {
    pub(super) alert: Option<Text>,
    pub(super) record: Option<Text>,
    pub(super) expr: Option<Text>,
    #[serde(rename = "for")]
    pub(super) hold: Option<Text>,
    pub(super) keep_firing_for: Option<Text>,
    pub(super) labels: Option<Pairs>,
    pub(super) annotations: Option<Pairs>,
}

/// All groups of all YAML documents in a file's text.
pub(super) fn groups(file: &str, text: &str) -> Result<Vec<GroupDocument>, AlertingError> {
    let documents: Vec<Document> =
        serde_saphyr::from_multiple_with_options(text, Options::default())
            .map_err(|error| refusal(file, &error))?;
    Ok(documents
        .into_iter()
        .flat_map(|document| document.0)
        .collect())
}

fn refusal(file: &str, error: &serde_saphyr::Error) -> AlertingError {
    let place = match error.location() {
        Some(at) => format!("{file}:{}:{}", at.line(), at.column()),
        None => file.to_owned(),
    };
    let mut reason = error.without_snippet().to_string();
    if let Some(at) = error.location() {
        let suffix = format!(" at line {}, column {}", at.line(), at.column());
        reason = reason.replace(&suffix, "");
    }
    AlertingError::Rule { place, reason }
}

#[derive(Debug)]
struct Document(Vec<GroupDocument>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GroupsDocument {
    groups: Option<Vec<GroupDocument>>,
}

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DocumentVisitor)
    }
}

struct DocumentVisitor;

impl<'de> Visitor<'de> for DocumentVisitor {
    type Value = Document;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`groups:` with a list of groups, or the list of groups itself")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Document, A::Error> {
        let document = GroupsDocument::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Document(document.groups.unwrap_or_default()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Document, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(list)).map(Document)
    }

    fn visit_unit<E>(self) -> Result<Document, E> {
        Ok(Document(Vec::new()))
    }
}
