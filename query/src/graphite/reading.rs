//! How samples are read for a target: which aspect of them, how far apart, and how those of one grid point are joined.
//! The functions around a path decide; the innermost that cares is the one that counts.

use super::consolidate::Consolidation;
use super::target::{Call, Term};
use super::time;
use crate::{Aspect, Wish};

/// The spacing where nobody says how many points the chart has: raw samples where there are any.
const UNKNOWN_MS: i64 = 0;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Reading {
    pub how: Consolidation,
    spacing_ms: i64,
}

impl Reading {
    /// For a whole request: averages, as many as the chart has points.
    pub(super) fn of_chart(span_s: i64, max_points: Option<usize>) -> Self {
        let points = max_points.map(|max| i64::try_from(max).unwrap_or(i64::MAX).max(1));
        Self {
            how: Consolidation::Average,
            spacing_ms: points.map_or(UNKNOWN_MS, |max| span_s.saturating_mul(1_000) / max),
        }
    }

    /// For the arguments of this call.
    pub(super) fn within(self, call: &Call) -> Self {
        let how = |at: usize| match call.argument(at, "func") {
            Some(Term::Text(name)) => Consolidation::named(name),
            _ => None,
        };
        match call.name.as_str() {
            "consolidateBy" => self.joined_by(how(1)),
            "summarize" => Self {
                spacing_ms: self.spacing_ms.min(band_ms(call)),
                ..self.joined_by(Some(how(2).unwrap_or(Consolidation::Sum)))
            },
            // Differences of running totals: of the totals as they stood.
            "perSecond" | "nonNegativeDerivative" => self.joined_by(Some(Consolidation::Last)),
            _ => self,
        }
    }

    fn joined_by(self, how: Option<Consolidation>) -> Self {
        Self {
            how: how.unwrap_or(self.how),
            ..self
        }
    }

    /// What to ask first; an average also needs the counts where that answer is rolled up.
    pub(super) fn wish(self) -> Wish {
        let (aspect, spacing_ms) = match self.how {
            Consolidation::Average | Consolidation::Sum => (Aspect::Sum, self.spacing_ms),
            Consolidation::Min => (Aspect::Min, self.spacing_ms),
            Consolidation::Max => (Aspect::Max, self.spacing_ms),
            Consolidation::Last => (Aspect::Last, self.spacing_ms),
            // No rollup keeps these.
            Consolidation::First | Consolidation::Count => (Aspect::Last, 0),
        };
        Wish { aspect, spacing_ms }
    }
}

fn band_ms(call: &Call) -> i64 {
    let interval = match call.args.get(1) {
        Some(Term::Text(text)) => time::seconds(text),
        _ => None,
    };
    interval.map_or(i64::MAX, |s| s.saturating_mul(1_000))
}
