//! From what a parser found to the store: names to series numbers, points gathered, handed over in batches. One a
//! connection, a socket or a request; the same for every protocol that names its series in each line.

use std::collections::HashSet;
use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use weir_store::{Clock, Done, Points, Written};
use weir_wire::graphite::{self, Line};
use weir_wire::{Histogram, Reject, Sample, SeriesKey, Value};

use super::names::Names;
use super::not_taken::NotTaken;
use crate::admission::{Admission, Sender, Untaken};

/// Batches of one intake that may wait for the disk.
const IN_FLIGHT: u32 = 32;
/// Points of names that are new to an intake, resolved together.
const NEW_TOGETHER: usize = 1_024;
/// Names remembered that are not wanted; past it all are forgotten, and found out again.
const UNWANTED: usize = 100_000;

/// Gathers points; what is refused is counted here.
pub(crate) struct Intake {
    sender: Sender,
    admission: Admission,
    clock: Clock,
    names: Names,
    /// The store's when the names were learnt.
    generation: u64,
    points: Points,
    new: New,
    /// Points of series that were not taken, since they were last told.
    not_taken: NotTaken,
    /// Names of series that are not taken, whatever comes.
    unwanted: HashSet<u128>,
    slots: Arc<Semaphore>,
    /// The names are dotted paths: mapping rules apply.
    is_mapped: bool,
}

/// What became of points that somebody waits for.
#[derive(Debug, Default, Clone)]
pub(crate) struct Delivered {
    pub(crate) written: Written,
    pub(crate) not_taken: NotTaken,
}

impl Delivered {
    /// Points that are not in the store, all of them counted.
    pub(crate) fn refused(&self) -> u64 {
        self.written.too_early + self.written.too_old + self.not_taken.count()
    }
}

/// Points whose names are to be resolved yet; a series' points are all among them or none, so none overtakes another.
#[derive(Default)]
struct New {
    keys: graphite::Keys,
    points: Vec<(u128, i64, f64)>,
}

