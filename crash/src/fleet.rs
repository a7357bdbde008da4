//! All agents: started together, paused for a comparison, stopped at the end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{JoinHandle, sleep};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::control::{Control, read};
use crate::gateway::Gateway;
use crate::plan::Plan;
use crate::sender::Sender;

/// How many agents send.
pub(crate) const AGENTS: u16 = 3;
const LOOK: Duration = Duration::from_millis(2);
/// How long a gateway that is up may take to acknowledge anything, or everything.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Fleet {
    pub(crate) control: Arc<Control>,
    waiting: Vec<Arc<AtomicU64>>,
    threads: Vec<JoinHandle<()>>,
}

impl Fleet {
    /// Starts the agents; they wait until there is a gateway.
    pub(crate) fn start(plan: Plan, pace_ms: u64) -> Self {
        let boot = plan.seed ^ plan.start_ms as u64;
        let control = Arc::new(Control::new(plan, pace_ms));
        let waiting: Vec<_> = (0..AGENTS).map(|_| Arc::default()).collect();
        let threads = (0..AGENTS).zip(&waiting).map(|(agent, waiting)| {
            let sender = Sender::new(agent, boot, Arc::clone(&control), Arc::clone(waiting));
            std::thread::spawn(move || sender.run())
        });
        Self {
            threads: threads.collect(),
            waiting,
            control,
        }
    }

    /// Sends to this gateway from now on.
    pub(crate) fn aim(&self, gateway: &Gateway) {
        *self.control.address.lock() = Some(gateway.frames);
    }

    /// There is no gateway now.
    pub(crate) fn rest(&self) {
        *self.control.address.lock() = None;
    }

    /// Waits for the first acknowledgement from now on, while the gateway lives.
    pub(crate) fn wait_for_acknowledgement(&self, gateway: &mut Gateway) -> Result<()> {
        let acknowledgements = &self.control.counts.acknowledgements;
        let (before, since) = (read(acknowledgements), Instant::now());
        while read(acknowledgements) == before {
            gateway.must_live()?;
            if since.elapsed() > PATIENCE {
                bail!("nothing was acknowledged in {PATIENCE:?}");
            }
            sleep(LOOK);
        }
        Ok(())
    }

    /// Stops sending and waits until all that was sent is acknowledged.
    pub(crate) fn quiesce(&self, gateway: &mut Gateway) -> Result<()> {
        self.control.paused.store(true, Ordering::Release);
        let since = Instant::now();
        while self.waiting.iter().any(|waiting| read(waiting) > 0) {
            gateway.must_live()?;
            if since.elapsed() > PATIENCE {
                bail!("not all that was sent was acknowledged in {PATIENCE:?}");
            }
            sleep(LOOK);
        }
        // A batch that was being made when the pause began.
        sleep(LOOK * 10);
        if self.waiting.iter().any(|waiting| read(waiting) > 0) {
            return self.quiesce(gateway);
        }
        Ok(())
    }

    pub(crate) fn resume(&self) {
        self.control.paused.store(false, Ordering::Release);
    }

    /// The time the newest sample may have.
    pub(crate) fn newest_ms(&self) -> i64 {
        let oracle = self.control.oracle.lock();
        let highest = (0..AGENTS).map(|agent| oracle.highest(agent)).max();
        self.control
            .plan
            .time_ms(highest.unwrap_or(0) + 2 * KEPT_BACK)
    }
}

/// More than may be under way beyond what is acknowledged.
const KEPT_BACK: u64 = 32;

impl Drop for Fleet {
    fn drop(&mut self) {
        self.control.stop.store(true, Ordering::Release);
        for thread in self.threads.drain(..) {
            // A sender that panicked has said so.
            let _ = thread.join();
        }
    }
}
