//! What was dropped, by class and reason: for `/metrics` and the status page. Whoever drops says so here, so that nothing
//! goes uncounted.

use std::collections::BTreeMap;

use metrics::counter;
use parking_lot::Mutex;
use serde::Serialize;

/// Why something was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reason {
    /// The memory's bound, `queue.max_bytes`.
    QueueFull,
    /// The disk's bound, `spool.max_bytes`.
    SpoolFull,
    /// `spool.max_age`.
    SpoolAge,
    /// Gateways refuse it again and again.
    Refused,
}

impl Reason {
    fn as_str(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::SpoolFull => "spool_full",
            Self::SpoolAge => "spool_age",
            Self::Refused => "refused",
        }
    }
}

/// Counted since the start.
#[derive(Debug, Default)]
pub(crate) struct Drops(Mutex<Counts>);

/// Batches and samples.
type Counts = BTreeMap<(&'static str, Reason), (u64, u64)>;

/// A line of the status page. A class, or `unanswered` for what was sent already and is of any.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Dropped {
    pub class: &'static str,
    pub reason: Reason,
    pub batches: u64,
    pub samples: u64,
}

impl Drops {
    pub(crate) fn count(&self, class: &'static str, reason: Reason, batches: u64, samples: u64) {
        let labels = [("class", class), ("reason", reason.as_str())];
        counter!("weir_agent_dropped_batches_total", &labels).increment(batches);
        counter!("weir_agent_dropped_samples_total", &labels).increment(samples);
        let mut counted = self.0.lock();
        let so_far = counted.entry((class, reason)).or_default();
        so_far.0 += batches;
        so_far.1 += samples;
    }

    pub(crate) fn all(&self) -> Vec<Dropped> {
        let counted = self.0.lock();
        let all = counted.iter();
        let all = all.map(|((class, reason), (batches, samples))| Dropped {
            class,
            reason: *reason,
            batches: *batches,
            samples: *samples,
        });
        all.collect()
    }
}
