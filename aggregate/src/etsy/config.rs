//! etsy's settings under names of ours; each says which of etsy's it is.

use crate::Labels;

/// Everything that shapes a flush.
#[derive(Debug, Clone)]
pub struct EtsyConfig {
    /// Series that may live at once; a timer is nine, five a percentile, and its bins. New ones past this are refused.
    pub max_series: usize,
    /// Values that all timers of one interval may have together, at 8 bytes each.
    pub max_values: usize,
    /// Members that all sets of one interval may have together, at 32 bytes each.
    pub max_set_members: usize,
    /// `flushInterval`: what rates are of, however long an interval really was.
    pub interval_ms: u64,
    pub namespaces: Namespaces,
    /// `percentThreshold`; a negative one is of the upper end.
    pub percentiles: Vec<f64>,
    /// `flush_counts`: counts beside rates.
    pub flush_counts: bool,
    pub deleted: Deleted,
    /// `gaugesMaxTTL`: intervals that a gauge outlives its last hit, where idle gauges are deleted; 1 at least.
    pub gauges_max_ttl: u32,
    /// `calculatedTimerMetrics`: the only figures of a timer that are sent; all where empty. `mean_percent` is the mean of
    /// every percentile.
    pub timer_metrics: Vec<String>,
    /// `histogram`: the first whose text is in a timer's name gives its bins.
    pub histograms: Vec<Bins>,
    pub labels: Labels,
}

impl Default for EtsyConfig {
    fn default() -> Self {
        Self {
            max_series: 1_000_000,
            max_values: 8_000_000,
            max_set_members: 1_000_000,
            interval_ms: 10_000,
            namespaces: Namespaces::default(),
            percentiles: vec![90.0],
            flush_counts: true,
            deleted: Deleted::default(),
            gauges_max_ttl: 1,
            timer_metrics: Vec::new(),
            histograms: Vec::new(),
            labels: Labels::default(),
        }
    }
}

/// `deleteCounters`, `deleteTimers`, `deleteSets`, `deleteGauges`: what had no hit in an interval is forgotten, not sent
/// on as 0 or as the last value. `deleteIdleStats` is all of them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Deleted {
    pub counters: bool,
    pub timers: bool,
    pub sets: bool,
    pub gauges: bool,
}

/// Where names begin and end.
#[derive(Debug, Clone)]
pub struct Namespaces {
    /// `legacyNamespace`: rates at `stats.name` and counts at `stats_counts.name`; the four prefixes are not used.
    pub legacy: bool,
    /// `globalPrefix`
    pub global_prefix: String,
    /// `prefixCounter`
    pub counter: String,
    /// `prefixTimer`
    pub timer: String,
    /// `prefixGauge`
    pub gauge: String,
    /// `prefixSet`
    pub set: String,
    /// `prefixStats`: of the aggregator's own figures.
    pub own: String,
    /// `globalSuffix`, without its dot.
    pub global_suffix: String,
}

impl Default for Namespaces {
    fn default() -> Self {
        Self {
            legacy: true,
            global_prefix: "stats".into(),
            counter: "counters".into(),
            timer: "timers".into(),
            gauge: "gauges".into(),
            set: "sets".into(),
            own: "statsd".into(),
            global_suffix: String::new(),
        }
    }
}

/// `{metric, bins}`
#[derive(Debug, Clone)]
pub struct Bins {
    pub metric: String,
    /// Upper ends, exclusive, ascending; infinity takes the rest.
    pub ends: Vec<f64>,
}
