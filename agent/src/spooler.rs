//! Moves what has waited in memory for long onto disk, and says how that goes. When the disk takes nothing it goes on in
//! memory, says so once, and tries again. Files are touched on threads that may block.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use metrics::{counter, gauge};
use parking_lot::Mutex;
use serde::Serialize;
use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::app::Clock;
use crate::drops::Drops;
use crate::queue::Overdue;
use crate::spool::{Held, Spool, SpoolConfig};
use crate::uplink::Outbox;

const LOOK_EVERY: Duration = Duration::from_millis(250);
/// After a failure.
const RETRY: Duration = Duration::from_secs(5);
const EXPIRE_EVERY: Duration = Duration::from_secs(10);
/// Written and synced at once.
const TURN_BYTES: usize = 16 << 20;

/// The spool as its two users share it: the spooler puts in, the backlog's session takes out.
#[derive(Debug, Default)]
pub(crate) struct Depot {
    pub spool: Mutex<Option<Spool>>,
    pub filled: Notify,
    /// Asked where nobody may wait for a disk.
    is_open: AtomicBool,
    state: Mutex<Option<State>>,
}

/// For the status page.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct State {
    dir: String,
    /// Why nothing is written now.
    failure: Option<String>,
    held: Vec<Held>,
}

pub(crate) struct Spooler {
    pub config: SpoolConfig,
    pub boot: u64,
    pub clock: Clock,
    pub outbox: Arc<Outbox>,
    pub depot: Arc<Depot>,
    pub drops: Arc<Drops>,
    pub turns: Turns,
}

/// When what is due.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    retry: Option<Instant>,
    expired: Option<Instant>,
    settled: u64,
}

impl Depot {
    /// `None` where the spool is off.
    pub(crate) fn state(&self) -> Option<State> {
        self.state.lock().clone()
    }

    /// Whoever changed the spool says so.
    pub(crate) fn show(&self, spool: &Spool) {
        let mut state = self.state.lock();
        let failure = state.take().and_then(|state| state.failure);
        *state = Some(State {
            dir: spool.dir().display().to_string(),
            failure,
            held: spool.held(),
        });
    }
}

impl Spooler {
    /// Takes up what a former process left. A directory that cannot be used is tried again later.
    pub(crate) async fn open(&mut self) {
        let (config, clock, drops) = (
            self.config.clone(),
            Arc::clone(&self.clock),
            Arc::clone(&self.drops),
        );
        let (depot, boot) = (Arc::clone(&self.depot), self.boot);
        let opening = tokio::task::spawn_blocking(move || {
            let spool = Spool::open(config, boot, clock(), drops)?;
            depot.show(&spool);
            *depot.spool.lock() = Some(spool);
            depot.is_open.store(true, Ordering::Relaxed);
            Ok::<_, crate::spool::SpoolError>(())
        });
        match opening.await {
            Ok(Ok(())) => self.went_well(),
            Ok(Err(error)) => self.failed(&error.to_string()),
            Err(error) => self.failed(&error.to_string()),
        }
        self.depot.filled.notify_one();
    }

    /// Works until told to stop; then puts down everything that is left.
    pub(crate) async fn run(mut self, shutdown: CancellationToken) {
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = shutdown.cancelled() => break,
                _ = looks.tick() => {}
            }
            let now = Instant::now();
            if self.turns.retry.is_none_or(|at| now >= at) {
                let before = now.checked_sub(self.config.after);
                self.turn(before.unwrap_or(now)).await;
            }
        }
        while self.turn(Instant::now()).await {}
        let depot = Arc::clone(&self.depot);
        let closed = tokio::task::spawn_blocking(move || {
            if let Some(mut spool) = depot.spool.lock().take() {
                spool.mark();
            }
        });
        let _ = closed.await;
    }

    /// Puts down what was queued before this; true when something was.
    async fn turn(&mut self, before: Instant) -> bool {
        if !self.depot.is_open.load(Ordering::Relaxed) {
            self.open().await;
            if !self.depot.is_open.load(Ordering::Relaxed) {
                return false;
            }
        }
        let (overdue, acknowledged) = {
            let mut queue = self.outbox.queue.lock();
            (queue.overdue(before, TURN_BYTES), queue.acknowledged())
        };
        let now = Instant::now();
        let is_expiring = self.turns.expired.is_none_or(|at| now - at >= EXPIRE_EVERY);
        if overdue.is_empty() && !is_expiring && acknowledged == self.turns.settled {
            return false;
        }
        if is_expiring {
            self.turns.expired = Some(now);
        }
        self.turns.settled = acknowledged;
        let (depot, clock) = (Arc::clone(&self.depot), Arc::clone(&self.clock));
        let work = tokio::task::spawn_blocking(move || {
            let mut spool = depot.spool.lock();
            let put = match spool.as_mut() {
                Some(spool) => work(
                    spool,
                    &overdue,
                    acknowledged,
                    is_expiring.then(|| clock()),
                    clock(),
                ),
                None => Ok(()),
            };
            if let Some(spool) = spool.as_ref() {
                depot.show(spool);
            }
            (overdue, put)
        });
        match work.await {
            Ok((overdue, put)) => self.settle(overdue, put),
            Err(error) => {
                self.failed(&format!("a defect: {error}"));
                false
            }
        }
    }

    fn settle(&mut self, overdue: Overdue, put: std::io::Result<()>) -> bool {
        let was_any = !overdue.is_empty();
        match put {
            Err(error) => {
                self.outbox.queue.lock().put_back(overdue.waiting);
                self.failed(&error.to_string());
                false
            }
            Ok(()) => {
                if was_any {
                    overdue.waiting.iter().for_each(|batch| batch.is_safe());
                    self.outbox.queue.lock().copied(&overdue.unanswered);
                    self.went_well();
                    self.depot.filled.notify_one();
                }
                was_any
            }
        }
    }

    fn failed(&mut self, reason: &str) {
        counter!("weir_agent_spool_failures_total").increment(1);
        gauge!("weir_agent_spool_failing").set(1.0);
        self.turns.retry = Some(Instant::now() + RETRY.max(self.config.after));
        let mut state = self.depot.state.lock();
        let state = state.get_or_insert_with(|| State {
            dir: self.config.dir.display().to_string(),
            ..State::default()
        });
        if state.failure.is_none() {
            tracing::warn!(
                "nothing is spooled to disk, memory alone holds what is not acknowledged: {reason}"
            );
        }
        state.failure = Some(reason.to_owned());
    }

    fn went_well(&mut self) {
        gauge!("weir_agent_spool_failing").set(0.0);
        self.turns.retry = None;
        let mut state = self.depot.state.lock();
        if let Some(state) = state.as_mut()
            && state.failure.take().is_some()
        {
            tracing::info!("what is not acknowledged is spooled to disk again");
        }
    }
}

fn work(
    spool: &mut Spool,
    overdue: &Overdue,
    acknowledged: u64,
    expire_at_ms: Option<i64>,
    now_ms: i64,
) -> std::io::Result<()> {
    if let Some(now_ms) = expire_at_ms {
        spool.expire(now_ms);
    }
    let put = match overdue.is_empty() {
        true => Ok(()),
        false => spool.put(overdue, now_ms),
    };
    spool.settle(acknowledged);
    put
}
