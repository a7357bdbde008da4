//! The one way into the store, for every protocol: resolves series, hands points over, waits for the disk, and counts
//! what became of each in its sender's account, where `received = stored + rejected + dropped + aggregated`.

pub mod guard;
mod ledger;
mod pace;
mod priority;
mod rates;
pub mod relabel;
mod report;
mod resolving;
mod sender;
mod untaken;

pub(crate) use guard::OTHER;
pub use ledger::{Counts, Dropped, Ledger, Line, REST};
pub use pace::Pace;
pub use priority::{Class, PriorityConfig, Rule as PriorityRule};
pub use rates::{Allowance, Rate, RateConfig, Rates};
pub use report::{to_json, to_text};
pub use resolving::{AdmissionConfig, Sizes};
pub use sender::{Sender, Source};
pub use untaken::Untaken;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use weir_store::{Chain, Clock, Done, Origin, Points, SeriesId, Store, StoreError, Write, Written};
use weir_wire::{KeyRun, Reject, SeriesKey};

use crate::aggregation::Aggregation;
use crate::mapping::Mapper;
use resolving::Resolving;

/// How often a full queue is tried again. The caller's socket is not read meanwhile: that is the back-pressure.
const RETRY: Duration = Duration::from_millis(5);
/// The same while there is no room.
const RETRY_FULL: Duration = Duration::from_millis(200);
/// Who is over its rate looks again so often: the limit is shared, and others may have taken what grew.
const RETRY_RATE: Duration = Duration::from_millis(250);
/// An agent that waited so long for room is told, so that it can ask another gateway; it has its batch still.
const PATIENCE: Duration = Duration::from_secs(5);

/// Cheap to clone; one for all listeners.
#[derive(Clone)]
pub struct Admission {
    store: Arc<Store>,
    mapper: Mapper,
    aggregation: Aggregation,
    ledger: Arc<Ledger>,
    resolving: Arc<Resolving>,
    rates: Arc<Rates>,
    clock: Clock,
}

impl Admission {
    #[must_use]
    pub fn new(store: Arc<Store>, config: AdmissionConfig, clock: Clock) -> Self {
        Self {
            store,
            mapper: Mapper::default(),
            aggregation: Aggregation::default(),
            ledger: Arc::default(),
            rates: Arc::new(Rates::new(config.rates.clone())),
            resolving: Arc::new(Resolving::new(config)),
            clock,
        }
    }

    /// The same with rules for dotted paths.
    #[must_use]
    pub fn with_mapper(self, mapper: Mapper) -> Self {
        Self { mapper, ..self }
    }

    /// The same with aggregation rules.
    #[must_use]
    pub fn with_aggregation(self, aggregation: Aggregation) -> Self {
        Self {
            aggregation,
            ..self
        }
    }

    /// What dotted paths become.
    #[must_use]
    pub fn mapper(&self) -> &Mapper {
        &self.mapper
    }

    /// Who sends by this protocol from this source: asked once a connection, source of datagrams or request.
    #[must_use]
    pub fn sender(&self, protocol: &'static str, source: Source<'_>) -> Sender {
        let account = match source {
            Source::Gateway => self.ledger.account(protocol, "gateway"),
            Source::Token(name) => self.ledger.account(protocol, name),
            Source::Certificate(name) => self.ledger.account(protocol, &format!("cert:{name}")),
            Source::Peer(address) => {
                let address = address.to_canonical().to_string();
                self.ledger.account(protocol, &address)
            }
            Source::Rest => self.ledger.account(protocol, REST),
        };
        let sender = Sender::new(account, source == Source::Gateway);
        if sender.is_own() {
            return sender;
        }
        let allowance = self.rates.allowance(sender.source());
        let class = self.resolving.priorities.of_source(sender.source());
        sender.limited(allowance, class)
    }

    /// What a connection may bring that is read under this sender's name; `None` for as much as it will.
    #[must_use]
    pub fn pace(&self, sender: &Sender) -> Option<Pace> {
        let allowance = Arc::clone(sender.allowance()?);
        Some(Pace::new(allowance, Arc::clone(&self.clock)))
    }

    /// What became of everything that was sent.
    #[must_use]
    pub fn ledger(&self) -> &Arc<Ledger> {
        &self.ledger
    }

