//! A series' identity: a name and a sorted set of labels, in one canonical run of bytes. The same labels in
//! any order by any protocol give the same bytes, so equality and hash are those of the bytes.
//!
//! Layout (also on disk and in frames): `len u16 LE, text` repeated: the name, then key and value of each
//! label, keys ascending by byte. Labels with an empty value do not exist, as in Prometheus.

mod borrowed;
mod run;
#[cfg(test)]
mod tests;

pub use borrowed::KeyRef;
pub use run::KeyRun;

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use borrowed::Raw;

/// The label that stands for the name in matchers and JSON.
pub const NAME_LABEL: &str = "__name__";

/// Bounds that the format itself sets; admission may set tighter ones.
pub mod limits {
    /// Bytes of a name.
    pub const NAME_BYTES: usize = 2_048;
    /// Labels beside the name.
    pub const LABELS: usize = 64;
    /// Bytes of a label's name.
    pub const LABEL_NAME_BYTES: usize = 256;
    /// Bytes of a label's value.
    pub const LABEL_VALUE_BYTES: usize = 4_096;
    /// Bytes of the whole canonical key.
    pub const KEY_BYTES: usize = 32_768;
}

/// Why a name and labels make no series.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("the name is empty")]
    EmptyName,
    #[error("the name is longer than {} bytes", limits::NAME_BYTES)]
    LongName,
    #[error("more than {} labels", limits::LABELS)]
    TooManyLabels,
    #[error("a label's name is empty")]
    EmptyLabelName,
    #[error("label name {0:?} is longer than {max} bytes", max = limits::LABEL_NAME_BYTES)]
    LongLabelName(String),
    #[error("the value of label {0:?} is longer than {max} bytes", max = limits::LABEL_VALUE_BYTES)]
    LongLabelValue(String),
    #[error("{NAME_LABEL} stands for the name and is no label")]
    NameLabel,
    #[error("label {0:?} is given twice")]
    DuplicateLabel(String),
    #[error("the series' key is longer than {} bytes", limits::KEY_BYTES)]
    LongKey,
    #[error("the series' key is not in canonical form")]
    NotCanonical,
}

/// A name and its labels; cheap to clone. Ordered as people sort them: by name, then label by label.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SeriesKey(Arc<[u8]>);

impl Ord for SeriesKey {
    fn cmp(&self, other: &Self) -> Ordering {
        // Order of bytes is order of text in UTF-8.
        Raw(&self.0).cmp(Raw(&other.0))
    }
}

impl PartialOrd for SeriesKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl SeriesKey {
    /// Sorts, checks and packs. Labels with an empty value are left out.
    ///
    /// # Errors
    /// Whichever bound of [`limits`] is passed, an empty name, an empty or repeated label name.
    pub fn new<'a>(
        name: &str,
        labels: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, KeyError> {
        check_name(name)?;
        let mut sorted: Vec<(&str, &str)> = Vec::new();
        for (key, value) in labels {
            check_label(key, value)?;
            if sorted.len() == limits::LABELS {
                return Err(KeyError::TooManyLabels);
            }
            sorted.push((key, value));
        }
        sorted.sort_unstable();
        if let Some(twice) = sorted.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return Err(KeyError::DuplicateLabel(twice[0].0.to_owned()));
        }
        sorted.retain(|(_, value)| !value.is_empty());
        pack(name, &sorted)
    }

    /// A series of a name alone.
    ///
    /// # Errors
    /// An empty or oversized name.
    pub fn bare(name: &str) -> Result<Self, KeyError> {
        Self::new(name, [])
    }

    /// Packs labels that are known to ascend, each with a value: those of a key that was taken apart.
    ///
    /// # Errors
    /// A key that is too long in all.
    pub fn from_sorted(name: &str, labels: &[(&str, &str)]) -> Result<Self, KeyError> {
        pack(name, labels)
    }

    /// Takes canonical bytes back, from disk or from a frame, checking every rule.
    ///
    /// # Errors
    /// [`KeyError::NotCanonical`] for bytes that [`SeriesKey::new`] would not have made.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KeyError> {
        KeyRef::from_bytes(bytes).map(KeyRef::to_key)
    }

    /// The same without owning the bytes.
    #[must_use]
    pub fn borrowed(&self) -> KeyRef<'_> {
        KeyRef(&self.0)
    }

    /// The canonical bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// xxh3-128 of the canonical bytes: the identity that tables are keyed by.
    #[must_use]
    pub fn identity(&self) -> u128 {
        self.borrowed().identity()
    }

    /// The metric's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.borrowed().name()
    }

    /// The labels beside the name, ascending by key.
    pub fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        self.borrowed().labels()
    }

    /// The value of a label, `__name__` included; `None` where the series has no such label.
    #[must_use]
    pub fn get(&self, label: &str) -> Option<&str> {
        if label == NAME_LABEL {
            return Some(self.name());
        }
        self.labels()
            .find(|(key, _)| *key == label)
            .map(|(_, value)| value)
    }
}

impl fmt::Display for SeriesKey {
    /// `name{label="value",…}`, the way PromQL writes it (names with dots are not quoted).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        for (i, (key, value)) in self.labels().enumerate() {
            write!(f, "{}{key}={value:?}", if i == 0 { '{' } else { ',' })?;
        }
        if self.labels().next().is_some() {
            f.write_str("}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for SeriesKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SeriesKey({self})")
    }
}

fn check_name(name: &str) -> Result<(), KeyError> {
    if name.is_empty() {
        return Err(KeyError::EmptyName);
    }
    if name.len() > limits::NAME_BYTES {
        return Err(KeyError::LongName);
    }
    Ok(())
}

fn check_label(key: &str, value: &str) -> Result<(), KeyError> {
    if key.is_empty() {
        return Err(KeyError::EmptyLabelName);
    }
    if key == NAME_LABEL {
        return Err(KeyError::NameLabel);
    }
    if key.len() > limits::LABEL_NAME_BYTES {
        return Err(KeyError::LongLabelName(key.chars().take(32).collect()));
    }
    if value.len() > limits::LABEL_VALUE_BYTES {
        return Err(KeyError::LongLabelValue(key.to_owned()));
    }
    Ok(())
}

fn pack(name: &str, labels: &[(&str, &str)]) -> Result<SeriesKey, KeyError> {
    let bytes = labels
        .iter()
        .map(|(k, v)| 4 + k.len() + v.len())
        .sum::<usize>()
        + 2
        + name.len();
    if bytes > limits::KEY_BYTES {
        return Err(KeyError::LongKey);
    }
    let mut out = Vec::with_capacity(bytes);
    put_name(name, &mut out);
    put_labels(labels.iter().copied(), &mut out);
    Ok(SeriesKey(out.into()))
}

/// Appends a name as it stands in canonical bytes; the labels follow it.
pub fn put_name(name: &str, out: &mut Vec<u8>) {
    push(out, name);
}

/// Appends labels as they stand in canonical bytes: they ascend, each with a value.
pub fn put_labels<'a>(labels: impl Iterator<Item = (&'a str, &'a str)>, out: &mut Vec<u8>) {
    for (key, value) in labels {
        push(out, key);
        push(out, value);
    }
}

fn push(out: &mut Vec<u8>, text: &str) {
    // Every text that gets here is far below 64 KiB: see `limits`.
    out.extend_from_slice(&(text.len() as u16).to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}
