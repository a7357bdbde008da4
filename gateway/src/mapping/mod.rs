//! The mapping rules that are in force, for every protocol whose names are dotted paths. Owns when they are read, and
//! a number that changes when they do, so that whoever remembers what names became forgets it.

mod command;
mod document;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::RwLock;
use weir_wire::mapping::{Kind, Mapped, Mappings};
use weir_wire::{Reject, SeriesKey};

use crate::rule_file::{self, FileError};

pub(crate) use command::{MapCommand, run};

/// Rules, and where in their file each stands.
#[derive(Debug, Default)]
pub(crate) struct MappingFile {
    pub(crate) mappings: Mappings,
    /// `file:line:column`, in the rules' order.
    pub(crate) places: Vec<String>,
}

impl MappingFile {
    /// # Errors
    /// What cannot be read or meant, with its line and column.
    pub(crate) fn load(file: &Path) -> Result<Self, FileError> {
        let text = rule_file::read(file)?;
        document::mappings(&file.display().to_string(), &text)
    }
}

/// Cheap to clone; one for all listeners.
#[derive(Clone, Default)]
pub struct Mapper(Arc<Inner>);

#[derive(Default)]
struct Inner {
    file: Option<PathBuf>,
    rules: RwLock<Arc<MappingFile>>,
    generation: AtomicU64,
}

impl Mapper {
    /// Without a file nothing is mapped.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub(crate) fn open(file: Option<PathBuf>) -> Result<Self, FileError> {
        let mapper = Self(Arc::new(Inner {
            file,
            ..Inner::default()
        }));
        let rules = mapper.read()?;
        mapper.take(rules);
        Ok(mapper)
    }

    /// Reads the file as it is now; changes nothing.
    pub(crate) fn read(&self) -> Result<MappingFile, FileError> {
        match &self.0.file {
            Some(file) => MappingFile::load(file),
            None => Ok(MappingFile::default()),
        }
    }

    /// Puts rules into force.
    pub(crate) fn take(&self, rules: MappingFile) {
        *self.0.rules.write() = Arc::new(rules);
        // After the rules: whoever sees the new number finds the new rules.
        self.0.generation.fetch_add(1, Ordering::Release);
    }

    /// Changes when the rules did.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.0.generation.load(Ordering::Acquire)
    }

    /// Whether there are no rules.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.rules.read().mappings.is_empty()
    }

    /// The series that a dotted path stands for.
    ///
    /// # Errors
    /// [`Reject::Unwanted`] for one that a rule drops; else as of [`Mappings::map`].
    pub fn map(&self, key: SeriesKey, kind: Option<Kind>) -> Result<SeriesKey, Reject> {
        let rules = Arc::clone(&self.0.rules.read());
        if rules.mappings.is_empty() {
            return Ok(key);
        }
        match rules.mappings.map(&key, kind)? {
            Mapped::Unchanged => Ok(key),
            Mapped::Key { key, .. } => Ok(key),
            Mapped::Dropped { .. } => Err(Reject::Unwanted),
        }
    }
}
