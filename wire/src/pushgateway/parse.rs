//! A path as it stands in the request line to a group.

use std::collections::BTreeMap;

use super::name::unescape_name;
use crate::{Invalid, Reject, base64, limits, varint};

/// What every path of a group begins with.
pub const PREFIX: &str = "/metrics/";
/// A longer path is refused.
pub const MAX_PATH_BYTES: usize = 16 * 1024;
const BASE64: &str = "@base64";
const JOB: &str = "job";

/// A group of metrics: the labels of its path, `job` among them, ascending by name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Group {
    labels: Vec<(String, String)>,
}

impl Group {
    /// Never empty.
    #[must_use]
    pub fn job(&self) -> &str {
        self.get(JOB).unwrap_or_default()
    }

    #[must_use]
    pub fn get(&self, label: &str) -> Option<&str> {
        let at = self
            .labels
            .binary_search_by(|(name, _)| name.as_str().cmp(label));
        at.ok().map(|at| self.labels[at].1.as_str())
    }

    /// Name and value, ascending by name; a value may be empty: such a label is of the group's name, but of no series.
    pub fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        self.labels
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The group's name in one run of bytes, the same for every spelling of its path: name and value of each label in
    /// their order, each behind its length (LEB128).
    #[must_use]
    pub fn key(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for (name, value) in &self.labels {
            varint::put_bytes(&mut out, name.as_bytes());
            varint::put_bytes(&mut out, value.as_bytes());
        }
        out
    }
}

/// Reads a path, percent signs and all, without its query: `/metrics/job/a/instance/b`, `/metrics/job@base64/YQ`.
///
/// A name that ends in `@base64` has its value in the alphabet for URLs, padding optional, `=` for the empty one. Of a
/// label that is named twice the last value holds, and `job` is always the first; label names may be escaped
/// ([`unescape_name`]). A slash at the end is nothing.
///
/// # Errors
/// All to be answered 400, in the Pushgateway's words: no or an empty job, a label without a value, an improper label
/// name, broken base64 or percent signs, text that is not UTF-8, or a bound of [`crate::limits`].
pub fn parse(path: &str) -> Result<Group, Invalid> {
    if path.len() > MAX_PATH_BYTES {
        let text = format!("the path is longer than {MAX_PATH_BYTES} bytes");
        return Err(Invalid::new(Reject::TooLong, text));
    }
    let rest = path.strip_prefix(PREFIX).ok_or_else(no_job)?;
    let (first, rest) = rest.split_once('/').ok_or_else(no_job)?;
    let first = percent(first)?;
    if first.strip_suffix(BASE64).unwrap_or(&first) != JOB {
        return Err(no_job());
    }
    let (job, rest) = rest
        .split_once('/')
        .map_or((rest, None), |(job, rest)| (job, Some(rest)));
    let job = value(&first, JOB, &percent(job)?)?;
    if job.is_empty() {
        return Err(no_job());
    }
    let mut labels = BTreeMap::new();
    for (name, value) in pairs(rest.unwrap_or_default())? {
        if labels.len() == limits::LABELS {
            let text = format!("more than {} labels in the path", limits::LABELS);
            return Err(Invalid::new(Reject::BadLabels, text));
        }
        labels.insert(name, value);
    }
    labels.insert(JOB.to_owned(), job);
    Ok(Group {
        labels: labels.into_iter().collect(),
    })
}

fn pairs(rest: &str) -> Result<Vec<(String, String)>, Invalid> {
    if rest.is_empty() {
        return Ok(Vec::new());
    }
    let parts: Vec<&str> = rest.split('/').collect();
    if !parts.len().is_multiple_of(2) {
        let text = format!("odd number of components in label string {rest:?}");
        return Err(Invalid::new(Reject::Malformed, text));
    }
    parts
        .chunks_exact(2)
        .map(|pair| label(&percent(pair[0])?, &percent(pair[1])?))
        .collect()
}

fn label(written: &str, raw: &str) -> Result<(String, String), Invalid> {
    let name = written.strip_suffix(BASE64).unwrap_or(written);
    let name = match unescape_name(name) {
        Some(unescaped)
            if is_label_name(name) && !unescaped.is_empty() && !unescaped.starts_with("__") =>
        {
            unescaped
        }
        _ => {
            let text = format!("improper label name {name:?}");
            return Err(Invalid::new(Reject::BadLabels, text));
        }
    };
    if name.len() > limits::LABEL_NAME_BYTES {
        let text = format!(
            "a label name is longer than {} bytes",
            limits::LABEL_NAME_BYTES
        );
        return Err(Invalid::new(Reject::BadLabels, text));
    }
    let value = value(written, &name, raw)?;
    Ok((name, value))
}

/// `[a-zA-Z_][a-zA-Z0-9_]*`, not beginning with two underscores.
fn is_label_name(name: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let first = name
        .bytes()
        .next()
        .is_some_and(|byte| !byte.is_ascii_digit());
    first && name.bytes().all(inner) && !name.starts_with("__")
}

fn value(written: &str, name: &str, raw: &str) -> Result<String, Invalid> {
    let value = if written.ends_with(BASE64) {
        let broken = || {
            let text = format!("invalid base64 encoding for label {name}={raw:?}");
            Invalid::new(Reject::Malformed, text)
        };
        String::from_utf8(base64::decode_url(raw).ok_or_else(broken)?).map_err(|_| not_text())?
    } else {
        raw.to_owned()
    };
    if value.len() > limits::LABEL_VALUE_BYTES {
        let text = format!(
            "the value of label {name:?} is longer than {} bytes",
            limits::LABEL_VALUE_BYTES
        );
        return Err(Invalid::new(Reject::BadLabels, text));
    }
    Ok(value)
}

/// RFC 3986: `%` and two digits of hexadecimal are a byte; a plus is a plus.
fn percent(part: &str) -> Result<String, Invalid> {
    let mut out = Vec::with_capacity(part.len());
    let mut bytes = part.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let mut digit = || bytes.next().and_then(|byte| char::from(byte).to_digit(16));
        let (Some(high), Some(low)) = (digit(), digit()) else {
            let text = format!("invalid URL escape in {part:?}");
            return Err(Invalid::new(Reject::Malformed, text));
        };
        out.push((high << 4 | low) as u8);
    }
    String::from_utf8(out).map_err(|_| not_text())
}

fn no_job() -> Invalid {
    Invalid::new(Reject::BadLabels, "job name is required")
}

fn not_text() -> Invalid {
    Invalid::new(Reject::BadText, "the path is not UTF-8")
}
