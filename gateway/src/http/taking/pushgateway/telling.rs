//! A group's points on their way to the disk. Of a push all are stored or none; of what is told again or ended, those whose
//! series are still taken. Remembers nothing of groups.

use weir_wire::graphite::Keys;
use weir_wire::{Invalid, Reject};

use super::group::{Counts, Point};
use super::{NotDone, PROTOCOL};
use crate::admission::Sender;
use crate::http::taking::Taking;
use crate::http::taking::cumulative::{Brought, Counted};
use crate::http::taking::distribution;
use crate::http::taking::refusal::{self, Refusal};
use crate::listen::intake::Intake;

/// Points on their way to the disk, and in whose name.
pub(super) struct Telling<'a> {
    pub(super) taking: &'a Taking,
    pub(super) sender: &'a Sender,
}

impl Telling<'_> {
    pub(super) fn now_ms(&self) -> i64 {
        self.taking.now_ms()
    }

    pub(super) fn default_ttl_ms(&self) -> i64 {
        self.taking.config.pushgateway.ttl.as_millis() as i64
    }

    /// Stores all of them or none.
    pub(super) async fn store_whole(&self, points: Vec<Point>, now_ms: i64) -> Result<(), NotDone> {
        let (mut intake, brought) = self.gather(points, now_ms)?;
        let not_taken = intake.resolve_new();
        let Some((_, why)) = not_taken.words().next() else {
            return self.deliver(intake, brought).await;
        };
        let reject = match not_taken.over_limit {
            0 => Reject::BadLabels,
            _ => Reject::OverLimit,
        };
        intake.discard(reject);
        self.taking.pushgateway.give_back(intake);
        Err(Invalid::new(reject, why).into())
    }

    /// Stores what a group had; where a series is not taken any more there is nothing to tell, or to end.
    pub(super) async fn store(&self, points: Vec<Point>, now_ms: i64) -> Result<(), NotDone> {
        let (mut intake, brought) = self.gather(points, now_ms)?;
        intake.resolve_new();
        intake.set_sender(self.sender.clone());
        self.deliver(intake, brought).await
    }

    /// What is told again is the gateway's own, and its series are those that the push had: the same rules apply.
    fn gather(&self, points: Vec<Point>, now_ms: i64) -> Result<(Intake, Brought), Invalid> {
        let intakes = &self.taking.pushgateway;
        let (mut intake, mut brought) = match self.sender.is_own() {
            true => (intakes.take(&intakes.somebody()), Brought::default()),
            false => (intakes.take(self.sender), Brought::default()),
        };
        let gathered = points
            .into_iter()
            .try_for_each(|point| self.put(point, now_ms, &mut intake, &mut brought));
        if let Err(invalid) = gathered {
            intake.discard(invalid.reject);
            intake.refuse(invalid.reject, 1);
            intakes.give_back(intake);
            return Err(invalid);
        }
        Ok((intake, brought))
    }

    async fn deliver(&self, mut intake: Intake, brought: Brought) -> Result<(), NotDone> {
        let intakes = &self.taking.pushgateway;
        let delivered = intake.deliver().await;
        intakes.give_back(intake);
        let delivered = delivered.map_err(|error| NotDone::Store(Refusal::from(&error)))?;
        self.taking.cumulative.remember(brought).count(self.sender);
        match refusal::of_time(&delivered.written) {
            None => Ok(()),
            Some(why) => Err(Invalid::new(Reject::BadTimestamp, why).into()),
        }
    }

    fn put(
        &self,
        point: Point,
        now_ms: i64,
        intake: &mut Intake,
        brought: &mut Brought,
    ) -> Result<(), Invalid> {
        match point {
            Point::Float(key, at_ms, value) => {
                self.taking.config.times.check(at_ms, now_ms)?;
                let put_key = |keys: &mut Keys| {
                    keys.push_key(&key);
                    Ok(())
                };
                intake.float(key.identity(), put_key, Some(at_ms), value)
            }
            Point::Native {
                key,
                timestamp_ms,
                buckets,
                counts,
            } => {
                let counted = Counted {
                    protocol: PROTOCOL,
                    hash: key.identity(),
                    timestamp_ms,
                    start_ms: None,
                    reset: false,
                    whole_at_first: counts == Counts::AllAtFirst,
                    buckets: *buckets,
                };
                let interval = match counts {
                    Counts::Run => Some(counted.buckets),
                    _ => {
                        let cumulative = &self.taking.cumulative;
                        cumulative.interval(now_ms, counted, brought)?
                    }
                };
                let Some(interval) = interval else {
                    return Ok(());
                };
                let histogram = distribution::kept(&interval)?;
                intake.histogram(key.identity(), || Ok(key.clone()), timestamp_ms, histogram)
            }
        }
    }
}
