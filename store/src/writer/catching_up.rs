//! The writer while the journal is read back: what it acknowledges waits, and goes into the head after everything older.
//! Owns the moment when that is over.

use super::{Taken, Writer};
use crate::backlog::Backlog;
use crate::recovery::Recovery;

/// What is to be done when the journal was read back.
pub(super) struct CatchingUp {
    backlog: Backlog,
    found: Recovery,
}

impl CatchingUp {
    pub(super) fn new(found: Recovery) -> Self {
        Self {
            backlog: Backlog::default(),
            found,
        }
    }
}

impl Writer {
    /// Puts what waited into the head once everything older is there; waits for that when too much waits.
    ///
    /// # Errors
    /// The journal could not be read back: nothing more is to be taken.
    pub(super) fn catch_up(&mut self) -> Result<(), ()> {
        let Some(catching_up) = &self.catching_up else {
            return Ok(());
        };
        let starting = &self.shared.starting;
        if catching_up.backlog.bytes() >= self.shared.options.backlog_bytes {
            starting.wait_for_replay();
        }
        let read_back = match starting.take_read_back() {
            Ok(Some(read_back)) => read_back,
            Ok(None) => return Ok(()),
            Err(()) if starting.stopped() => return Ok(()),
            Err(()) => return Err(()),
        };
        let Some(mut catching_up) = self.catching_up.take() else {
            return Ok(());
        };
        while let Some(points) = catching_up.backlog.pop() {
            self.shared.head.insert(&points);
        }
        let open = self.shared.head.open_windows();
        catching_up.found.add(&read_back);
        self.journal.read_back(read_back.needed, &open);
        self.shared.mark_begun();
        self.shared.starting.finish(catching_up.found);
        Ok(())
    }

    /// Puts a write's points where they can be read, or will be.
    pub(super) fn apply_points(&mut self, taken: &mut Taken) {
        let (points, written) = (&mut taken.write.points, &mut taken.written);
        if let Some(catching_up) = &mut self.catching_up {
            written.stored = points.len() as u64;
            // Nobody will want them when the store is about to be closed.
            if !self.shared.starting.stopped() {
                catching_up.backlog.push(std::mem::take(points));
            }
            return;
        }
        let tally = self.shared.head.insert(points);
        written.stored = tally.new;
        written.duplicate = tally.duplicate;
        written.replaced = tally.replaced;
    }
}
