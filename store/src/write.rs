//! A write as callers hand it in, and what becomes of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::StoreError;
use crate::columns::Points;

/// Whose batch it is: (agent, boot, sequence) names it for ever, and a second one of the same name changes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    pub agent: String,
    pub boot: u64,
    pub sequence: u64,
}

/// Writes that must not overtake a failed one: after a failure every later write of the chain is refused, so that a
/// higher sequence is never taken before a lower one that will be sent again. One chain a session.
#[derive(Debug, Clone, Default)]
pub struct Chain(Arc<AtomicBool>);

impl Chain {
    pub(crate) fn broken(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    pub(crate) fn cut(&self) {
        self.0.store(true, Ordering::Release);
    }
}

/// Called once the write is on disk and readable (while the store starts: on disk), or refused; from the writer's thread, so it must not block.
pub type Done = Box<dyn FnOnce(Result<Written, StoreError>) + Send>;

/// Points to be stored together.
pub struct Write {
    pub origin: Option<Origin>,
    /// The session's, where writes have an order to keep.
    pub chain: Option<Chain>,
    pub points: Points,
    pub done: Done,
}

/// What became of a write's points; the fields add up to their number unless the whole batch was known.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// The batch was on disk already: nothing was changed.
    pub known_batch: bool,
    /// While the store starts every point counts here: what was there before is not known yet.
    pub stored: u64,
    /// The same sample was there.
    pub duplicate: u64,
    /// Another value was there for that time: this one stays.
    pub replaced: u64,
    /// Refused: too far in the future.
    pub too_early: u64,
    /// Refused: older than what is kept.
    pub too_old: u64,
}
