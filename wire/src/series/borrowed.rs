//! A key that lies in somebody else's bytes: what frames, the index and the journal pass on without an allocation for
//! each series. Owns the reading of canonical bytes; makes none.

use xxhash_rust::xxh3::xxh3_128;

use super::{KeyError, SeriesKey, check_label, check_name, limits};

/// Canonical bytes that were checked; [`SeriesKey`] without the ownership.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyRef<'a>(pub(super) &'a [u8]);

impl<'a> KeyRef<'a> {
    /// Takes canonical bytes, checking every rule.
    ///
    /// # Errors
    /// [`KeyError::NotCanonical`] for bytes that [`SeriesKey::new`] would not have made, or what it says of them.
    pub fn from_bytes(bytes: &'a [u8]) -> Result<Self, KeyError> {
        if bytes.len() > limits::KEY_BYTES {
            return Err(KeyError::NotCanonical);
        }
        let mut parts = Parts(bytes);
        check_name(parts.next().ok_or(KeyError::NotCanonical)?)?;
        let (mut last, mut labels) = ("", 0);
        while !parts.0.is_empty() {
            let (Some(key), Some(value)) = (parts.next(), parts.next()) else {
                return Err(KeyError::NotCanonical);
            };
            check_label(key, value)?;
            labels += 1;
            if labels > limits::LABELS {
                return Err(KeyError::TooManyLabels);
            }
            if key == last {
                return Err(KeyError::DuplicateLabel(key.to_owned()));
            }
            if key < last || value.is_empty() {
                return Err(KeyError::NotCanonical);
            }
            last = key;
        }
        Ok(Self(bytes))
    }

    /// The canonical bytes.
    #[must_use]
    pub fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// The part of the canonical bytes behind the name: the same for two series exactly if their labels are.
    #[must_use]
    pub fn label_bytes(self) -> &'a [u8] {
        split_name(self.0).map_or(&[], |(_, labels)| labels)
    }

    /// xxh3-128 of the canonical bytes: the identity that tables are keyed by.
    #[must_use]
    pub fn identity(self) -> u128 {
        xxh3_128(self.0)
    }

    /// The metric's name.
    #[must_use]
    pub fn name(self) -> &'a str {
        Parts(self.0).next().unwrap_or_default()
    }

    /// The same as bytes, which are not validated again.
    #[must_use]
    pub fn name_bytes(self) -> &'a [u8] {
        split_name(self.0).map_or(&[], |(name, _)| name)
    }

    /// The labels beside the name, ascending by key.
    pub fn labels(self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let mut parts = Parts(self.label_bytes());
        std::iter::from_fn(move || Some((parts.next()?, parts.next()?)))
    }

    /// The same as bytes, which are UTF-8: for who compares or hashes them and has no time to have that shown.
    pub fn label_pairs(self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        let mut parts = Raw(self.label_bytes());
        std::iter::from_fn(move || Some((parts.next()?, parts.next()?)))
    }

    /// The same with bytes of its own.
    #[must_use]
    pub fn to_key(self) -> SeriesKey {
        SeriesKey(self.0.into())
    }
}

impl std::fmt::Debug for KeyRef<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "KeyRef({})", self.to_key())
    }
}

/// Name and labels, as bytes; `None` for what is no key.
pub(super) fn split_name(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_le_bytes(*length)))
}

/// The texts of canonical bytes as bytes: what an order needs, and nothing is validated again.
pub(super) struct Raw<'a>(pub(super) &'a [u8]);

impl<'a> Iterator for Raw<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        let (text, rest) = split_name(self.0)?;
        self.0 = rest;
        Some(text)
    }
}

/// The texts of canonical bytes, one after the other; ends early on bytes that are not.
struct Parts<'a>(&'a [u8]);

impl<'a> Iterator for Parts<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let (text, rest) = split_name(self.0)?;
        let text = std::str::from_utf8(text).ok()?;
        self.0 = rest;
        Some(text)
    }
}
