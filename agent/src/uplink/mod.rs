//! The way to a gateway: one session at a time with the first gateway that answers, for what is made now (`live`), and
//! beside it a second connection to the same gateway for what is on disk (`backlog`). After a break everything
//! unacknowledged is sent again under the same (agent, boot, sequence), so that the gateway knows what it has.

mod backlog;
mod link;
mod live;
mod pace;
mod pause;
#[cfg(test)]
mod tests;

pub(crate) use backlog::Backlog;
pub(crate) use link::{Caller, Identity};
pub(crate) use pace::PaceConfig;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use metrics::{counter, gauge};
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::queue::Queue;
use crate::status::Status;
use link::End;
use live::Live;
use pause::Pause;

/// The queue, and a bell that rings when something was put in.
#[derive(Debug)]
pub(crate) struct Outbox {
    pub queue: Mutex<Queue>,
    pub filled: Notify,
    /// Samples that were sent again: a backlog waits for as long as they would have taken it.
    again: AtomicUsize,
}

impl Outbox {
    #[must_use]
    pub(crate) fn new(queue: Queue) -> Self {
        Self {
            queue: Mutex::new(queue),
            filled: Notify::new(),
            again: AtomicUsize::new(0),
        }
    }

    fn sent_again(&self, samples: usize) {
        self.again.fetch_add(samples, Ordering::Relaxed);
    }

    fn take_sent_again(&self) -> usize {
        self.again.swap(0, Ordering::Relaxed)
    }
}

pub(crate) struct Uplink {
    pub gateways: Vec<String>,
    pub caller: Caller,
    pub outbox: Arc<Outbox>,
    pub status: Arc<Status>,
    /// How long shutdown waits for acknowledgements.
    pub grace: Duration,
    /// The gateway that a live session is with.
    pub live: watch::Sender<Option<String>>,
    /// The backlog's session has ended for good: no goodbye before that.
    pub backlog_closed: CancellationToken,
}

impl Uplink {
    /// Works until `shutdown`, then delivers what is queued within the grace and says goodbye.
    pub(crate) async fn run(self, shutdown: CancellationToken) {
        let mut pause = Pause::new(self.caller.identity.boot);
        let deadline = grace_after(shutdown.clone(), self.grace);
        tokio::pin!(deadline);
        for gateway in self.gateways.iter().cycle() {
            let session = self.session(gateway, &shutdown, &mut pause);
            let ended = tokio::select! {
                ended = session => ended,
                () = &mut deadline => return,
            };
            self.live.send_replace(None);
            self.status.disconnected();
            gauge!("weir_agent_connected").set(0.0);
            let Err(end) = ended else {
                return;
            };
            counter!("weir_agent_sessions_failed_total").increment(1);
            self.status.failed(gateway, &end.to_string());
            tracing::warn!("gateway {gateway}: {end}");
            tokio::select! {
                () = sleep(pause.next()) => {}
                () = &mut deadline => return,
            }
        }
    }

    /// One connection, from hello to goodbye; `Ok` only after a goodbye.
    async fn session(
        &self,
        gateway: &str,
        shutdown: &CancellationToken,
        pause: &mut Pause,
    ) -> Result<(), End> {
        let link = self.caller.call(gateway, self.caller.identity.boot).await?;
        self.status.connected(gateway);
        gauge!("weir_agent_connected").set(1.0);
        tracing::info!("connected to gateway {gateway}");
        self.live.send_replace(Some(gateway.to_owned()));
        Live::run(self, pause, link, shutdown).await
    }
}

async fn grace_after(shutdown: CancellationToken, grace: Duration) {
    shutdown.cancelled().await;
    sleep(grace).await;
}
