//! What the senders are told, and what they tell: where the gateway is now, whether to send, how far they are.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::oracle::Oracle;
use crate::plan::Plan;

/// Shared by the harness and all senders.
pub(crate) struct Control {
    pub(crate) plan: Plan,
    pub(crate) oracle: Mutex<Oracle>,
    /// `None` while there is no gateway: a connection to a port that nobody has could meet itself.
    pub(crate) address: Mutex<Option<SocketAddr>>,
    pub(crate) stop: AtomicBool,
    /// No new batches; what was sent is brought to its end.
    pub(crate) paused: AtomicBool,
    /// Mean time between two batches of a sender.
    pub(crate) pace_ms: AtomicU64,
    pub(crate) counts: Counts,
}

/// What the senders saw.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) batches: AtomicU64,
    /// Acknowledgements, and welcomes that said as much.
    pub(crate) acknowledgements: AtomicU64,
    pub(crate) sessions: AtomicU64,
    /// Batches that were sent again because nobody had said they were there.
    pub(crate) again: AtomicU64,
    /// Batches that were acknowledged and sent again all the same.
    pub(crate) known: AtomicU64,
    pub(crate) lost_acks: AtomicU64,
    pub(crate) refused: AtomicU64,
    /// Welcomes that named less than had been acknowledged.
    pub(crate) forgotten: AtomicU64,
}

impl Control {
    pub(crate) fn new(plan: Plan, pace_ms: u64) -> Self {
        Self {
            plan,
            oracle: Mutex::default(),
            address: Mutex::default(),
            stop: AtomicBool::new(false),
            paused: AtomicBool::new(false),
            pace_ms: AtomicU64::new(pace_ms),
            counts: Counts::default(),
        }
    }

    pub(crate) fn stopped(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    pub(crate) fn paused(&self) -> bool {
        self.paused.load(Ordering::Acquire)
    }
}

/// One more.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::AcqRel);
}

/// How many.
pub(crate) fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Acquire)
}
