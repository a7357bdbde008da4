//! The labels of a result: sorted pairs that, unlike a stored series' key, may lack a name. Cheap to clone.

use std::fmt;
use std::sync::Arc;

use weir_wire::{NAME_LABEL, SeriesKey};

type Pair = (Arc<str>, Arc<str>);

/// Label pairs ascending by name, `__name__` among them where there is one; no empty values.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Labels(Arc<[Pair]>);

impl Default for Labels {
    fn default() -> Self {
        Self(Arc::from([]))
    }
}

impl Labels {
    /// Sorts; of a repeated name the last counts; empty values are left out.
    #[must_use]
    pub fn new<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let mut labels = Edit(Vec::new());
        for (name, value) in pairs {
            labels.set(name, value);
        }
        labels.done()
    }

    /// A stored series' labels. Neighbours in a sorted list share most texts: those are taken from `before`.
    pub(super) fn of_key(key: &SeriesKey, before: &Labels) -> Self {
        // A label may itself be called `__name__` in hostile data: the name proper wins.
        let labels = key.labels().filter(|(name, _)| *name != NAME_LABEL);
        Self::like(before, Some((NAME_LABEL, key.name())), labels)
    }

    /// Labels ascending by name and, among them, perhaps a name; texts that `before` has in the same place are shared.
    pub(super) fn like<'a>(
        before: &Labels,
        name: Option<(&'a str, &'a str)>,
        labels: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        let text = |place: usize, wanted: &str, part: fn(&Pair) -> &Arc<str>| -> Arc<str> {
            match before.0.get(place).map(part) {
                Some(known) if known.as_ref() == wanted => Arc::clone(known),
                _ => Arc::from(wanted),
            }
        };
        let mut pairs: Vec<(&str, &str)> = labels.collect();
        if let Some(name) = name {
            let at = pairs.partition_point(|(label, _)| *label < NAME_LABEL);
            pairs.insert(at, name);
        }
        let pairs = pairs.iter().enumerate();
        Self(
            pairs
                .map(|(i, (name, value))| (text(i, name, |p| &p.0), text(i, value, |p| &p.1)))
                .collect(),
        )
    }

    /// The pairs, ascending by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of a label; `None` where there is none.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .binary_search_by(|(key, _)| (**key).cmp(name))
            .ok()
            .and_then(|at| self.0.get(at))
            .map(|(_, value)| &**value)
    }

    /// The metric name, or nothing.
    #[must_use]
    pub fn name(&self) -> &str {
        self.get(NAME_LABEL).unwrap_or_default()
    }

    pub(super) fn without_name(&self) -> Self {
        if self.get(NAME_LABEL).is_none() {
            return self.clone();
        }
        self.filter(|name| name != NAME_LABEL)
    }

    /// Only the labels of this list.
    pub(super) fn keep(&self, names: &[String]) -> Self {
        self.filter(|name| names.iter().any(|kept| kept == name))
    }

    /// All but the labels of this list and the name.
    pub(super) fn drop(&self, names: &[String]) -> Self {
        self.filter(|name| name != NAME_LABEL && !names.iter().any(|dropped| dropped == name))
    }

    /// All but the labels of this list; the name stays unless listed.
    pub(super) fn remove(&self, names: &[String]) -> Self {
        if names.is_empty() {
            return self.clone();
        }
        self.filter(|name| !names.iter().any(|dropped| dropped == name))
    }

    pub(super) fn edit(&self) -> Edit {
        Edit(self.0.to_vec())
    }

    fn filter(&self, kept: impl Fn(&str) -> bool) -> Self {
        Self(self.0.iter().filter(|(n, _)| kept(n)).cloned().collect())
    }
}

/// Labels being changed.
pub(super) struct Edit(Vec<Pair>);

impl Edit {
    /// Sets a label; an empty value removes it.
    pub(super) fn set(&mut self, name: &str, value: &str) {
        let found = self.0.binary_search_by(|(key, _)| (**key).cmp(name));
        match (found, value.is_empty()) {
            (Ok(at), true) => drop(self.0.remove(at)),
            (Ok(at), false) => self.0[at].1 = Arc::from(value),
            (Err(_), true) => {}
            (Err(at), false) => self.0.insert(at, (Arc::from(name), Arc::from(value))),
        }
    }

    pub(super) fn done(self) -> Labels {
        Labels(self.0.into())
    }
}

impl fmt::Display for Labels {
    /// `{__name__="up", job="a"}`, the form of Prometheus' error messages.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (i, (name, value)) in self.iter().enumerate() {
            write!(f, "{}{name}={value:?}", if i == 0 { "" } else { ", " })?;
        }
        f.write_str("}")
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
