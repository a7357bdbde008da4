//! The one way into the store, for every protocol: resolves series, hands points over, waits for the disk, and counts
//! what became of each. For each protocol `received = stored + rejected + dropped + aggregated`, because all are counted
//! together, when the outcome is known.

use std::sync::Arc;
use std::time::Duration;

use metrics::counter;
use tokio::sync::oneshot;
use weir_store::{Chain, Done, Origin, Points, SeriesId, Store, StoreError, Write, Written};
use weir_wire::{KeyRun, Reject, SeriesKey};

use crate::aggregation::Aggregation;
use crate::mapping::Mapper;

/// How often a full queue is tried again. The caller's socket is not read meanwhile: that is the back-pressure.
const RETRY: Duration = Duration::from_millis(5);
/// The same while there is no room.
const RETRY_FULL: Duration = Duration::from_millis(200);
/// An agent that waited so long for room is told, so that it can ask another gateway; it has its batch still.
const PATIENCE: Duration = Duration::from_secs(5);

/// Cheap to clone; one for all listeners.
#[derive(Clone)]
pub struct Admission {
    store: Arc<Store>,
    mapper: Mapper,
    aggregation: Aggregation,
}

impl Admission {
    #[must_use]
    pub fn new(store: Arc<Store>) -> Self {
        Self {
            store,
            mapper: Mapper::default(),
            aggregation: Aggregation::default(),
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

    /// The number of a series; a refusal is for the caller to count with [`count_rejected`].
    ///
    /// # Errors
    /// [`Reject::OverLimit`] when no new series is taken.
    pub fn resolve(&self, key: &SeriesKey) -> Result<SeriesId, Reject> {
        self.store.resolve(key).map_err(|_| Reject::OverLimit)
    }

    /// The same for many at once; `None` for those that are not taken.
    #[must_use]
    pub fn resolve_many(&self, keys: &KeyRun) -> Vec<Option<SeriesId>> {
        self.store.resolve_many(keys)
    }

    /// Changes when series were taken out or rules changed, so that remembered names are to be forgotten: see
    /// [`Store::generation`] and [`Mapper::generation`].
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.store
            .generation()
            .wrapping_add(self.mapper.generation())
    }

    /// Stores points and waits until they are on disk.
    ///
    /// # Errors
    /// The journal's; the points are counted as dropped then.
    pub async fn store(
        &self,
        protocol: &'static str,
        points: Points,
    ) -> Result<Written, StoreError> {
        self.store_within(protocol, points, None).await
    }

    /// The same, for somebody who is told after a while that there is no room rather than kept waiting.
    ///
    /// # Errors
    /// The journal's, [`StoreError::Busy`] and [`StoreError::Full`]; the points are counted as dropped then.
    pub async fn deliver(
        &self,
        protocol: &'static str,
        points: Points,
    ) -> Result<Written, StoreError> {
        self.store_within(protocol, points, Some(PATIENCE)).await
    }

    async fn store_within(
        &self,
        protocol: &'static str,
        points: Points,
        patience: Option<Duration>,
    ) -> Result<Written, StoreError> {
        let (send, receive) = oneshot::channel();
        let done: Done = Box::new(move |result| {
            // Who asked may be gone; what was stored stays stored and was counted.
            let _ = send.send(result);
        });
        let count = points.len() as u64;
        let write = self.write(protocol, None, None, points, done);
        let write = match patience {
            None => write.await,
            Some(patience) => match tokio::time::timeout(patience, write).await {
                Ok(write) => write,
                Err(_) => {
                    let refused = Err(StoreError::Busy);
                    count_outcome(protocol, count, &refused);
                    return refused;
                }
            },
        };
        self.hand_over(write, patience, patience).await;
        receive.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Hands points over and returns once they are queued; `done` is called when they are on disk, or refused.
    pub async fn submit(
        &self,
        protocol: &'static str,
        origin: Option<Origin>,
        chain: Option<Chain>,
        points: Points,
        done: Done,
    ) {
        // An agent has its batch still and can ask another gateway; who sends lines waits.
        let patience = origin.as_ref().map(|_| PATIENCE);
        let write = self.write(protocol, origin, chain, points, done).await;
        self.hand_over(write, None, patience).await;
    }

    /// Waits while aggregation rules are behind.
    async fn write(
        &self,
        protocol: &'static str,
        origin: Option<Origin>,
        chain: Option<Chain>,
        mut points: Points,
        done: Done,
    ) -> Write {
        let taken_out = self.aggregation.take_out(protocol, &mut points).await;
        let count = points.len() as u64;
        let counted: Done = Box::new(move |result| {
            count_outcome(protocol, count, &result);
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

/// Counts input that was refused before it became a point.
pub fn count_rejected(protocol: &'static str, reason: Reject, count: u64) {
    if count > 0 {
        counter!("weir_ingest_received_total", "protocol" => protocol).increment(count);
        counter!("weir_ingest_rejected_total", "protocol" => protocol, "reason" => reason.as_str())
            .increment(count);
    }
}

fn count_outcome(protocol: &'static str, count: u64, result: &Result<Written, StoreError>) {
    let Ok(written) = result else {
        counter!("weir_ingest_received_total", "protocol" => protocol).increment(count);
        counter!("weir_ingest_dropped_total", "protocol" => protocol, "reason" => "journal")
            .increment(count);
        return;
    };
    count_rejected(protocol, Reject::TooEarly, written.too_early);
    count_rejected(protocol, Reject::TooOld, written.too_old);
    let kept = count - written.too_early - written.too_old;
    counter!("weir_ingest_received_total", "protocol" => protocol).increment(kept);
    counter!("weir_ingest_stored_total", "protocol" => protocol).increment(kept);
    let again = if written.known_batch {
        count
    } else {
        written.duplicate
    };
    counter!("weir_ingest_duplicates_total", "protocol" => protocol).increment(again);
    counter!("weir_ingest_replaced_total", "protocol" => protocol).increment(written.replaced);
}
