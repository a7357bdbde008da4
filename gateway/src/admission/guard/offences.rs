//! Who passed which limit: by limit, metric and source, named with the label. Bounded; the log says so at the first
//! time and then once a minute.

use std::collections::HashMap;

use super::Limit;

/// Remembered at once; past it the oldest is forgotten.
const MOST: usize = 1_000;
const LOG_EVERY_MS: i64 = 60_000;

#[derive(Debug, Default)]
pub(super) struct Offences(HashMap<Of, Offence>);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Of {
    pub(super) limit: Limit,
    pub(super) metric: Box<str>,
    pub(super) source: Box<str>,
}

#[derive(Debug, Clone)]
pub(super) struct Offence {
    pub(super) label: String,
    pub(super) refused: u64,
    pub(super) collapsed: u64,
    pub(super) first_ms: i64,
    pub(super) last_ms: i64,
    logged_ms: i64,
}

impl Offences {
    pub(super) fn add(
        &mut self,
        limit: Limit,
        metric: &str,
        label: &str,
        source: &str,
        collapsed: bool,
        now_ms: i64,
    ) {
        let of = Of {
            limit,
            metric: metric.into(),
            source: source.into(),
        };
        if self.0.len() >= MOST && !self.0.contains_key(&of) {
            self.forget_oldest();
        }
        let offence = self.0.entry(of).or_insert_with(|| Offence {
            label: String::new(),
            refused: 0,
            collapsed: 0,
            first_ms: now_ms,
            last_ms: now_ms,
            logged_ms: i64::MIN,
        });
        offence.refused += u64::from(!collapsed);
        offence.collapsed += u64::from(collapsed);
        offence.last_ms = now_ms;
        if offence.label != label {
            label.clone_into(&mut offence.label);
        }
        if now_ms.saturating_sub(offence.logged_ms) >= LOG_EVERY_MS {
            offence.logged_ms = now_ms;
            tracing::warn!(
                limit = limit.as_str(),
                metric,
                label,
                source,
                refused = offence.refused,
                collapsed = offence.collapsed,
                "too many new series: see [guard] in the configuration and /api/v1/status/cardinality"
            );
        }
    }

    fn forget_oldest(&mut self) {
        let oldest = self.0.iter().min_by_key(|(_, offence)| offence.last_ms);
        if let Some(of) = oldest.map(|(of, _)| of.clone()) {
            self.0.remove(&of);
        }
    }

    /// The latest first.
    pub(super) fn latest(&self) -> Vec<(&Of, &Offence)> {
        let mut all: Vec<_> = self.0.iter().collect();
        all.sort_by_key(|(of, offence)| (-offence.last_ms, of.metric.clone()));
        all
    }
}
