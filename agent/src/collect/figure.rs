//! One figure of the host: a name, its own labels and a value. It knows no host and no time.

use std::borrow::Cow;

/// A measured value; counters are totals since the start of the kernel.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    pub name: Cow<'static, str>,
    /// Without `host`; the caller adds that.
    pub labels: Vec<(&'static str, String)>,
    pub value: f64,
}

impl Figure {
    pub(super) fn new(name: impl Into<Cow<'static, str>>, value: f64) -> Self {
        Self {
            name: name.into(),
            labels: Vec::new(),
            value,
        }
    }

    pub(super) fn labelled(
        name: impl Into<Cow<'static, str>>,
        labels: &[(&'static str, &str)],
        value: f64,
    ) -> Self {
        Self {
            name: name.into(),
            labels: labels
                .iter()
                .map(|(name, value)| (*name, (*value).to_owned()))
                .collect(),
            value,
        }
    }
}

/// As one line of the exposition format without escapes, for the eyes of tests.
#[cfg(test)]
impl std::fmt::Display for Figure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut labels: Vec<String> = self
            .labels
            .iter()
            .map(|(name, value)| format!("{name}={value:?}"))
            .collect();
        labels.sort();
        match labels.is_empty() {
            true => write!(f, "{} {}", self.name, self.value),
            false => write!(f, "{}{{{}}} {}", self.name, labels.join(","), self.value),
        }
    }
}

#[cfg(test)]
pub(super) fn lines(figures: &[Figure]) -> Vec<String> {
    figures.iter().map(Figure::to_string).collect()
}
