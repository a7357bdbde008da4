//! What a metric family is said to be: the types of Prometheus' data model and of OpenMetrics 1.0, under the names
//! that their text formats use.

/// The type of a metric family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Kind {
    /// `unknown` in OpenMetrics, `untyped` in the older text format.
    #[default]
    Unknown,
    Counter,
    Gauge,
    Histogram,
    GaugeHistogram,
    Summary,
    Info,
    StateSet,
}

impl Kind {
    pub const ALL: [Kind; 8] = [
        Kind::Unknown,
        Kind::Counter,
        Kind::Gauge,
        Kind::Histogram,
        Kind::GaugeHistogram,
        Kind::Summary,
        Kind::Info,
        Kind::StateSet,
    ];

    /// As OpenMetrics and Prometheus' metadata API write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Unknown => "unknown",
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
            Kind::GaugeHistogram => "gaugehistogram",
            Kind::Summary => "summary",
            Kind::Info => "info",
            Kind::StateSet => "stateset",
        }
    }

    /// By the numbers that both versions of remote write give them; what is not known is [`Kind::Unknown`].
    #[must_use]
    pub fn of_number(number: u64) -> Self {
        let known = usize::try_from(number)
            .ok()
            .and_then(|at| Self::ALL.get(at));
        known.copied().unwrap_or_default()
    }

    /// The suffixes under which series of a family of this type appear beside the family's own name.
    #[must_use]
    pub fn suffixes(self) -> &'static [&'static str] {
        match self {
            Kind::Unknown | Kind::Gauge | Kind::StateSet => &[],
            Kind::Counter => &["_total", "_created"],
            Kind::Histogram => &["_bucket", "_count", "_sum", "_created"],
            Kind::GaugeHistogram => &["_bucket", "_gcount", "_gsum", "_count", "_sum"],
            Kind::Summary => &["_count", "_sum", "_created"],
            Kind::Info => &["_info"],
        }
    }
}
