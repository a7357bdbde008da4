//! What was sent before a stop lies in the sockets still: it is read until nothing comes for a moment, and for no longer than a
//! sender who never pauses may hold up a stop. The same for who is at the door already.

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Nothing comes any more, and what is on its way through the kernel has come.
const QUIET: Duration = Duration::from_millis(50);
/// All reads after a stop together.
const AT_MOST: Duration = Duration::from_secs(3);

/// One connection's, or one listener's.
pub(super) struct LastReads {
    shutdown: CancellationToken,
    /// Once the stop was asked for.
    until: Option<Instant>,
}

impl LastReads {
    pub(super) fn new(shutdown: CancellationToken) -> Self {
        Self {
            shutdown,
            until: None,
        }
    }

    /// What is read; `None` when the connection is to end.
    pub(super) async fn or_end<T>(&mut self, read: impl Future<Output = T>) -> Option<T> {
        tokio::pin!(read);
        let until = match self.until {
            Some(until) => until,
            None => tokio::select! {
                read = &mut read => return Some(read),
                () = self.shutdown.cancelled() => *self.until.insert(Instant::now() + AT_MOST),
            },
        };
        let quiet = (Instant::now() + QUIET).min(until);
        tokio::time::timeout_at(quiet, read).await.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_stop_waits_for_what_was_sent_and_not_for_ever() {
        let shutdown = CancellationToken::new();
        let mut reads = LastReads::new(shutdown.clone());
        assert_eq!(reads.or_end(async { 1 }).await, Some(1));
        shutdown.cancel();
        assert_eq!(reads.or_end(async { 2 }).await, Some(2));
        assert_eq!(reads.or_end(std::future::pending::<()>()).await, None);
        // Somebody who never pauses.
        reads.until = Some(Instant::now());
        let next = tokio::time::sleep(Duration::from_millis(1));
        assert_eq!(reads.or_end(next).await, None);
    }
}
