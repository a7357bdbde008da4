//! From keys to series: sizes, relabelling and collapsed labels first, then what exists, and the guard for the rest.
//! Only names that are new to a connection come this way, and only series that do not exist pay for the guard.

use weir_store::{SeriesId, Store};
use weir_wire::{KeyRef, KeyRun, Reject, SeriesKey, limits};

use super::Sender;
use super::guard::{self, Guard, GuardConfig, Verdict};
use super::priority::{Priorities, PriorityConfig};
use super::rates::RateConfig;
use super::relabel::{Relabelled, Rules};

/// What is meant for series, whatever protocol they come by.
#[derive(Debug, Clone, Default)]
pub struct AdmissionConfig {
    pub rules: Rules,
    pub sizes: Sizes,
    pub guard: GuardConfig,
    pub rates: RateConfig,
    pub priorities: PriorityConfig,
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
    pub(super) priorities: Priorities,
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
            priorities: Priorities::new(config.priorities),
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
        if self.is_plain || sender.keys_are_final() {
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

    /// The label that has to be collapsed before such series may be, which are as configuration wants them and are stored
    /// by the gateway in this sender's place; `None` where they may.
    pub(super) fn admit(
        &self,
        store: &Store,
        sender: &Sender,
        keys: &KeyRun,
        now_ms: i64,
    ) -> Result<Option<String>, Reject> {
        let mut label = None;
        let found = store.resolve_many_if(keys, |_, key| {
            match self.judge(store, sender, key, now_ms) {
                Verdict::Take => label.is_none(),
                Verdict::Refuse => false,
                Verdict::Collapse(wide) => {
                    label.get_or_insert(wide);
                    false
                }
            }
        });
        let found = over_limit(found);
        self.priorities.learn(keys, &found);
        match found.into_iter().find_map(Result::err) {
            Some(reason) if label.is_none() => Err(reason),
            _ => Ok(label),
        }
    }

    /// What configuration makes of a key; `None` for the same.
    pub(super) fn rewrite(&self, key: KeyRef<'_>) -> Result<Option<SeriesKey>, Reject> {
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
        let found = self.found(store, sender, keys, now_ms);
        self.priorities.learn(keys, &found);
        found
    }

    fn found(&self, store: &Store, sender: &Sender, keys: &KeyRun, now_ms: i64) -> Vec<Found> {
        if self.guard.is_off() || sender.is_own() {
            return over_limit(store.resolve_many(keys));
        }
        let mut to_collapse = Vec::new();
        let found = store.resolve_many_if(keys, |at, key| {
            match self.judge(store, sender, key, now_ms) {
                Verdict::Take => true,
                Verdict::Refuse => false,
                Verdict::Collapse(label) => {
                    to_collapse.push((at, collapsed(key, &label)));
                    false
                }
            }
        });
        let mut found = over_limit(found);
        for (at, key) in to_collapse {
            found[at] = key.and_then(|key| self.collapse(store, sender, key, now_ms));
        }
        found
    }

    fn judge(&self, store: &Store, sender: &Sender, key: KeyRef<'_>, now_ms: i64) -> Verdict {
        let existing = |metric: &str| store.series_named(metric);
        self.guard.judge(sender.source(), key, now_ms, existing)
    }

    /// The series of a key with one label collapsed, or with as many more as have to be.
    #[cold]
    fn collapse(
        &self,
        store: &Store,
        sender: &Sender,
        mut key: SeriesKey,
        now_ms: i64,
    ) -> Result<SeriesId, Reject> {
        // Each turn collapses one more label.
        for _ in 0..=limits::LABELS {
            if let Some(series) = store.find(&key) {
                return Ok(series);
            }
            key = match self.judge(store, sender, key.borrowed(), now_ms) {
                Verdict::Take => return store.resolve(&key).map_err(|_| Reject::OverLimit),
                Verdict::Refuse => break,
                Verdict::Collapse(label) => collapsed(key.borrowed(), &label)?,
            };
        }
        Err(Reject::OverLimit)
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
