//! A rule as it is given. Owns what a rule may say: every refusal names the part and what would be right.

use std::fmt;

use weir_wire::Matcher;

/// Intervals shorter than this would be told more often than they are looked at.
const LEAST_INTERVAL_MS: i64 = 1_000;
/// Longer ones are for rollups.
const MOST_INTERVAL_MS: i64 = 86_400_000;

/// Which series a rule takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Matching {
    /// As a query's selector: all of them.
    Labels(Vec<Matcher>),
    /// carbon's input pattern over the path: `<f>` is one component, `<<f>>` several, `*` anything within one.
    Path(String),
}

/// Which series fall together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grouping {
    /// Those with the same values of these labels; others go.
    By(Vec<String>),
    /// Those that differ in nothing but these labels, which go.
    Without(Vec<String>),
    /// Those whose path makes the same name; labels go.
    Path,
}

/// What is told of a group's interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Output {
    /// Of all samples; of a histogram its values' sum.
    Sum,
    Average,
    Min,
    Max,
    /// Samples; of a histogram its values.
    Count,
    /// Different series.
    CountSeries,
    /// The sample of the latest time.
    Last,
    /// How much counters rose, resets told, since the group began: a counter itself.
    Total,
    /// All values as one distribution.
    Merge,
    /// From 0 to 1: exact over floats while they are few, else of the merged distribution.
    Percentile(f64),
}

/// One rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    pub matching: Matching,
    pub interval_ms: i64,
    /// How long after its end an interval takes samples.
    pub grace_ms: i64,
    pub grouping: Grouping,
    pub outputs: Vec<Output>,
    /// `${metric}`, `${output}`, `${interval}`; with [`Matching::Path`] carbon's template: `<f>`.
    pub name: String,
    /// The samples are stored as well.
    pub keep: bool,
}

/// What is wrong with a rule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct RuleError {
    /// As it is called in a file: `match`, `interval`, ...
    pub part: &'static str,
    pub reason: String,
}

impl RuleError {
    pub(super) fn new(part: &'static str, reason: impl Into<String>) -> Self {
        let reason = reason.into();
        Self { part, reason }
    }
}

impl Output {
    /// Reads a word: `sum`, `avg`, `p99`, `p999`, ...
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "sum" => Self::Sum,
            "avg" | "average" => Self::Average,
            "min" => Self::Min,
            "max" => Self::Max,
            "count" => Self::Count,
            "count_series" => Self::CountSeries,
            "last" => Self::Last,
            "total" => Self::Total,
            "merge" => Self::Merge,
            _ => Self::Percentile(percentile(word)?),
        })
    }

    /// Whether it is about the values' distribution.
    pub(super) fn is_of_distribution(self) -> bool {
        matches!(self, Self::Merge | Self::Percentile(_))
    }
}

/// `p5` is 0.05, `p50` 0.5, `p999` 0.999: behind two digits comes a point.
fn percentile(word: &str) -> Option<f64> {
    let digits = word.strip_prefix('p')?;
    let fits =
        !digits.is_empty() && digits.len() <= 6 && digits.bytes().all(|b| b.is_ascii_digit());
    if !fits || digits == "100" {
        return None;
    }
    let number: f64 = digits.parse().ok()?;
    Some(number / 10_f64.powi(digits.len().max(2) as i32))
}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sum => "sum",
            Self::Average => "avg",
            Self::Min => "min",
            Self::Max => "max",
            Self::Count => "count",
            Self::CountSeries => "count_series",
            Self::Last => "last",
            Self::Total => "total",
            Self::Merge => "merge",
            Self::Percentile(at) => {
                let digits = format!("{at:.6}");
                let digits = digits.trim_start_matches("0.");
                let (two, rest) = digits.split_at(2);
                return write!(f, "p{two}{}", rest.trim_end_matches('0'));
            }
        })
    }
}

impl Rule {
    /// What can be told without its patterns.
    pub(super) fn check(&self) -> Result<(), RuleError> {
        if !(LEAST_INTERVAL_MS..=MOST_INTERVAL_MS).contains(&self.interval_ms) {
            return Err(RuleError::new("interval", "an interval is from 1s to 1d"));
        }
        if !(0..=MOST_INTERVAL_MS).contains(&self.grace_ms) {
            return Err(RuleError::new("grace", "a grace is from 0s to 1d"));
        }
        if self.outputs.is_empty() {
            return Err(RuleError::new(
                "outputs",
                "name at least one, as sum, avg or p99",
            ));
        }
        let twice =
            (1..self.outputs.len()).find(|at| self.outputs[..*at].contains(&self.outputs[*at]));
        if let Some(at) = twice {
            let reason = format!("{} is given twice", self.outputs[at]);
            return Err(RuleError::new("outputs", reason));
        }
        if self.outputs.len() > 1 && !self.name.contains("${output}") {
            let reason = "several outputs would have one name: put ${output} into it";
            return Err(RuleError::new("name", reason));
        }
        if self.name.is_empty() {
            return Err(RuleError::new("name", "the name is empty"));
        }
        if matches!(&self.matching, Matching::Labels(matchers) if matchers.is_empty()) {
            let reason = "it takes every series; write {__name__=~\".+\"} if that is meant";
            return Err(RuleError::new("match", reason));
        }
        Ok(())
    }
}