    /// The number of a series; a refusal is for the caller to count with [`Sender::refuse`].
    ///
    /// # Errors
    /// [`Reject::OverLimit`] when no new series is taken, and what sizes and relabelling say.
    pub fn resolve(&self, sender: &Sender, key: &SeriesKey) -> Result<SeriesId, Reject> {
        let run: KeyRun = [key].into_iter().collect();
        let mut found = self.resolve_many(sender, &run);
        found.pop().unwrap_or(Err(Reject::OverLimit))
    }

    /// The same for many at once, in their order.
    #[must_use]
    pub fn resolve_many(&self, sender: &Sender, keys: &KeyRun) -> Vec<Result<SeriesId, Reject>> {
        self.resolving
            .resolve(&self.store, sender, keys, (self.clock)())
    }

    /// What sizes, relabelling and collapsed labels make of a series, for who names series before they are resolved.
    ///
    /// # Errors
    /// Why it is not to be.
    pub fn rewrite(&self, key: SeriesKey) -> Result<SeriesKey, Reject> {
        let new = self.resolving.rewrite(key.borrowed())?;
        Ok(new.unwrap_or(key))
    }

    /// Whether series that are [`Admission::rewrite`]n may be, for a sender in whose place the gateway stores them: the
    /// label whose values are too many, if they are to be collapsed.
    ///
    /// # Errors
    /// [`Reject::OverLimit`].
    pub fn admit(&self, sender: &Sender, keys: &KeyRun) -> Result<Option<String>, Reject> {
        self.resolving
            .admit(&self.store, sender, keys, (self.clock)())
    }

    /// What the guard on new series sees, with lists of at most so many.
    #[must_use]
    pub fn guard_json(&self, limit: usize) -> serde_json::Value {
        self.resolving.guard.to_json(limit)
    }

