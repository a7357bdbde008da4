//! The series that a metric makes: its own name and, for a timer, the names derived from it. Owns the rule by which
//! labels of the metric go before those of the configuration, and the origin's before both.

use std::sync::Arc;

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
    Timer(Arc<TimerKeys>),
}

impl Keys {
    /// Those that are derived from `own`, the metric's own series as [`named`] and renamed.
    ///
    /// # Errors
    /// Whatever keeps a name and the labels from being a series.
    pub(crate) fn of(
        own: &SeriesKey,
        metric: &Metric<'_>,
        labels: &Labels,
    ) -> Result<Self, Reject> {
        let labels = labels.beside(metric);
        let key = |suffix: &str| labels.put_on(own, suffix);
        let Value::Timer(_) = metric.value else {
            return Ok(Keys::One(key("")?));
        };
        let quantiles = QUANTILES.iter().map(|(suffix, _)| key(suffix));
        Ok(Keys::Timer(Arc::new(TimerKeys {
            values: key("")?,
            count: key("_count")?,
            sum: key("_sum")?,
            min: key("_min")?,
            max: key("_max")?,
            quantiles: quantiles.collect::<Result<_, _>>()?,
        })))
    }

    /// The one that has the metric's name.
    pub(crate) fn own(&self) -> &SeriesKey {
        match self {
            Keys::One(key) => key,
            Keys::Timer(keys) => &keys.values,
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &SeriesKey> {
        let derived = match self {
            Keys::One(_) => None,
            Keys::Timer(keys) => Some(keys),
        };
        std::iter::once(self.own()).chain(derived.into_iter().flat_map(|keys| keys.derived()))
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

/// Labels that are put on every series.
#[derive(Debug, Clone, Default)]
pub struct Labels {
    /// Give way to a metric's own of the same name.
    pub defaults: Vec<(String, String)>,
    /// Who aggregates: takes the place of a metric's own label of that name, so that no two ever write one series.
    pub origin: Option<(String, String)>,
}

impl Labels {
    /// Those that a metric leaves: one that it names with an empty value is not to be there.
    pub(crate) fn beside(&self, metric: &Metric<'_>) -> Self {
        let is_named = |label: &str| metric.tags.iter().any(|(own, _)| own == label);
        let left = self.defaults.iter().filter(|(label, _)| !is_named(label));
        Self {
            defaults: left.cloned().collect(),
            origin: self.origin.clone(),
        }
    }

    /// The series `own` with a suffix behind its name and these labels.
    ///
    /// # Errors
    /// Whatever keeps them from being a series.
    pub fn put_on(&self, own: &SeriesKey, suffix: &str) -> Result<SeriesKey, Reject> {
        self.make(&format!("{}{suffix}", own.name()), own)
    }

    /// The labels of `own` and these under another name.
    pub(crate) fn make(&self, name: &str, own: &SeriesKey) -> Result<SeriesKey, Reject> {
        let origin = self.origin.as_ref();
        let is_origin = |key: &str| origin.is_some_and(|(label, _)| label == key);
        let own = own.labels().filter(|(key, _)| !is_origin(key));
        let mut pairs: Vec<(&str, &str)> = own.collect();
        for (key, value) in &self.defaults {
            if !is_origin(key) && !pairs.iter().any(|(own, _)| own == key) {
                pairs.push((key, value));
            }
        }
        pairs.extend(origin.map(|(key, value)| (key.as_str(), value.as_str())));
        SeriesKey::new(name, pairs).map_err(reject)
    }
}

/// The series that a metric names, but for one label.
///
/// # Errors
/// Whatever keeps the name and the labels from being a series.
pub fn series_of(metric: &Metric<'_>, without: Option<&str>) -> Result<SeriesKey, Reject> {
    let own = named(metric, "")?;
    let labels = own.labels().filter(|(label, _)| Some(*label) != without);
    let labels: Vec<(&str, &str)> = labels.collect();
    SeriesKey::from_sorted(own.name(), &labels).map_err(reject)
}

/// What a metric calls itself, with a suffix behind its name.
pub(crate) fn named(metric: &Metric<'_>, suffix: &str) -> Result<SeriesKey, Reject> {
    let mut pairs: Vec<(&str, &str)> = metric.tags.iter().collect();
    if pairs.iter().any(|(key, _)| *key == NAME_LABEL) {
        return Err(Reject::BadLabels);
    }
    // Clients repeat their constant tags; only two values for one name contradict each other.
    pairs.sort_unstable();
    pairs.dedup();
    SeriesKey::new(&format!("{}{suffix}", metric.name), pairs).map_err(reject)
}

fn reject(error: KeyError) -> Reject {
    match error {
        KeyError::EmptyName | KeyError::LongName => Reject::BadName,
        _ => Reject::BadLabels,
    }
}
