//! The series that a metric makes: its own name and, for a timer, the names derived from it. Owns the rule by which
//! labels of the metric go before those of the configuration, and the origin's before both.

use std::sync::Arc;

use weir_wire::statsd::{Metric, Value};
use weir_wire::{KeyError, NAME_LABEL, Reject, SeriesKey};

use crate::newcomers::Newcomers;

/// Quantiles of a timer, with the suffix of their series.
pub(crate) const QUANTILES: [(&str, f64); 4] =
    [("_p50", 0.5), ("_p90", 0.9), ("_p95", 0.95), ("_p99", 0.99)];

/// A timer's series; `None` for one that is not wanted.
#[derive(Debug)]
pub(crate) struct TimerKeys {
    /// What it is known by, whether or not it is wanted.
    own: SeriesKey,
    pub(crate) values: Option<SeriesKey>,
    pub(crate) count: Option<SeriesKey>,
    pub(crate) sum: Option<SeriesKey>,
    pub(crate) min: Option<SeriesKey>,
    pub(crate) max: Option<SeriesKey>,
    /// In the order of [`QUANTILES`].
    pub(crate) quantiles: Vec<Option<SeriesKey>>,
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
    /// Whatever keeps a name and the labels from being a series, and who rewrites them.
    pub(crate) fn of(
        own: &SeriesKey,
        metric: &Metric<'_>,
        labels: &Labels,
        newcomers: &mut impl Newcomers,
    ) -> Result<Self, Reject> {
        let labels = labels.beside(metric);
        let Value::Timer(_) = metric.value else {
            let key = newcomers.rewrite(labels.put_on(own, "")?)?;
            return Ok(Keys::One(key));
        };
        let mut key = |suffix: &str| match newcomers.rewrite(labels.put_on(own, suffix)?) {
            Ok(key) => Ok(Some(key)),
            Err(Reject::Unwanted) => Ok(None),
            Err(reason) => Err(reason),
        };
        let values = key("")?;
        let keys = TimerKeys {
            own: match &values {
                Some(values) => values.clone(),
                None => labels.put_on(own, "")?,
            },
            values,
            count: key("_count")?,
            sum: key("_sum")?,
            min: key("_min")?,
            max: key("_max")?,
            quantiles: QUANTILES
                .iter()
                .map(|(suffix, _)| key(suffix))
                .collect::<Result<_, _>>()?,
        };
        if keys.wanted().next().is_none() {
            return Err(Reject::Unwanted);
        }
        Ok(Keys::Timer(Arc::new(keys)))
    }

    /// The same with another value of a label wherever it is; `None` where it is nowhere with another value.
    pub(crate) fn collapsed(&self, label: &str, value: &str) -> Option<Self> {
        let collapsed = |key: &SeriesKey| with_label(key, label, value);
        let own = collapsed(self.own())?;
        let Keys::Timer(keys) = self else {
            return Some(Keys::One(own));
        };
        let each = |key: &Option<SeriesKey>| {
            let key = key.as_ref();
            key.map(|key| collapsed(key).unwrap_or_else(|| key.clone()))
        };
        Some(Keys::Timer(Arc::new(TimerKeys {
            own,
            values: each(&keys.values),
            count: each(&keys.count),
            sum: each(&keys.sum),
            min: each(&keys.min),
            max: each(&keys.max),
            quantiles: keys.quantiles.iter().map(each).collect(),
        })))
    }

    /// The one that has the metric's name.
    pub(crate) fn own(&self) -> &SeriesKey {
        match self {
            Keys::One(key) => key,
            Keys::Timer(keys) => &keys.own,
        }
    }

    /// Those that are written.
    pub(crate) fn wanted(&self) -> impl Iterator<Item = &SeriesKey> {
        let (one, timer) = match self {
            Keys::One(key) => (Some(key), None),
            Keys::Timer(keys) => (None, Some(keys)),
        };
        one.into_iter()
            .chain(timer.into_iter().flat_map(|keys| keys.wanted()))
    }

    /// Those that are written, and the one it is known by.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &SeriesKey> {
        let own = self.own();
        std::iter::once(own).chain(self.wanted().filter(move |key| *key != own))
    }

    /// Whether two of them came to be the same.
    pub(crate) fn collide(&self) -> bool {
        let mut keys: Vec<&SeriesKey> = self.wanted().collect();
        let all = keys.len();
        keys.sort_unstable();
        keys.dedup();
        keys.len() < all
    }
}

impl TimerKeys {
    /// All but the distribution itself.
    pub(crate) fn derived(&self) -> impl Iterator<Item = &SeriesKey> {
        [&self.count, &self.sum, &self.min, &self.max]
            .into_iter()
            .chain(&self.quantiles)
            .flatten()
    }

    fn wanted(&self) -> impl Iterator<Item = &SeriesKey> {
        self.values.iter().chain(self.derived())
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

/// The same series with another value of a label; `None` where it has not that label with another value.
pub(crate) fn with_label(key: &SeriesKey, label: &str, value: &str) -> Option<SeriesKey> {
    key.labels()
        .find(|(name, old)| *name == label && *old != value)?;
    let labels = key.labels().map(|(name, old)| match name == label {
        true => (name, value),
        false => (name, old),
    });
    SeriesKey::new(key.name(), labels).ok()
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
