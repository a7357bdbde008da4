//! The bytes that name a series, and the key that they make. The layout is that of version 1.0: fields number 1, each a
//! `Label` with the name in field 1 and the value in field 2; version 2.0 is brought into the same.

use std::fmt::Write;

use crate::protobuf::{Damaged, Fields, put_bytes};
use crate::{Invalid, KeyError, NAME_LABEL, Reject, SeriesKey, limits, varint};

/// A longer run of labels makes no series.
pub const MAX_IDENTITY_BYTES: usize = 2 * limits::KEY_BYTES;
/// More labels than this are not even read: one above what a series may have, to be told by it.
const MOST_LABELS: usize = limits::LABELS + 2;
/// What an error repeats of the labels that caused it.
const SHOWN_LABELS: usize = 16;

/// The series that an identity names; labels in any order give one key, labels with an empty value do not exist.
///
/// # Errors
/// [`Reject::Malformed`] for what is no message, [`Reject::BadText`] for what is not UTF-8, [`Reject::BadName`] without
/// `__name__` or with an oversized one, [`Reject::BadLabels`] for empty or repeated label names or past a limit; the text
/// as Prometheus' own receiver words it, where it has words.
pub fn series_key(identity: &[u8]) -> Result<SeriesKey, Invalid> {
    let raw = raw_labels(identity)?;
    let mut name = None;
    let mut labels = Vec::with_capacity(raw.len());
    for &(key, value) in &raw {
        let (Ok(key), Ok(value)) = (std::str::from_utf8(key), std::str::from_utf8(value)) else {
            return Err(invalid(Reject::BadText, &raw));
        };
        if key == NAME_LABEL && name.replace(value).is_some() {
            return Err(repeated(&raw, key));
        }
        if key != NAME_LABEL {
            labels.push((key, value));
        }
    }
    let Some(name) = name.filter(|name| !name.is_empty()) else {
        return Err(invalid(Reject::BadName, &raw));
    };
    SeriesKey::new(name, labels).map_err(|error| match error {
        KeyError::EmptyLabelName => invalid(Reject::BadLabels, &raw),
        KeyError::DuplicateLabel(label) => repeated(&raw, &label),
        KeyError::EmptyName | KeyError::LongName => {
            Invalid::new(Reject::BadName, error.to_string())
        }
        _ => Invalid::new(Reject::BadLabels, error.to_string()),
    })
}

/// Appends a label in the layout of an identity.
pub(super) fn put_label(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    // Nearly all are short: every length is one byte.
    let length = 4 + name.len() + value.len();
    if length < 0x80 {
        out.extend_from_slice(&[0x0a, length as u8, 0x0a, name.len() as u8]);
        out.extend_from_slice(name);
        out.extend_from_slice(&[0x12, value.len() as u8]);
        out.extend_from_slice(value);
        return;
    }
    let bytes = |text: &[u8]| 1 + varint_bytes(text.len()) + text.len();
    varint::put(out, 1 << 3 | 2);
    varint::put(out, (bytes(name) + bytes(value)) as u64);
    put_bytes(out, 1, name);
    put_bytes(out, 2, value);
}

fn varint_bytes(number: usize) -> usize {
    let bits = usize::BITS - (number | 1).leading_zeros();
    bits.div_ceil(7) as usize
}

type RawLabels<'a> = Vec<(&'a [u8], &'a [u8])>;

fn raw_labels(identity: &[u8]) -> Result<RawLabels<'_>, Invalid> {
    if identity.len() > MAX_IDENTITY_BYTES {
        let text = format!("labels of more than {MAX_IDENTITY_BYTES} bytes");
        return Err(Invalid::new(Reject::BadLabels, text));
    }
    let mut labels = Vec::new();
    for field in Fields::of(identity) {
        let field = field?;
        if field.number == 1 && labels.len() < MOST_LABELS {
            labels.push(raw_label(field.message()?)?);
        }
    }
    Ok(labels)
}

fn raw_label(fields: Fields<'_>) -> Result<(&[u8], &[u8]), Damaged> {
    let (mut name, mut value): (&[u8], &[u8]) = (&[], &[]);
    for field in fields {
        let field = field?;
        match field.number {
            1 => name = field.bytes()?,
            2 => value = field.bytes()?,
            _ => {}
        }
    }
    Ok((name, value))
}

fn invalid(reject: Reject, labels: &RawLabels<'_>) -> Invalid {
    let text = format!("invalid metric name or labels, got {}", shown(labels));
    Invalid::new(reject, text)
}

fn repeated(labels: &RawLabels<'_>, label: &str) -> Invalid {
    let labels = shown(labels);
    let text = format!("invalid labels for series, labels {labels}, duplicated label {label}");
    Invalid::new(Reject::BadLabels, text)
}

fn shown(labels: &RawLabels<'_>) -> String {
    let mut out = String::from("{");
    for (i, (name, value)) in labels.iter().take(SHOWN_LABELS).enumerate() {
        let separator = if i == 0 { "" } else { ", " };
        let [name, value] =
            [name, value].map(|text| String::from_utf8_lossy(&text[..text.len().min(128)]));
        let _ = write!(out, "{separator}{name}={value:?}");
    }
    if labels.len() > SHOWN_LABELS {
        out.push_str(", ...");
    }
    out.push('}');
    out
}
