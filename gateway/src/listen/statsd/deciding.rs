//! What the aggregator asks of the house before it keeps a new series: mapping rules say its name, relabelling what becomes
//! of it, and the guard whether the one who sent it may have it.

use weir_aggregate::{Admitted, Newcomers};
use weir_wire::mapping::Kind;
use weir_wire::statsd::Value;
use weir_wire::{KeyRun, Reject, SeriesKey};

use crate::admission::{Admission, OTHER, Sender};

pub(super) struct Deciding<'a> {
    pub(super) admission: &'a Admission,
    pub(super) sender: &'a Sender,
    /// Names are Graphite's: they are mapped when they are stored.
    pub(super) is_graphite: bool,
}

impl Newcomers for Deciding<'_> {
    fn rename(&mut self, key: SeriesKey, value: &Value<'_>) -> Result<SeriesKey, Reject> {
        let kind = match value {
            Value::Counter(_) => Some(Kind::Counter),
            Value::GaugeSet(_) | Value::GaugeDelta(_) => Some(Kind::Gauge),
            Value::Timer(_) => Some(Kind::Observer),
            Value::Set(_) => None,
        };
        self.admission.mapper().map(key, kind)
    }

    /// Graphite's paths are rewritten when they are stored.
    fn rewrite(&mut self, key: SeriesKey) -> Result<SeriesKey, Reject> {
        match self.is_graphite {
            true => Ok(key),
            false => self.admission.rewrite(key),
        }
    }

    fn admit(&mut self, keys: &mut dyn Iterator<Item = &SeriesKey>) -> Result<Admitted, Reject> {
        let mut run = KeyRun::default();
        for key in keys {
            match self.stored(key) {
                Ok(key) => run.push(key.borrowed()),
                // Rules may drop some of a timer's paths, but not all.
                Err(Reject::Unwanted) => {}
                Err(reason) => return Err(reason),
            };
        }
        if run.is_empty() {
            return Err(Reject::Unwanted);
        }
        let label = self.admission.admit(self.sender, &run)?;
        Ok(match label {
            None => Admitted::AsTheyAre,
            Some(label) => Admitted::Collapsed {
                label,
                value: OTHER,
            },
        })
    }
}

impl Deciding<'_> {
    /// What a series of an interval is called in the store.
    fn stored(&self, key: &SeriesKey) -> Result<SeriesKey, Reject> {
        match self.is_graphite {
            true => {
                let mapped = self.admission.mapper().map(key.clone(), None)?;
                self.admission.rewrite(mapped)
            }
            false => Ok(key.clone()),
        }
    }
}
