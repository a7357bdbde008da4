//! The raw measurement, tags and field key to a series, asked once a series: the rule that names it, escapes undone,
//! tags checked. Also the hash by which a cache knows the raw bytes again.

use std::borrow::Cow;

use xxhash_rust::xxh3::{xxh3_128, xxh3_128_with_seed};

use super::Fault;
use crate::{KeyError, NAME_LABEL, SeriesKey};

/// How a field becomes a series' name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldNaming {
    pub place: FieldPlace,
    /// A field of this key is not named: its series has the measurement's name alone (`value`, for one). `None`
    /// names every field.
    pub bare: Option<String>,
}

/// Where a field's key goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldPlace {
    /// Behind the measurement: `cpu` and `idle` are `cpu_idle`, with this text between them.
    Name { separator: String },
    /// Into a label of this name; a tag of the same name is refused.
    Label { label: String },
}

impl Default for FieldNaming {
    /// `measurement_field`, every field named.
    fn default() -> Self {
        Self {
            place: FieldPlace::Name {
                separator: "_".to_owned(),
            },
            bare: None,
        }
    }
}

/// A hash of [`super::Line::series`], made once a line.
#[must_use]
pub fn series_hash(series: &[u8]) -> u128 {
    xxh3_128(series)
}

/// A hash of one field's identity: of the raw series by its [`series_hash`], and of the raw key.
#[must_use]
pub fn field_hash(series_hash: u128, key: &[u8]) -> u128 {
    xxh3_128_with_seed(key, series_hash as u64).wrapping_add(series_hash)
}

/// The series of one field of a line: `series` is [`super::Line::series`], `key` is [`super::Field::key`].
///
/// # Errors
/// Faults of measurement and tags in InfluxDB's order; [`Fault::BadText`], [`Fault::LongName`], [`Fault::BadLabels`]
/// for what a series here cannot have. Errors of a whole line are [`super::LineError`]s: put the fault into one.
pub fn series_key(
    series: &[u8],
    key: &[u8],
    naming: &FieldNaming,
) -> Result<SeriesKey, Fault<'static>> {
    let mut parts = Parts::new(series)?;
    let measurement = unescape(text(parts.measurement)?, &[',', ' ', '=', '"']);
    let field = unescape(text(key)?, &[',', ' ', '=', '"']);
    let mut tags: Vec<(Cow<'_, str>, Cow<'_, str>)> = Vec::new();
    while let Some((key, value)) = parts.next_tag()? {
        if tags.len() > crate::limits::LABELS {
            return Err(Fault::ManyTags);
        }
        let tag = |bytes| text(bytes).map(|text| unescape(text, &[',', ' ', '=']));
        tags.push((tag(key)?, tag(value)?));
    }
    let mut labels: Vec<(&str, &str)> =
        tags.iter().map(|(k, v)| (k.as_ref(), v.as_ref())).collect();
    let bare = naming.bare.as_deref() == Some(&field);
    let name = match &naming.place {
        _ if bare => measurement,
        FieldPlace::Name { separator } => {
            Cow::Owned([&measurement, separator.as_str(), &field].concat())
        }
        FieldPlace::Label { label } => {
            if labels.iter().any(|(key, _)| key == label) {
                return Err(Fault::BadLabels);
            }
            labels.push((label, &field));
            measurement
        }
    };
    SeriesKey::new(&name, labels).map_err(|error| match error {
        KeyError::EmptyName => Fault::MissingMeasurement,
        KeyError::LongName => Fault::LongName,
        KeyError::DuplicateLabel(label) if label != NAME_LABEL => Fault::DuplicateTags,
        KeyError::TooManyLabels => Fault::ManyTags,
        KeyError::LongLabelName(_) | KeyError::LongLabelValue(_) => Fault::LongTag,
        KeyError::LongKey => Fault::LongSeries,
        _ => Fault::BadLabels,
    })
}

/// Whether measurement and tags have the protocol's shape.
pub(super) fn check(series: &[u8]) -> Result<(), Fault<'_>> {
    let mut parts = Parts::new(series)?;
    while parts.next_tag()?.is_some() {}
    Ok(())
}

/// Key and value as they stood.
type Tag<'a> = (&'a [u8], &'a [u8]);

struct Parts<'a> {
    measurement: &'a [u8],
    /// What follows the last comma; `None` after the last tag.
    rest: Option<&'a [u8]>,
}

impl<'a> Parts<'a> {
    fn new(series: &'a [u8]) -> Result<Self, Fault<'static>> {
        let end = find(series, b",").unwrap_or(series.len());
        if end == 0 {
            return Err(Fault::MissingMeasurement);
        }
        Ok(Self {
            measurement: &series[..end],
            rest: series.get(end + 1..),
        })
    }

    fn next_tag(&mut self) -> Result<Option<Tag<'a>>, Fault<'static>> {
        let Some(rest) = self.rest else {
            return Ok(None);
        };
        let equals = match find(rest, b",=") {
            Some(0) => return Err(Fault::MissingTagKey),
            Some(at) if rest[at] == b'=' => at,
            None if rest.is_empty() => return Err(Fault::MissingTagKey),
            _ => return Err(Fault::MissingTagValue),
        };
        let value = &rest[equals + 1..];
        let end = match find(value, b",=") {
            Some(at) if value[at] == b'=' => return Err(Fault::InvalidTag),
            Some(end) => end,
            None => value.len(),
        };
        if end == 0 {
            return Err(Fault::MissingTagValue);
        }
        self.rest = value.get(end + 1..);
        Ok(Some((&rest[..equals], &value[..end])))
    }
}

/// The first of `marks` that no backslash stands before.
fn find(text: &[u8], marks: &[u8]) -> Option<usize> {
    (0..text.len()).find(|at| marks.contains(&text[*at]) && (*at == 0 || text[at - 1] != b'\\'))
}

fn text(bytes: &[u8]) -> Result<&str, Fault<'static>> {
    std::str::from_utf8(bytes)
        .ok()
        .filter(|text| !text.chars().any(char::is_control))
        .ok_or(Fault::BadText)
}

/// A backslash goes where it stands before one of `escaped`; before anything else it is itself.
fn unescape<'a>(text: &'a str, escaped: &[char]) -> Cow<'a, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match characters.peek() {
            Some(next) if character == '\\' && escaped.contains(next) => {
                plain.push(*next);
                characters.next();
            }
            _ => plain.push(character),
        }
    }
    Cow::Owned(plain)
}
