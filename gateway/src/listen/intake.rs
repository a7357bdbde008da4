//! From what a parser found to the store: names to series numbers, points gathered, handed over in batches. One a
//! connection, a socket or a request; the same for every protocol that names its series in each line.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use weir_store::{Clock, Done, Points, SeriesId};
use weir_wire::{Reject, SeriesKey};

use super::names::Names;
use crate::admission::{Admission, count_rejected};

/// Batches of one intake that may wait for the disk.
const IN_FLIGHT: u32 = 32;

/// Gathers points; what is refused is counted here.
pub(crate) struct Intake {
    protocol: &'static str,
    admission: Admission,
    clock: Clock,
    names: Names,
    /// The store's when the names were learnt.
    generation: u64,
    points: Points,
    slots: Arc<Semaphore>,
    /// The names are dotted paths: mapping rules apply.
    is_mapped: bool,
}

impl Intake {
    pub(crate) fn new(protocol: &'static str, admission: Admission, clock: Clock) -> Self {
        Self {
            protocol,
            admission,
            clock,
            names: Names::default(),
            generation: 0,
            points: Points::default(),
            slots: Arc::new(Semaphore::new(IN_FLIGHT as usize)),
            is_mapped: false,
        }
    }

    /// For a protocol of dotted paths: what they become is said by the mapping rules.
    pub(crate) fn mapped(self) -> Self {
        Self {
            is_mapped: true,
            ..self
        }
    }

    /// Points gathered and not handed over yet.
    pub(crate) fn len(&self) -> usize {
        self.points.len()
    }

    /// Counts pieces of input that were refused.
    pub(crate) fn refuse(&self, reason: Reject, count: u64) {
        count_rejected(self.protocol, reason, count);
    }

    /// Takes a float of the series that `identity` stands for; `key` reads it, and is asked only for a name that is new
    /// here. Without a time it is the time of arrival.
    ///
    /// # Errors
    /// The key's, or [`Reject::OverLimit`]; nothing is counted.
    #[inline]
    pub(crate) fn float(
        &mut self,
        identity: &[u8],
        key: impl FnOnce(&[u8]) -> Result<SeriesKey, Reject>,
        timestamp_ms: Option<i64>,
        value: f64,
    ) -> Result<(), Reject> {
        let series = self.series(Names::hash(identity), || key(identity))?;
        let timestamp_ms = timestamp_ms.unwrap_or_else(|| (self.clock)());
        self.points.push(series, timestamp_ms, value);
        Ok(())
    }

    /// The number of a series by the hash of whatever names it in this protocol.
    ///
    /// # Errors
    /// As for [`Intake::float`].
    #[inline]
    pub(crate) fn series(
        &mut self,
        hash: u128,
        key: impl FnOnce() -> Result<SeriesKey, Reject>,
    ) -> Result<SeriesId, Reject> {
        match self.names.find(hash) {
            Some(series) => Ok(series),
            None => self.resolve(hash, key()?),
        }
    }

    #[cold]
    fn resolve(&mut self, hash: u128, key: SeriesKey) -> Result<SeriesId, Reject> {
        let key = match self.is_mapped {
            true => self.admission.mapper().map(key, None)?,
            false => key,
        };
        let series = self.admission.resolve(&key)?;
        self.names.learn(hash, series);
        Ok(series)
    }

    /// Hands over what was taken; waits only while too much waits already. What fails is counted and logged there.
    pub(crate) async fn store(&mut self) {
        if self.points.is_empty() {
            return;
        }
        let room = self.points.len();
        let points = std::mem::replace(&mut self.points, Points::with_capacity(room));
        let Ok(slot) = Arc::clone(&self.slots).acquire_owned().await else {
            return;
        };
        let done = self.done(slot);
        self.admission
            .submit(self.protocol, None, None, points, done)
            .await;
        // Series that left since may come again under another number.
        let generation = self.admission.generation();
        if generation != self.generation {
            self.generation = generation;
            self.names.forget();
        }
    }

    fn done(&self, slot: OwnedSemaphorePermit) -> Done {
        let protocol = self.protocol;
        Box::new(move |result| {
            if let Err(error) = result {
                tracing::warn!("lines of {protocol} were dropped: {error}");
            }
            drop(slot);
        })
    }

    /// Waits until everything that was handed over is on disk, or refused.
    pub(crate) async fn all_stored(&mut self) {
        self.store().await;
        let _all = self.slots.acquire_many(IN_FLIGHT).await;
    }
}