impl Intake {
    pub(crate) fn new(sender: Sender, admission: Admission, clock: Clock) -> Self {
        Self {
            sender,
            admission,
            clock,
            names: Names::default(),
            generation: 0,
            points: Points::default(),
            new: New::default(),
            not_taken: NotTaken::default(),
            unwanted: HashSet::new(),
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

    /// What comes from now on is this sender's; nothing of another's may be gathered.
    pub(crate) fn set_sender(&mut self, sender: Sender) {
        self.sender = sender;
        // Series may have left while nobody used it.
        self.forget_if_series_left();
    }

    pub(crate) fn sender(&self) -> &Sender {
        &self.sender
    }

    /// The gateway's clock, in milliseconds.
    pub(crate) fn now_ms(&self) -> i64 {
        (self.clock)()
    }

    /// Points gathered and not handed over yet.
    pub(crate) fn len(&self) -> usize {
        self.points.len() + self.new.points.len()
    }

    /// Counts pieces of input that were refused.
    pub(crate) fn refuse(&self, reason: Reject, count: u64) {
        self.sender.refuse(reason, count);
    }

    /// Takes a line of Graphite's, or what is named as there.
    ///
    /// # Errors
    /// As [`graphite::series_key`]; nothing is counted then.
    #[inline]
    pub(crate) fn line(&mut self, line: &Line<'_>) -> Result<(), Reject> {
        let hash = Names::hash(line.identity);
        let timestamp_ms = line.timestamp_ms.unwrap_or_else(|| (self.clock)());
        match self.names.find(hash) {
            Some(series) => self.points.push(series, timestamp_ms, line.value),
            None if self.is_unwanted(hash) => {}
            None => {
                self.put_new_key(line.identity)?;
                self.put_new(hash, timestamp_ms, line.value);
            }
        }
        Ok(())
    }

    #[cold]
    fn put_new_key(&mut self, identity: &[u8]) -> Result<(), Reject> {
        let mapper = self.admission.mapper();
        if !self.is_mapped || mapper.is_empty() {
            return self.new.keys.push(identity);
        }
        let key = mapper.map(graphite::series_key(identity)?, None)?;
        self.new.keys.push_key(&key);
        Ok(())
    }

    /// Takes a float of the series that `hash` stands for in this protocol; `key` puts its key to the others, and is asked
    /// only for a name that is new here. Without a time it is the time of arrival.
    ///
    /// # Errors
    /// The key's; nothing is counted then.
    #[inline]
    pub(crate) fn float<E>(
        &mut self,
        hash: u128,
        key: impl FnOnce(&mut graphite::Keys) -> Result<(), E>,
        timestamp_ms: Option<i64>,
        value: f64,
    ) -> Result<(), E> {
        let timestamp_ms = timestamp_ms.unwrap_or_else(|| (self.clock)());
        if let Some(series) = self.names.find(hash) {
            self.points.push(series, timestamp_ms, value);
            return Ok(());
        }
        if self.is_unwanted(hash) {
            return Ok(());
        }
        key(&mut self.new.keys)?;
        self.put_new(hash, timestamp_ms, value);
        Ok(())
    }

    /// Takes a distribution of one interval, in the same way.
    ///
    /// # Errors
    /// The key's; nothing is counted then.
    pub(crate) fn histogram<E>(
        &mut self,
        hash: u128,
        key: impl FnOnce() -> Result<SeriesKey, E>,
        timestamp_ms: i64,
        histogram: Histogram,
    ) -> Result<(), E> {
        if self.new.points.iter().any(|(new, ..)| *new == hash) {
            self.resolve();
        }
        let series = match self.names.find(hash) {
            Some(series) => series,
            None if self.is_unwanted(hash) => return Ok(()),
            None => {
                let key = key()?;
                match self.admission.resolve(&self.sender, &key) {
                    Ok(series) => {
                        self.names.learn(hash, series);
                        series
                    }
                    Err(reason) => {
                        self.not_taken.add(reason, Some(key.borrowed()));
                        self.refuse_series(hash, reason);
                        return Ok(());
                    }
                }
            }
        };
        let value = Value::Histogram(Arc::new(histogram));
        self.points.push_sample(
            series,
            &Sample {
                timestamp_ms,
                value,
            },
        );
        Ok(())
    }

    /// Counts a point of a series that was refused for good, without asking again.
    #[cold]
    fn is_unwanted(&self, hash: u128) -> bool {
        let unwanted = self.unwanted.contains(&hash);
        self.sender.refuse(Reject::Unwanted, u64::from(unwanted));
        unwanted
    }

    #[cold]
    fn put_new(&mut self, hash: u128, timestamp_ms: i64, value: f64) {
        self.new.points.push((hash, timestamp_ms, value));
        if self.new.points.len() >= NEW_TOGETHER {
            self.resolve();
        }
    }

    /// Learns the names that are new, and takes their points; those of series that are not taken are counted.
    fn resolve(&mut self) {
        let found = self
            .admission
            .resolve_many(&self.sender, self.new.keys.run());
        let mut points = std::mem::take(&mut self.new.points);
        for (at, ((hash, timestamp_ms, value), series)) in points.drain(..).zip(found).enumerate() {
            let series = match series {
                Ok(series) => series,
                Err(reason) => {
                    self.not_taken.add(reason, self.new.keys.run().get(at));
                    self.refuse_series(hash, reason);
                    continue;
                }
            };
            if self.names.find(hash).is_none() {
                self.names.learn(hash, series);
            }
            self.points.push(series, timestamp_ms, value);
        }
        self.new.points = points;
        self.new.keys.clear();
    }

    /// Counts a point whose series is not taken.
    fn refuse_series(&mut self, hash: u128, reason: Reject) {
        self.sender.refuse(reason, 1);
        if reason == Reject::Unwanted {
            if self.unwanted.len() >= UNWANTED {
                self.unwanted.clear();
            }
            self.unwanted.insert(hash);
        }
    }

    /// Hands over what was taken; waits only while too much waits already. What fails is counted and logged there.
    pub(crate) async fn store(&mut self) {
        self.resolve_new();
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
            .submit(&self.sender, None, None, points, done)
            .await;
        self.forget_if_series_left();
    }

    fn done(&self, slot: OwnedSemaphorePermit) -> Done {
        let protocol = self.sender.protocol();
        Box::new(move |result| {
            if let Err(error) = result {
                tracing::warn!("lines of {protocol} were dropped: {error}");
            }
            drop(slot);
        })
    }

    /// Hands over what was taken and waits until it is on disk; for who is to be answered.
    ///
    /// # Errors
    /// Of the store, and of limits; what was not taken is counted as dropped then.
    pub(crate) async fn deliver(&mut self) -> Result<Delivered, Untaken> {
        let not_taken = self.resolve_new();
        let points = std::mem::take(&mut self.points);
        let written = match points.is_empty() {
            true => Ok(Written::default()),
            false => self.admission.deliver(&self.sender, points).await,
        };
        self.forget_if_series_left();
        Ok(Delivered {
            written: written?,
            not_taken,
        })
    }

    /// Lets go of what was taken since the last time: the message it came in is refused whole.
    pub(crate) fn discard(&mut self, reason: Reject) {
        let gone = self.len() as u64;
        self.points = Points::default();
        self.new = New::default();
        self.not_taken = NotTaken::default();
        self.refuse(reason, gone);
    }

    /// Learns what is new now, and tells of points whose series are not taken. For who takes all or nothing.
    pub(crate) fn resolve_new(&mut self) -> NotTaken {
        if !self.new.points.is_empty() {
            self.resolve();
        }
        std::mem::take(&mut self.not_taken)
    }

    /// Series that left since may come again under another number.
    fn forget_if_series_left(&mut self) {
        let generation = self.admission.generation();
        if generation != self.generation {
            self.generation = generation;
            self.names.forget();
            self.unwanted.clear();
        }
    }

    /// Waits until everything that was handed over is on disk, or refused.
    pub(crate) async fn all_stored(&mut self) {
        self.store().await;
        let _all = self.slots.acquire_many(IN_FLIGHT).await;
    }
}
