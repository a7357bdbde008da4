//! What the aggregator asks of the house before it keeps a new series: mapping rules say its name, and admission whether
//! the one who sent it may have it.

use weir_aggregate::Newcomers;
use weir_wire::mapping::Kind;
use weir_wire::statsd::Value;
use weir_wire::{KeyRun, Reject, SeriesKey};

use crate::admission::{Admission, Sender};

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

    /// Relabelling may drop some of a timer's series, but not all.
    fn admit(&mut self, keys: &mut dyn Iterator<Item = &SeriesKey>) -> Result<(), Reject> {
        let mut run = KeyRun::default();
        for key in keys {
            match self.is_graphite {
                true => match self.admission.mapper().map(key.clone(), None) {
                    Ok(key) => run.push(key.borrowed()),
                    Err(Reject::Unwanted) => {}
                    Err(reason) => return Err(reason),
                },
                false => run.push(key.borrowed()),
            }
        }
        let mut is_wanted = false;
        for found in self.admission.resolve_many(self.sender, &run) {
            match found {
                Ok(_) => is_wanted = true,
                Err(Reject::Unwanted) => {}
                Err(reason) => return Err(reason),
            }
        }
        match is_wanted {
            true => Ok(()),
            false => Err(Reject::Unwanted),
        }
    }
}