    /// Changes when series were taken out or rules changed, so that remembered names are to be forgotten: see
    /// [`Store::generation`] and [`Mapper::generation`].
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.store
            .generation()
            .wrapping_add(self.mapper.generation())
    }

    /// Waits until the sender's rate has borne what was read already.
    pub async fn pay_bytes(&self, sender: &Sender, bytes: u64) {
        let allowance = sender.allowance().filter(|_| bytes > 0);
        let wait = allowance.and_then(|one| one.owe_bytes(bytes, (self.clock)()));
        if let Some(wait) = wait {
            tokio::time::sleep(wait).await;
        }
    }

    /// Waits until the sender's rate has borne samples that were taken already, and are aggregated.
    pub async fn pay_samples(&self, sender: &Sender, count: u64) {
        let allowance = sender.allowance().filter(|_| count > 0);
        let wait = allowance.and_then(|one| one.owe_samples(count, (self.clock)()));
        if let Some(wait) = wait {
            tokio::time::sleep(wait).await;
        }
    }

    /// Takes these points from the sender's rate, once there is room if it can wait.
    ///
    /// # Errors
    /// It can not, and how long it would be.
    async fn within_rate(&self, sender: &Sender, count: u64, waits: bool) -> Result<(), Duration> {
        let Some(allowance) = sender.allowance() else {
            return Ok(());
        };
        loop {
            match allowance.take_samples(count, (self.clock)()) {
                Err(wait) if waits => tokio::time::sleep(wait.min(RETRY_RATE)).await,
                taken => return taken,
            }
        }
    }

    /// Under overload, takes out what matters least; it is counted.
    fn shed(&self, sender: &Sender, points: &mut Points) -> u64 {
        let priorities = &self.resolving.priorities;
        if priorities.is_off() || !sender.matters_by_series() {
            return 0;
        }
        let gone = priorities.shed(self.floor(), sender.class(), points);
        sender.lose(Dropped::Priority, gone);
        gone
    }

    /// Whether all of a sender is let go now; for who aggregates, and so hands over no points in its name.
    #[must_use]
    pub fn is_shed(&self, sender: &Sender) -> bool {
        let is_below = |class| class < self.floor();
        sender.class().is_some_and(is_below)
    }

    /// The lowest class that is taken now.
    fn floor(&self) -> Class {
        let priorities = &self.resolving.priorities;
        if priorities.pressure.is_look_due() {
            let used = self.store.stats().head_bytes;
            priorities.set_head(used);
        }
        priorities.floor()
    }

    /// Stores points and waits until they are on disk.
    ///
    /// # Errors
    /// The journal's; the points are counted as dropped then.
    pub async fn store(&self, sender: &Sender, points: Points) -> Result<Written, StoreError> {
        match self.store_within(sender, points, None).await {
            Err(Untaken::Store(error)) => Err(error),
            // What is the gateway's own has neither rate nor class.
            Err(_) => Err(StoreError::Busy),
            Ok(written) => Ok(written),
        }
    }

    /// The same, for somebody who is told after a while that there is no room rather than kept waiting.
    ///
    /// # Errors
    /// The journal's, [`StoreError::Busy`] and [`StoreError::Full`], a rate that is used up, and an overload in which some
    /// points were let go; what was not taken is counted as dropped then.
    pub async fn deliver(&self, sender: &Sender, points: Points) -> Result<Written, Untaken> {
        self.store_within(sender, points, Some(PATIENCE)).await
    }

    async fn store_within(
        &self,
        sender: &Sender,
        mut points: Points,
        patience: Option<Duration>,
    ) -> Result<Written, Untaken> {
        let count = points.len() as u64;
        if let Err(wait) = self.within_rate(sender, count, false).await {
            sender.lose(Dropped::Rate, count);
            return Err(Untaken::Rate(wait));
        }
        let shed = self.shed(sender, &mut points);
        let (send, receive) = oneshot::channel();
        let done: Done = Box::new(move |result| {
            // Who asked may be gone; what was stored stays stored and was counted.
            let _ = send.send(result);
        });
        let count = points.len() as u64;
        let write = self.write(sender, None, None, points, done);
        let write = match patience {
            None => write.await,
            Some(patience) => match tokio::time::timeout(patience, write).await {
                Ok(write) => write,
                Err(_) => {
                    sender.lose(Dropped::Queue, count);
                    return Err(StoreError::Busy.into());
                }
            },
        };
        self.hand_over(write, patience, patience).await;
        let written = receive.await.unwrap_or(Err(StoreError::Closed))?;
        match shed {
            0 => Ok(written),
            shed => Err(Untaken::Priority(shed)),
        }
    }

    /// Hands points over and returns once they are queued; `done` is called when they are on disk, or refused.
    pub async fn submit(
        &self,
        sender: &Sender,
        origin: Option<Origin>,
        chain: Option<Chain>,
        mut points: Points,
        done: Done,
    ) {
        let count = points.len() as u64;
        if self
            .within_rate(sender, count, sender.waits())
            .await
            .is_err()
        {
            sender.lose(Dropped::Rate, count);
            return done(Ok(Written::default()));
        }
        self.shed(sender, &mut points);
        // An agent has its batch still and can ask another gateway; who sends lines waits.
        let patience = origin.as_ref().map(|_| PATIENCE);
        let write = self.write(sender, origin, chain, points, done).await;
        self.hand_over(write, None, patience).await;
    }

    /// A write whose outcome goes to the sender's account first. Waits while aggregation rules are behind.
    async fn write(
        &self,
        sender: &Sender,
        origin: Option<Origin>,
        chain: Option<Chain>,
        mut points: Points,
        done: Done,
    ) -> Write {
        let taken_out = self.aggregation.take_out(sender, &mut points).await;
        let (count, account) = (points.len() as u64, Arc::clone(sender.account()));
        account.hand_over(count);
        let counted: Done = Box::new(move |result| {
            account.settle(count, &result);
            if let Some(taken_out) = taken_out {
                taken_out.settle(&result);
            }
            done(result);
        });
        Write {
            origin,
            chain,
            points,
            done: counted,
        }
    }

    /// Tries until the write is queued, or for so long while the queue is busy, or the store full; `None` is for ever.
    async fn hand_over(
        &self,
        mut write: Write,
        while_busy: Option<Duration>,
        while_full: Option<Duration>,
    ) {
        if write.points.is_empty() && write.origin.is_none() {
            return (write.done)(Ok(Written::default()));
        }
        let started = tokio::time::Instant::now();
        loop {
            let (back, error) = match self.store.append(write) {
                Ok(()) => return,
                Err(refused) => refused,
            };
            if matches!(error, StoreError::Busy) {
                let pressure = &self.resolving.priorities.pressure;
                pressure.waited(started.elapsed());
            }
            let (patience, pause) = match error {
                StoreError::Busy => (while_busy, RETRY),
                StoreError::Full(_) => (while_full, RETRY_FULL),
                _ => (Some(Duration::ZERO), RETRY),
            };
            if patience.is_some_and(|patience| started.elapsed() >= patience) {
                return (back.done)(Err(error));
            }
            write = *back;
            tokio::time::sleep(pause).await;
        }
    }
}
