//! Where entries are found: by the text of a line at once, by the series' identity when a text is new. Owns the bound
//! on series and that no two entries ever write one series.

use hashbrown::HashMap;
use weir_wire::statsd::{Metric, Value};
use weir_wire::{Reject, SeriesKey};

use crate::AggregatorConfig;
use crate::entry::Entry;
use crate::names::{Keys, named};
use crate::newcomers::{Admitted, Newcomers};
use crate::texts::{Tag, Texts};

/// Texts remembered for each series that is allowed: the same labels come in few orders from honest clients.
const SPELLINGS_PER_SERIES: usize = 2;

/// Every entry that lives, by slot.
#[derive(Debug, Default)]
pub(crate) struct Table {
    slots: Vec<Option<Entry>>,
    free: Vec<u32>,
    /// Every series of every entry.
    by_key: HashMap<SeriesKey, u32>,
    /// A shortcut; an entry may have none or several.
    by_text: Texts,
    /// Of the metric that was looked for last.
    tag: Option<Tag>,
}

impl Table {
    pub(crate) fn series(&self) -> usize {
        self.by_key.len()
    }

    pub(crate) fn entry(&mut self, slot: u32) -> Option<&mut Entry> {
        self.slots.get_mut(slot as usize)?.as_mut()
    }

    /// The slot of a metric whose text was seen before; none for what goes another way than by its text.
    #[inline]
    pub(crate) fn known(&self, metric: &Metric<'_>) -> Option<u32> {
        match metric.value {
            Value::Counter(by) if by < 0.0 => None,
            _ => self.by_text.find(self.by_text.tag(metric, 0, "")),
        }
    }

    /// Reads of an entry what adding to it will need; the answer is only for the compiler, which else would not.
    #[inline]
    pub(crate) fn touch(&self, slot: u32) -> bool {
        let entry = self.slots.get(slot as usize).and_then(Option::as_ref);
        entry.is_some_and(Entry::touch)
    }

    /// The slot of a metric's entry, made where there is none; `suffix` goes behind its name.
    pub(crate) fn find_or_insert(
        &mut self,
        metric: &Metric<'_>,
        suffix: &str,
        config: &AggregatorConfig,
        newcomers: &mut impl Newcomers,
    ) -> Result<u32, Reject> {
        let tag = self.by_text.tag(metric, 0, suffix);
        self.tag = Some(tag);
        if let Some(slot) = self.by_text.find(tag) {
            return self.of_kind(slot, metric);
        }
        let own = newcomers.rename(named(metric, suffix)?, &metric.value)?;
        let mut keys = Keys::of(&own, metric, &config.labels, newcomers)?;
        // Each turn collapses one more label.
        let slot = loop {
            if let Some(slot) = self.owner(&keys) {
                break self.of_kind(slot, metric)?;
            }
            match self.admit(&keys, config, newcomers)? {
                Admitted::AsTheyAre => break self.insert(keys, metric),
                Admitted::Collapsed { label, value } => {
                    keys = keys.collapsed(&label, value).ok_or(Reject::OverLimit)?;
                }
            }
        };
        if self.by_text.len() < config.max_series.saturating_mul(SPELLINGS_PER_SERIES) {
            self.by_text.insert(tag, slot);
        }
        Ok(slot)
    }

    /// Keeps the entries for which `lives` says so, in the order of their slots.
    pub(crate) fn retain(&mut self, mut lives: impl FnMut(&mut Entry) -> bool) {
        let mut ended = false;
        for slot in 0..self.slots.len() {
            if self.slots[slot].as_mut().is_some_and(|entry| !lives(entry)) {
                self.remove(slot as u32);
                ended = true;
            }
        }
        if ended {
            self.forget_texts();
        }
    }

    /// Takes one entry away.
    pub(crate) fn forget(&mut self, slot: u32) {
        self.remove(slot);
        if let Some(tag) = self.tag {
            self.by_text.remove(tag);
        }
    }

    /// The entry whose own series these keys begin with. A derived series' name (`a_count`) is its timer's, though no
    /// line may write it: that is found on insertion.
    fn owner(&self, keys: &Keys) -> Option<u32> {
        let slot = *self.by_key.get(keys.own())?;
        let entry = self.slots.get(slot as usize)?.as_ref()?;
        (entry.keys.own() == keys.own()).then_some(slot)
    }

    fn of_kind(&self, slot: u32, metric: &Metric<'_>) -> Result<u32, Reject> {
        match self.slots.get(slot as usize).and_then(Option::as_ref) {
            Some(entry) if entry.is_of(&metric.value) => Ok(slot),
            _ => Err(Reject::BadName),
        }
    }

    fn admit(
        &self,
        keys: &Keys,
        config: &AggregatorConfig,
        newcomers: &mut impl Newcomers,
    ) -> Result<Admitted, Reject> {
        if keys.collide() || keys.iter().any(|key| self.by_key.contains_key(key)) {
            return Err(Reject::BadName);
        }
        if self.by_key.len() + keys.iter().count() > config.max_series {
            return Err(Reject::OverLimit);
        }
        newcomers.admit(&mut keys.wanted())
    }

    fn insert(&mut self, keys: Keys, metric: &Metric<'_>) -> u32 {
        let slot = self.free.pop().unwrap_or(self.slots.len() as u32);
        for key in keys.iter() {
            self.by_key.insert(key.clone(), slot);
        }
        let entry = Some(Entry::new(keys, &metric.value));
        match self.slots.get_mut(slot as usize) {
            Some(place) => *place = entry,
            None => self.slots.push(entry),
        }
        slot
    }

    fn remove(&mut self, slot: u32) {
        let entry = self.slots.get_mut(slot as usize).and_then(Option::take);
        if let Some(entry) = entry {
            for key in entry.keys.iter() {
                self.by_key.remove(key);
            }
            self.free.push(slot);
        }
    }

    /// Forgets what texts stood for: each is named again.
    pub(crate) fn forget_names(&mut self) {
        self.by_text.clear();
    }

    fn forget_texts(&mut self) {
        let slots = &self.slots;
        self.by_text
            .retain(|slot| slots.get(slot as usize).is_some_and(Option::is_some));
    }
}
