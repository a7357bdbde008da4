//! The series that a metric makes: its own name and, for a timer, the names derived from it. Owns the rule by which
//! labels of the metric go before those of the configuration.

use weir_wire::statsd::{Metric, Value};
use weir_wire::{KeyError, NAME_LABEL, Reject, SeriesKey};

/// Quantiles of a timer, with the suffix of their series.
pub(crate) const QUANTILES: [(&str, f64); 4] =
    [("_p50", 0.5), ("_p90", 0.9), ("_p95", 0.95), ("_p99", 0.99)];

/// A timer's series.
#[derive(Debug)]
pub(crate) struct TimerKeys {
    pub(crate) values: SeriesKey,
    pub(crate) count: SeriesKey,
    pub(crate) sum: SeriesKey,
    pub(crate) min: SeriesKey,
    pub(crate) max: SeriesKey,
    /// In the order of [`QUANTILES`].
    pub(crate) quantiles: Vec<SeriesKey>,
}

/// Every series of one entry.
#[derive(Debug)]
pub(crate) enum Keys {
    One(SeriesKey),
    Timer(Box<TimerKeys>),
}

impl Keys {
    /// # Errors
    /// Whatever keeps the name and the labels from being a series.
    pub(crate) fn of(metric: &Metric<'_>, labels: &[(String, String)]) -> Result<Self, Reject> {
        let key = |suffix: &str| key(metric, suffix, labels);
        let Value::Timer(_) = metric.value else {
            return Ok(Keys::One(key("")?));
        };
        let quantiles = QUANTILES.iter().map(|(suffix, _)| key(suffix));
        Ok(Keys::Timer(Box::new(TimerKeys {
            values: key("")?,
            count: key("_count")?,
            sum: key("_sum")?,
            min: key("_min")?,
            max: key("_max")?,
            quantiles: quantiles.collect::<Result<_, _>>()?,
        })))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &SeriesKey> {
        let (own, derived) = match self {
            Keys::One(key) => (key, None),
            Keys::Timer(keys) => (&keys.values, Some(keys)),
        };
        std::iter::once(own).chain(derived.into_iter().flat_map(|keys| keys.derived()))
    }
}

impl TimerKeys {
    /// All but the distribution itself.
    pub(crate) fn derived(&self) -> impl Iterator<Item = &SeriesKey> {
        [&self.count, &self.sum, &self.min, &self.max]
            .into_iter()
            .chain(&self.quantiles)
    }
}

fn key(
    metric: &Metric<'_>,
    suffix: &str,
    labels: &[(String, String)],
) -> Result<SeriesKey, Reject> {
    let mut pairs: Vec<(&str, &str)> = metric.tags.iter().collect();
    if pairs.iter().any(|(key, _)| *key == NAME_LABEL) {
        return Err(Reject::BadLabels);
    }
    // Clients repeat their constant tags; only two values for one name contradict each other.
    pairs.sort_unstable();
    pairs.dedup();
    for (key, value) in labels {
        if !pairs.iter().any(|(own, _)| own == key) {
            pairs.push((key, value));
        }
    }
    let name = format!("{}{suffix}", metric.name);
    SeriesKey::new(&name, pairs).map_err(|error| match error {
        KeyError::EmptyName | KeyError::LongName => Reject::BadName,
        _ => Reject::BadLabels,
    })
}
