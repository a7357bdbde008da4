//! Many series' keys in one run of bytes, so that a batch of new series costs two allocations, not one a series. What
//! is in a run was checked; the labels of a host's series are checked once, since they stand in each key alike.

use super::borrowed::split_name;
use super::{KeyError, KeyRef, check_name, limits, push};

/// Keys in the order they were put in.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct KeyRun {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl KeyRun {
    /// With room for so many keys of so many bytes in all.
    #[must_use]
    pub fn with_capacity(keys: usize, bytes: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(bytes),
            ends: Vec::with_capacity(keys),
        }
    }

    pub fn push(&mut self, key: KeyRef<'_>) {
        self.bytes.extend_from_slice(key.as_bytes());
        self.ends.push(self.bytes.len());
    }

    /// Checks canonical bytes and takes them.
    ///
    /// # Errors
    /// As [`KeyRef::from_bytes`]; nothing is taken then.
    pub fn push_bytes(&mut self, bytes: &[u8]) -> Result<(), KeyError> {
        match (split_name(bytes), self.last()) {
            (Some((name, labels)), Some(last))
                if labels == last.label_bytes() && bytes.len() <= limits::KEY_BYTES =>
            {
                check_name(std::str::from_utf8(name).map_err(|_| KeyError::NotCanonical)?)?;
            }
            _ => {
                KeyRef::from_bytes(bytes)?;
            }
        }
        self.push(KeyRef(bytes));
        Ok(())
    }

    /// Takes a name with the labels of the key before; with none where there is no key before.
    ///
    /// # Errors
    /// An empty or oversized name, a key that is too long in all; nothing is taken then.
    pub fn push_sibling(&mut self, name: &str) -> Result<(), KeyError> {
        check_name(name)?;
        let labels = self.last().map_or(0, |last| last.label_bytes().len());
        if 2 + name.len() + labels > limits::KEY_BYTES {
            return Err(KeyError::LongKey);
        }
        let end = self.bytes.len();
        push(&mut self.bytes, name);
        self.bytes.extend_from_within(end - labels..end);
        self.ends.push(self.bytes.len());
        Ok(())
    }

    #[must_use]
    pub fn get(&self, at: usize) -> Option<KeyRef<'_>> {
        let start = at
            .checked_sub(1)
            .map_or(Some(0), |before| self.ends.get(before).copied())?;
        Some(KeyRef(&self.bytes[start..*self.ends.get(at)?]))
    }

    /// The key that was put in last.
    #[must_use]
    pub fn last(&self) -> Option<KeyRef<'_>> {
        self.get(self.len().checked_sub(1)?)
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = KeyRef<'_>> {
        let mut start = 0;
        self.ends.iter().map(move |end| {
            let key = KeyRef(&self.bytes[start..*end]);
            start = *end;
            key
        })
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Empties it; the room stays.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }
}

impl<'a> FromIterator<&'a super::SeriesKey> for KeyRun {
    fn from_iter<I: IntoIterator<Item = &'a super::SeriesKey>>(keys: I) -> Self {
        let mut run = Self::default();
        keys.into_iter().for_each(|key| run.push(key.borrowed()));
        run
    }
}
