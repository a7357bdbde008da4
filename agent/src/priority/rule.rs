//! A rule: a selector as in PromQL, and the class of what it takes.

use weir_wire::{Class, Fit, KeyRef};

use super::selector;

/// Gives a class to the series that its selector takes.
#[derive(Debug, Clone)]
pub struct Rule {
    pub class: Class,
    matchers: Vec<Fit>,
}

impl Rule {
    /// # Errors
    /// Where the selector is none, and what would be one.
    pub fn new(class: Class, selector: &str) -> Result<Self, String> {
        let matchers = selector::parse(selector)?;
        let matchers = matchers.iter().map(Fit::new).collect::<Result<_, _>>()?;
        Ok(Self { class, matchers })
    }

    pub(super) fn fits(&self, key: KeyRef<'_>) -> bool {
        self.matchers.iter().all(|fit| fit.takes(key))
    }
}
