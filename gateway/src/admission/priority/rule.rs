//! The rules that give classes.

use weir_wire::{Class, Fit, KeyRef, Matcher};

/// Gives a class to what a source sends, or to series that its matchers take.
#[derive(Debug, Clone)]
pub struct Rule {
    pub class: Class,
    /// By the ledger's name.
    pub source: Option<String>,
    matchers: Vec<Fit>,
}

impl Rule {
    #[must_use]
    pub fn of_source(class: Class, source: String) -> Self {
        Self {
            class,
            source: Some(source),
            matchers: Vec::new(),
        }
    }

    /// # Errors
    /// The regular expression that is none.
    pub fn of_series(class: Class, matchers: &[Matcher]) -> Result<Self, String> {
        let matchers = matchers.iter().map(Fit::new);
        Ok(Self {
            class,
            source: None,
            matchers: matchers.collect::<Result<_, _>>()?,
        })
    }

    pub(super) fn fits(&self, key: KeyRef<'_>) -> bool {
        self.matchers.iter().all(|fit| fit.takes(key))
    }
}
