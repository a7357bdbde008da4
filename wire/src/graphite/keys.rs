//! The keys of many identities that were never seen: a host's lines follow each other, so labels that stand as they did
//! in the line before are not read again.

use super::series_key;
use crate::{KeyError, KeyRun, Reject, SeriesKey};

/// Keys in the order of their identities.
#[derive(Debug, Default)]
pub struct Keys {
    run: KeyRun,
    /// All behind the name, as it stood in the identity of the run's last key.
    labels: Vec<u8>,
}

impl Keys {
    /// Takes what [`super::Line::identity`] says.
    ///
    /// # Errors
    /// As [`series_key`]; nothing is taken then.
    pub fn push(&mut self, identity: &[u8]) -> Result<(), Reject> {
        let behind = |byte: &u8| matches!(byte, b' ' | b';');
        let name_bytes = identity.iter().position(behind).unwrap_or(identity.len());
        let (name, labels) = identity.split_at(name_bytes);
        if labels == self.labels {
            let name = std::str::from_utf8(name).map_err(|_| Reject::BadText)?;
            if name.chars().any(char::is_control) {
                return Err(Reject::BadText);
            }
            return self.run.push_sibling(name).map_err(|error| match error {
                KeyError::EmptyName | KeyError::LongName => Reject::BadName,
                _ => Reject::BadLabels,
            });
        }
        self.run.push(series_key(identity)?.borrowed());
        self.labels.clear();
        self.labels.extend_from_slice(labels);
        Ok(())
    }

    /// Takes a key that was read some other way.
    pub fn push_key(&mut self, key: &SeriesKey) {
        self.run.push(key.borrowed());
        self.labels.clear();
        // What no identity has.
        self.labels.push(0);
    }

    #[must_use]
    pub fn run(&self) -> &KeyRun {
        &self.run
    }

    /// Empties it; the room stays.
    pub fn clear(&mut self) {
        self.run.clear();
        self.labels.clear();
    }
}
