//! Aggregation rules on the way into the store: which points have rules, which of those are kept, and the road of their
//! samples to the task that owns the intervals. Owns what is remembered of each series, so that one without rules costs
//! a look into a list.

mod command;
mod config;
mod document;
mod task;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use parking_lot::RwLock;
use tokio::sync::mpsc;
use weir_aggregate::rules::{Plan, Point, Rules};
use weir_store::{Clock, Points, SeriesId, Store, StoreError, Written};
use weir_wire::{Histogram, Value};

use crate::admission::Sender;
use crate::rule_file::FileError;

pub(crate) use command::{AggregateCommand, run};
pub use config::AggregationConfig;
pub(crate) use config::ReadAggregation;
pub(crate) use document::load;
pub(crate) use task::Aggregator;

/// The protocol that aggregates are counted under.
pub(crate) const PROTOCOL: &str = "aggregation";
/// Batches that wait for the task; past it whoever has points waits.
const WAITING: usize = 256;
/// What is remembered of a series' number beside a place in the list of plans.
const NOT_ASKED: u32 = 0;
const NO_RULE: u32 = 1;
const FIRST_PLAN: u32 = 2;

/// Cheap to clone; without rules it does nothing.
#[derive(Clone, Default)]
pub struct Aggregation(Option<Arc<Inner>>);

struct Inner {
    config: AggregationConfig,
    clock: Clock,
    store: Arc<Store>,
    planned: RwLock<Planned>,
    inbox: mpsc::Sender<Batch>,
}

#[derive(Default)]
struct Planned {
    rules: Rules,
    /// By series number.
    of_series: Vec<u32>,
    plans: Vec<Arc<Plan>>,
}

/// Samples on their way to the task.
pub(crate) struct Batch {
    sender: Sender,
    samples: Vec<(Arc<Plan>, Point)>,
}

/// Samples that go to the task once their batch is on disk.
pub(crate) struct TakenOut {
    place: mpsc::OwnedPermit<Batch>,
    batch: Batch,
    withheld: u64,
}

impl Aggregation {
    /// Reads the rules; with them comes the task that tells the intervals.
    pub(crate) fn open(
        config: AggregationConfig,
        store: Arc<Store>,
        clock: Clock,
    ) -> Result<(Self, Aggregator), FileError> {
        let rules = load(&config, &Rules::default(), clock())?;
        let (inbox, batches) = mpsc::channel(WAITING);
        let task = Aggregator::new(batches, config.caps.clone(), Arc::clone(&clock));
        let planned = RwLock::new(Planned {
            rules,
            ..Planned::default()
        });
        let inner = Inner {
            config,
            clock,
            store,
            planned,
            inbox,
        };
        Ok((Self(Some(Arc::new(inner))), task))
    }

    /// Reads the files as they are now; changes nothing.
    pub(crate) fn read(&self) -> Result<Rules, FileError> {
        match &self.0 {
            Some(inner) => load(&inner.config, &inner.planned.read().rules, (inner.clock)()),
            None => Ok(Rules::default()),
        }
    }

    /// Puts rules into force. Intervals of rules that went are told at their end with what they have.
    pub(crate) fn take(&self, rules: Rules) {
        if let Some(inner) = &self.0 {
            *inner.planned.write() = Planned {
                rules,
                ..Planned::default()
            };
        }
    }

    /// Takes out of the points those that are not to be stored, with copies of others that rules want; `None` when
    /// there are none. Waits while the task is behind.
    pub(crate) async fn take_out(&self, sender: &Sender, points: &mut Points) -> Option<TakenOut> {
        let inner = self.0.as_ref().filter(|_| sender.protocol() != PROTOCOL)?;
        if !inner.wants_any(points) {
            return None;
        }
        // When the task is gone the originals are stored.
        let place = inner.inbox.clone().reserve_owned().await.ok()?;
        let samples = inner.split(points);
        let withheld = samples
            .iter()
            .filter(|(_, point)| point.is_withheld)
            .count() as u64;
        let batch = Batch {
            sender: sender.clone(),
            samples,
        };
        Some(TakenOut {
            place,
            batch,
            withheld,
        })
    }
}

impl TakenOut {
    /// What became of the batch that the samples came with decides about them.
    pub(crate) fn settle(self, result: &Result<Written, StoreError>) {
        let sender = &self.batch.sender;
        match result {
            Err(error) => sender.lose(error.into(), self.withheld),
            // They were in an interval already: once is enough.
            Ok(written) if written.known_batch => sender.aggregate(self.withheld, self.withheld),
            Ok(_) => drop(self.place.send(self.batch)),
        }
    }
}

impl Inner {
    fn wants_any(&self, points: &Points) -> bool {
        let mut unknown = Vec::new();
        let mut wants = false;
        {
            let planned = self.planned.read();
            if planned.rules.is_empty() {
                return false;
            }
            for series in points.series() {
                match planned.of(series) {
                    NOT_ASKED => unknown.push(series),
                    found => wants |= found >= FIRST_PLAN,
                }
            }
        }
        for series in unknown {
            wants |= self.ask(series) >= FIRST_PLAN;
        }
        wants
    }

    #[cold]
    fn ask(&self, series: SeriesId) -> u32 {
        // A number whose series left is refused by the store, too.
        let key = self.store.key(series);
        let mut planned = self.planned.write();
        let plan = key.and_then(|key| planned.rules.plan(&key));
        planned.learn(series, plan)
    }

    fn split(&self, points: &mut Points) -> Vec<(Arc<Plan>, Point)> {
        let planned = self.planned.read();
        let mut samples = Vec::new();
        points.retain_samples(|series, timestamp_ms, value| {
            let Some(plan) = planned.plan(series) else {
                return true;
            };
            let Some(value) = read(value) else {
                return true;
            };
            let is_withheld = plan.withholds(timestamp_ms);
            let point = Point {
                series: series.number(),
                is_withheld,
                timestamp_ms,
                value,
            };
            samples.push((Arc::clone(plan), point));
            !is_withheld
        });
        samples
    }
}

fn read(value: Result<f64, &[u8]>) -> Option<Value> {
    match value {
        Ok(float) => Some(Value::Float(float)),
        // What an encoder of this program wrote a moment ago.
        Err(bytes) => Histogram::decode(bytes)
            .ok()
            .map(|all| Value::Histogram(Arc::new(all))),
    }
}

impl Planned {
    #[inline]
    fn of(&self, series: SeriesId) -> u32 {
        let found = self.of_series.get(series.number() as usize);
        found.copied().unwrap_or(NOT_ASKED)
    }

    fn plan(&self, series: SeriesId) -> Option<&Arc<Plan>> {
        let at = self.of(series).checked_sub(FIRST_PLAN)?;
        self.plans.get(at as usize)
    }

    fn learn(&mut self, series: SeriesId, plan: Option<Plan>) -> u32 {
        let at = series.number() as usize;
        if self.of_series.len() <= at {
            self.of_series.resize(at + 1, NOT_ASKED);
        }
        self.of_series[at] = match plan {
            None => NO_RULE,
            Some(plan) => {
                self.plans.push(Arc::new(plan));
                self.plans.len() as u32 - 1 + FIRST_PLAN
            }
        };
        self.of_series[at]
    }
}
