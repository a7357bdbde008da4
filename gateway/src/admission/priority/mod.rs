//! What matters more: under overload points of the lowest class are let go first, and what is critical stays. Without
//! rules everything is normal and nothing is let go. Knows no store: is told how full it is.

mod pressure;
mod rule;
#[cfg(test)]
mod tests;

pub use rule::Rule;
pub use weir_wire::Class;

use parking_lot::RwLock;
use roaring::RoaringBitmap;
use weir_store::{Points, SeriesId};
use weir_wire::{KeyRef, KeyRun, Reject};

pub(super) use pressure::Pressure;

/// Which class a series or source is of, and when the store is overloaded.
#[derive(Debug, Clone, Default)]
pub struct PriorityConfig {
    /// The first that fits holds; without any it is normal.
    pub rules: Vec<Rule>,
    /// Of `store.max_head`, from where on low goes, and normal.
    pub low_percent: u64,
    pub normal_percent: u64,
    /// How long writes wait for a place in the journal's queue when low goes, and normal.
    pub low_busy_ms: u64,
    pub normal_busy_ms: u64,
    pub max_head_bytes: u64,
}

/// One a gateway.
#[derive(Debug, Default)]
pub(super) struct Priorities {
    config: PriorityConfig,
    pub(super) pressure: Pressure,
    /// Series that are not normal, by their numbers.
    series: RwLock<Classes>,
}

#[derive(Debug, Default)]
struct Classes {
    low: RoaringBitmap,
    critical: RoaringBitmap,
}

impl Priorities {
    pub(super) fn new(config: PriorityConfig) -> Self {
        Self {
            config,
            ..Self::default()
        }
    }

    pub(super) fn is_off(&self) -> bool {
        self.config.rules.is_empty()
    }

    /// How much the head holds now.
    pub(super) fn set_head(&self, used_bytes: u64) {
        self.pressure
            .set_head(used_bytes, self.config.max_head_bytes);
    }

    /// The class of everything that a source sends, if there is one.
    pub(super) fn of_source(&self, source: &str) -> Option<Class> {
        let rules = self.config.rules.iter();
        let mut named = rules.filter(|rule| rule.source.as_deref() == Some(source));
        named.next().map(|rule| rule.class)
    }

    /// Remembers the classes of series that were just resolved.
    pub(super) fn learn(&self, keys: &KeyRun, found: &[Result<SeriesId, Reject>]) {
        if self.config.rules.is_empty() {
            return;
        }
        let mut series = self.series.write();
        for (key, found) in keys.iter().zip(found) {
            let Ok(id) = found else { continue };
            match self.of_key(key) {
                Class::Low => series.low.insert(id.number()),
                Class::Critical => series.critical.insert(id.number()),
                Class::Normal => false,
            };
        }
    }

    fn of_key(&self, key: KeyRef<'_>) -> Class {
        let rules = self.config.rules.iter();
        let mut fitting = rules.filter(|rule| rule.source.is_none() && rule.fits(key));
        fitting.next().map_or(Class::Normal, |rule| rule.class)
    }

    /// The lowest class that is taken now.
    pub(super) fn floor(&self) -> Class {
        if self.config.rules.is_empty() {
            return Class::Low;
        }
        let (percent, busy_ms) = (self.pressure.head_percent(), self.pressure.busy_ms());
        let config = &self.config;
        if percent >= config.normal_percent || busy_ms >= config.normal_busy_ms {
            Class::Critical
        } else if percent >= config.low_percent || busy_ms >= config.low_busy_ms {
            Class::Normal
        } else {
            Class::Low
        }
    }

    /// Takes out what is of a lower class than this, and says how many. The source's class goes before the series'.
    pub(super) fn shed(&self, floor: Class, source: Option<Class>, points: &mut Points) -> u64 {
        let before = points.len();
        match source {
            _ if floor == Class::Low => {}
            Some(class) if class < floor => *points = Points::default(),
            Some(_) => {}
            None => {
                let series = self.series.read();
                points.retain_samples(|id, _, _| series.of(id) >= floor);
            }
        }
        (before - points.len()) as u64
    }
}

impl Classes {
    fn of(&self, id: SeriesId) -> Class {
        if self.critical.contains(id.number()) {
            Class::Critical
        } else if self.low.contains(id.number()) {
            Class::Low
        } else {
            Class::Normal
        }
    }
}
