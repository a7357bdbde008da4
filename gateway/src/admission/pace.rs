//! How fast one connection is read: as its source may send. What was read already is paid for, then nothing is read for
//! a while; TCP makes the sender wait.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::time::Sleep;
use weir_store::Clock;

use super::rates::Allowance;

pub struct Pace {
    allowance: Arc<Allowance>,
    clock: Clock,
    wait: Option<Pin<Box<Sleep>>>,
}

impl Pace {
    pub(super) fn new(allowance: Arc<Allowance>, clock: Clock) -> Self {
        Self {
            allowance,
            clock,
            wait: None,
        }
    }

    /// Ready when more may be read.
    pub(crate) fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if let Some(wait) = &mut self.wait {
            if wait.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            self.wait = None;
        }
        Poll::Ready(())
    }

    /// So much was read.
    pub(crate) fn took(&mut self, bytes: usize) {
        let wait = self.allowance.owe_bytes(bytes as u64, (self.clock)());
        self.wait = wait.map(|wait| Box::pin(tokio::time::sleep(wait)));
    }
}
