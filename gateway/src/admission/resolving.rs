//! From keys to series: sizes, relabelling and collapsed labels first, then what exists, and the guard for the rest.
//! Only names that are new to a connection come this way, and only series that do not exist pay for the guard.

use weir_store::{SeriesId, Store};
use weir_wire::{KeyRef, KeyRun, Reject, SeriesKey, limits};

use super::Sender;
use super::guard::{self, Guard, GuardConfig, Verdict};
use super::relabel::{Relabelled, Rules};

/// What is meant for series, whatever protocol they come by.
#[derive(Debug, Clone, Default)]
pub struct AdmissionConfig {
    pub rules: Rules,
    pub sizes: Sizes,
    pub guard: GuardConfig,
}

/// Bounds on a series' name and labels, at most those of the format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sizes {
    pub labels: usize,
    pub name_bytes: usize,
    pub label_name_bytes: usize,
    pub label_value_bytes: usize,
}

impl Default for Sizes {
    fn default() -> Self {
        Self {
            labels: limits::LABELS,
            name_bytes: limits::NAME_BYTES,
            label_name_bytes: limits::LABEL_NAME_BYTES,
            label_value_bytes: limits::LABEL_VALUE_BYTES,
        }
    }
}

impl Sizes {
    fn check(&self, key: KeyRef<'_>) -> Result<(), Reject> {
        if key.name_bytes().len() > self.name_bytes {
            return Err(Reject::BadName);
        }
        let mut labels = 0;
        for (name, value) in key.labels() {
            labels += 1;
            let fits = name.len() <= self.label_name_bytes && value.len() <= self.label_value_bytes;
            if !fits || labels > self.labels {
                return Err(Reject::BadLabels);
            }
        }
        Ok(())
    }
}

/// Applies an [`AdmissionConfig`].
#[derive(Debug, Default)]
pub(super) struct Resolving {
    rules: Rules,
    sizes: Sizes,
    pub(super) guard: Guard,
    /// Keys go as they are.
    is_plain: bool,
}

type Found = Result<SeriesId, Reject>;

impl Resolving {
    pub(super) fn new(config: AdmissionConfig) -> Self {
        let is_plain = config.rules.is_empty()
            && config.sizes == Sizes::default()
            && config.guard.collapsed.is_empty();
        Self {
            rules: config.rules,
            sizes: config.sizes,
            guard: Guard::new(config.guard),
            is_plain,
        }
    }

    /// The number of each key, in their order.
    pub(super) fn resolve(
        &self,
        store: &Store,
        sender: &Sender,
        keys: &KeyRun,
        now_ms: i64,
    ) -> Vec<Found> {
        if self.is_plain || sender.is_own() {
            return self.guarded(store, sender, keys, now_ms);
        }
        let (mut rewritten, mut places) = (KeyRun::default(), Vec::with_capacity(keys.len()));
        for key in keys.iter() {
            places.push(self.rewrite(key).map(|new| match new {
                None => rewritten.push(key),
                Some(new) => rewritten.push(new.borrowed()),
            }));
        }
        let mut found = self.guarded(store, sender, &rewritten, now_ms).into_iter();
        let each = places.into_iter();
        each.map(|place| place.and_then(|()| found.next().unwrap_or(Err(Reject::OverLimit))))
            .collect()
    }

    /// What configuration makes of a key; `None` for the same.
    fn rewrite(&self, key: KeyRef<'_>) -> Result<Option<SeriesKey>, Reject> {
        let mut new = match self.rules.apply(key) {
            Relabelled::Same => None,
            Relabelled::Changed(new) => Some(new),
            Relabelled::Refused(reason) => return Err(reason),
        };
        loop {
            let current = new.as_ref().map_or(key, SeriesKey::borrowed);
            let Some(label) = self.guard.collapsed_label(current) else {
                self.sizes.check(current)?;
                return Ok(new);
            };
            new = Some(collapsed(current, label)?);
        }
    }

    fn guarded(&self, store: &Store, sender: &Sender, keys: &KeyRun, now_ms: i64) -> Vec<Found> {
        if self.guard.is_off() || sender.is_own() {
            return over_limit(store.resolve_many(keys));
        }
        let mut found = over_limit(store.find_many(keys));
        let mut wanted = KeyRun::default();
        let mut places = Vec::new();
        for (at, key) in keys.iter().enumerate() {
            if found[at].is_err() && self.judge(store, sender, key, now_ms, &mut wanted) {
                places.push(at);
            }
        }
        let made = over_limit(store.resolve_many(&wanted));
        for (at, one) in places.into_iter().zip(made) {
            found[at] = one;
        }
        found
    }

    /// Puts a series that may be made to the wanted, as it is or with labels collapsed.
    fn judge(
        &self,
        store: &Store,
        sender: &Sender,
        key: KeyRef<'_>,
        now_ms: i64,
        wanted: &mut KeyRun,
    ) -> bool {
        let mut current = key.to_key();
        // Each turn collapses one more label.
        for _ in 0..=limits::LABELS {
            let existing = |metric: &str| store.series_named(metric);
            let borrowed = current.borrowed();
            match self
                .guard
                .judge(sender.source(), borrowed, now_ms, existing)
            {
                Verdict::Take => {
                    wanted.push(borrowed);
                    return true;
                }
                Verdict::Refuse => return false,
                Verdict::Collapse(label) => {
                    let Ok(new) = collapsed(borrowed, &label) else {
                        return false;
                    };
                    if store.find(&new).is_some() {
                        wanted.push(new.borrowed());
                        return true;
                    }
                    current = new;
                }
            }
        }
        false
    }
}

/// The key with one label's value replaced by `other`.
fn collapsed(key: KeyRef<'_>, label: &str) -> Result<SeriesKey, Reject> {
    let labels = key.labels().map(|(name, value)| match name == label {
        true => (name, guard::OTHER),
        false => (name, value),
    });
    SeriesKey::new(key.name(), labels).map_err(|_| Reject::BadLabels)
}

fn over_limit(found: Vec<Option<SeriesId>>) -> Vec<Found> {
    let each = found.into_iter();
    each.map(|one| one.ok_or(Reject::OverLimit)).collect()
}
