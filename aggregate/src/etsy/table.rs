//! Where entries are found: by the text of a line at once, by kind and series when a text is new. Owns the bound on series
//! and that no two entries ever write one series.

use hashbrown::{HashMap, HashSet};
use weir_wire::statsd::{Metric, Value};
use weir_wire::{Reject, SeriesKey};

use super::config::EtsyConfig;
use super::entry::{Entry, Names};
use super::names::{self, Kind};
use crate::names::{Labels, named, with_label};
use crate::newcomers::{Admitted, Newcomers};
use crate::texts::{Tag, Texts};

/// Texts remembered for each series that is allowed.
const SPELLINGS_PER_SERIES: usize = 2;

#[derive(Debug, Default)]
pub(super) struct Table {
    slots: Vec<Option<Entry>>,
    free: Vec<u32>,
    by_key: HashMap<(Kind, SeriesKey), u32>,
    by_text: Texts,
    /// Every series of every entry, and those of the aggregator itself.
    written: HashSet<SeriesKey>,
    /// Of the metric that was looked for last.
    tag: Option<Tag>,
}

impl Table {
    /// Series that no metric may write.
    pub(super) fn reserve(&mut self, key: SeriesKey) {
        self.written.insert(key);
    }

    pub(super) fn series(&self) -> usize {
        self.written.len()
    }

    pub(super) fn entry(&mut self, slot: u32) -> Option<&mut Entry> {
        self.slots.get_mut(slot as usize)?.as_mut()
    }

    pub(super) fn find_or_insert(
        &mut self,
        metric: &Metric<'_>,
        config: &EtsyConfig,
        newcomers: &mut impl Newcomers,
    ) -> Result<u32, Reject> {
        let kind = kind(&metric.value);
        let tag = self.by_text.tag(metric, kind as u8, "");
        self.tag = Some(tag);
        if let Some(slot) = self.by_text.find(tag) {
            return Ok(slot);
        }
        let labels = config.labels.beside(metric);
        let mut own = named(metric, "")?;
        // Each turn collapses one more label.
        let slot = loop {
            if let Some(slot) = self.by_key.get(&(kind, own.clone())) {
                break *slot;
            }
            let keys = self.keys(kind, &own, config, &labels)?;
            match newcomers.admit(&mut keys.iter().flatten())? {
                Admitted::AsTheyAre => break self.insert(kind, own, keys, config),
                Admitted::Collapsed { label, value } => {
                    own = with_label(&own, &label, value).ok_or(Reject::OverLimit)?;
                }
            }
        };
        if self.by_text.len() < config.max_series.saturating_mul(SPELLINGS_PER_SERIES) {
            self.by_text.insert(tag, slot);
        }
        Ok(slot)
    }

    /// Keeps the entries for which `lives` says so, in the order of their slots.
    pub(super) fn retain(&mut self, mut lives: impl FnMut(&mut Entry) -> bool) -> usize {
        let mut ended = 0;
        for slot in 0..self.slots.len() {
            if self.slots[slot].as_mut().is_some_and(|entry| !lives(entry)) {
                self.remove(slot as u32);
                ended += 1;
            }
        }
        if ended > 0 {
            let slots = &self.slots;
            self.by_text
                .retain(|slot| slots.get(slot as usize).is_some_and(Option::is_some));
        }
        ended
    }

    /// Takes away the entry that was made last.
    pub(super) fn forget(&mut self, slot: u32) {
        self.remove(slot);
        if let Some(tag) = self.tag {
            self.by_text.remove(tag);
        }
    }

    /// The series of a metric that is new, where there is room and nobody else writes them; `None` for what is not sent.
    fn keys(
        &self,
        kind: Kind,
        own: &SeriesKey,
        config: &EtsyConfig,
        labels: &Labels,
    ) -> Result<Vec<Option<SeriesKey>>, Reject> {
        let all = names::series(kind, own, config, labels)?;
        let is_sent: Vec<bool> = match kind {
            Kind::Timer => {
                let figures = names::figures(own.name(), config);
                figures
                    .iter()
                    .map(|figure| names::is_sent(figure, config))
                    .collect()
            }
            _ => vec![true; all.len()],
        };
        let sent = all.into_iter().zip(is_sent);
        let keys: Vec<Option<SeriesKey>> = sent.map(|(key, sent)| sent.then_some(key)).collect();
        if keys.iter().flatten().any(|key| self.written.contains(key)) {
            return Err(Reject::BadName);
        }
        if self.written.len() + keys.iter().flatten().count() > config.max_series {
            return Err(Reject::OverLimit);
        }
        Ok(keys)
    }

    fn insert(
        &mut self,
        kind: Kind,
        own: SeriesKey,
        keys: Vec<Option<SeriesKey>>,
        config: &EtsyConfig,
    ) -> u32 {
        let bins = match kind {
            Kind::Timer => names::bins(own.name(), config).to_vec(),
            _ => Vec::new(),
        };
        self.written.extend(keys.iter().flatten().cloned());
        let slot = self.free.pop().unwrap_or(self.slots.len() as u32);
        self.by_key.insert((kind, own.clone()), slot);
        let place = Some(Entry::new(Names {
            kind,
            own,
            keys,
            bins,
        }));
        match self.slots.get_mut(slot as usize) {
            Some(free) => *free = place,
            None => self.slots.push(place),
        }
        slot
    }

    fn remove(&mut self, slot: u32) {
        let entry = self.slots.get_mut(slot as usize).and_then(Option::take);
        if let Some(Entry { names, .. }) = entry {
            self.by_key.remove(&(names.kind, names.own.clone()));
            for key in names.keys.iter().flatten() {
                self.written.remove(key);
            }
            self.free.push(slot);
        }
    }
}

fn kind(value: &Value<'_>) -> Kind {
    match value {
        Value::Counter(_) => Kind::Counter,
        Value::GaugeSet(_) | Value::GaugeDelta(_) => Kind::Gauge,
        Value::Timer(_) => Kind::Timer,
        Value::Set(_) => Kind::Set,
    }
}
