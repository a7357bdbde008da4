//! The sender's side of a session's dictionary: each series is spelled out once, then named by a small number.

use std::collections::HashMap;

use crate::SeriesKey;

/// Ids of one session; a new session starts a new one.
#[derive(Debug, Default)]
pub struct Dictionary(HashMap<SeriesKey, u32>);

impl Dictionary {
    /// The id of a series, and whether it is new and so must go into this batch's `new_series`.
    pub fn id(&mut self, key: &SeriesKey) -> (u32, bool) {
        if let Some(id) = self.0.get(key) {
            return (*id, false);
        }
        let id = self.0.len() as u32;
        self.0.insert(key.clone(), id);
        (id, true)
    }

    /// Series known so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
