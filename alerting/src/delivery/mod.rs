//! Delivery: one notification is tried until its receiver has it, or says that it never will. Each try is
//! written to the ledger and counted. Decides nothing about what is told.

mod backoff;
mod ledger;
#[cfg(test)]
mod tests;
mod webhook;

pub(crate) use ledger::Ledger;
pub(crate) use webhook::Webhook;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use crate::config::Backoff;
use crate::routing::{Notification, Party};
use crate::{Clock, instruments};

/// Requests to one receiver at a time.
const AT_ONCE: usize = 8;

/// How one try ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The receiver has it.
    Taken { code: u16 },
    /// Worth another try, not before `after` if the receiver said so.
    Retry {
        code: Option<u16>,
        reason: String,
        after: Option<Duration>,
    },
    /// The receiver will not have it, now or later.
    Refused { code: u16, reason: String },
}

impl Outcome {
    /// Its name in counters and in the ledger.
    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            Outcome::Taken { .. } => "taken",
            Outcome::Retry { .. } => "retry",
            Outcome::Refused { .. } => "refused",
        }
    }
}

/// How a notification ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Taken,
    Refused,
}

/// A receiver's door, and what all deliveries share.
pub(crate) struct Courier {
    webhook: Webhook,
    places: Semaphore,
    backoff: Backoff,
    ledger: Arc<Ledger>,
    clock: Clock,
}

impl Courier {
    pub(crate) fn new(
        webhook: Webhook,
        backoff: Backoff,
        ledger: Arc<Ledger>,
        clock: Clock,
    ) -> Self {
        Self {
            webhook,
            places: Semaphore::new(AT_ONCE),
            backoff,
            ledger,
            clock,
        }
    }

    /// Tries until the notification is taken or refused; ends in no other way.
    pub(crate) async fn deliver(&self, party: &Party, notification: &Notification) -> End {
        for attempt in 1_u32.. {
            let outcome = self.attempt(notification, attempt).await;
            instruments::attempted(&party.receiver, outcome.as_str());
            match outcome {
                Outcome::Taken { .. } => return End::Taken,
                Outcome::Refused { reason, .. } => {
                    tracing::error!(
                        receiver = party.receiver,
                        group = notification.group_key,
                        reason,
                        "a notification is refused by its receiver and given up; the group is tried anew later"
                    );
                    return End::Refused;
                }
                Outcome::Retry { reason, after, .. } => {
                    let wait = backoff::wait(self.backoff, &notification.key, attempt, after);
                    tracing::warn!(
                        receiver = party.receiver,
                        group = notification.group_key,
                        attempt,
                        reason,
                        wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
                        "a notification is not taken; it is tried again"
                    );
                    tokio::time::sleep(wait).await;
                }
            }
        }
        End::Refused
    }

    async fn attempt(&self, notification: &Notification, attempt: u32) -> Outcome {
        // Never closed, so the error cannot come; without a place the try goes on all the same.
        let _place = self.places.acquire().await.ok();
        let begun = Instant::now();
        let outcome = self
            .webhook
            .send(&notification.key, &notification.body)
            .await;
        self.ledger.record(&ledger::Line {
            time_ms: (self.clock)(),
            receiver: self.webhook.name(),
            notification,
            attempt,
            outcome: &outcome,
            took: begun.elapsed(),
        });
        outcome
    }
}
