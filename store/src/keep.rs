//! What is kept for how long: tiers dropped by whole windows and days, policies for some series, series that leave
//! with their last data, and series that are deleted.

use roaring::RoaringBitmap;
use weir_wire::Matcher;
use xxhash_rust::xxh3::xxh3_128;

use crate::StoreError;
use crate::backend::{Doom, Dropped, RolledDay, Tier};
use crate::index::Day;
use crate::options::Policy;
use crate::store::{Store, Upkeep};
use crate::window::{self, DAY_MS, Window};
use crate::writer::Command;

/// From when on the samples of some series are kept, in each tier; `i64::MAX` for points that are not kept at all.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kept {
    pub(crate) first_raw_ms: i64,
    pub(crate) first_minute_ms: i64,
    pub(crate) first_hour_ms: i64,
}

impl Kept {
    fn new(newest_ms: i64, raw_ms: i64, minute_ms: i64, hour_ms: i64) -> Self {
        let first_point = |kept_ms| match kept_ms {
            0 => i64::MAX,
            _ => newest_ms - kept_ms,
        };
        Self {
            first_raw_ms: newest_ms - raw_ms,
            first_minute_ms: first_point(minute_ms),
            first_hour_ms: first_point(hour_ms),
        }
    }

    fn has_points(&self) -> bool {
        self.first_minute_ms.min(self.first_hour_ms) < i64::MAX
    }
}

impl Store {
    /// Drops, tier by tier, what is wholly older than is kept, counted from the newest sample rather than from a clock
    /// that may have jumped; then lets series leave that have nothing left. A step that fails is told, and holds up none
    /// of the others.
    ///
    /// # Errors
    /// The first, of RocksDB or the journal.
    pub fn drop_expired(&self, now_ms: i64) -> Result<(), StoreError> {
        let mut upkeep = self.tend()?;
        let Some(newest_ms) = self.newest_ms(now_ms) else {
            return Ok(());
        };
        let options = &self.shared.options;
        let (minute_ms, hour_ms) = (options.longest_minute_ms(), options.longest_hour_ms());
        let first_day = |kept_ms: i64| window::of((newest_ms - kept_ms).max(0), DAY_MS);
        let mut steps = Steps::default();
        steps.tried(
            "dropping samples",
            self.drop_raw(newest_ms - options.longest_raw_ms()),
        );
        if let Some(first) = first_day(minute_ms) {
            steps.tried(
                "dropping points of a minute",
                self.drop_tier(Tier::Minute, first),
            );
        }
        if let Some(first) = first_day(hour_ms) {
            steps.tried(
                "dropping points of an hour",
                self.drop_tier(Tier::Hour, first),
            );
        }
        if let Some(first) = first_day(minute_ms.max(hour_ms)) {
            steps.tried("forgetting days", self.forget_days(first));
        }
        self.purge_by_policy(newest_ms, &mut steps);
        steps.tried("letting series leave", self.let_leave(now_ms, &mut upkeep));
        steps.done()
    }

    fn forget_days(&self, first_kept: Day) -> Result<(), StoreError> {
        let shared = &self.shared;
        let oldest = shared.past.read().days.keys().next().copied();
        if oldest.is_some_and(|oldest| oldest < first_kept) {
            shared.backend.forget_days_before(first_kept)?;
            shared.index.write().presence.forget_days_before(first_kept);
            let mut past = shared.past.write();
            past.days = past.days.split_off(&first_kept);
        }
        Ok(())
    }

    /// The end of the newest window with samples, or now if that is earlier.
    #[must_use]
    pub fn newest_ms(&self, now_ms: i64) -> Option<i64> {
        let index = self.shared.index.read();
        let window = index.presence.windows().next_back();
        let day = index.presence.days().next_back();
        let window_ms = window.map(|window| window::end_ms(window, self.shared.options.window_ms));
        let day_ms = day.map(|day| window::end_ms(day, DAY_MS));
        window_ms.or(day_ms).map(|newest_ms| newest_ms.min(now_ms))
    }

    fn drop_raw(&self, first_kept_ms: i64) -> Result<(), StoreError> {
        let (shared, window_ms) = (&self.shared, self.shared.options.window_ms);
        let Some(mut first_kept) = window::of(first_kept_ms.max(0), window_ms) else {
            return Ok(());
        };
        first_kept = first_kept.min(self.first_unrolled());
        let oldest = shared.index.read().presence.windows().next();
        if oldest.is_none_or(|oldest| oldest >= first_kept) {
            return Ok(());
        }
        shared
            .index
            .write()
            .presence
            .forget_windows_before(first_kept);
        let through = self.ask(|reply| Command::Forget(first_kept, reply))?;
        let dropped = {
            let mut past = shared.past.write();
            past.windows = past.windows.split_off(&first_kept);
            // Never back: what is older still comes back with a replay at most, and goes again.
            if first_kept > past.dropped.before {
                past.dropped = Dropped {
                    before: first_kept,
                    through,
                };
            }
            past.dropped
        };
        shared.backend.put_dropped(dropped)?;
        shared.backend.drop_before(Tier::Raw, first_kept)
    }

    /// The first window of the days whose points are to be made: samples are kept until there are points of them.
    fn first_unrolled(&self) -> Window {
        let past = self.shared.past.read();
        let mut days = past.days.iter();
        let stale = days.find(|(_, rolled)| !rolled.stale.is_empty());
        stale.map_or(Window::MAX, |(day, _)| {
            window::windows_of(*day, self.shared.options.window_ms).start
        })
    }

    fn drop_tier(&self, tier: Tier, first_kept: Window) -> Result<(), StoreError> {
        if self.shared.backend.any_before(tier, first_kept)? {
            self.shared.backend.drop_before(tier, first_kept)?;
        }
        let days: Vec<(Day, RolledDay)> = {
            let past = self.shared.past.read();
            let days = past.days.range(..first_kept);
            let days = days.filter(|(_, rolled)| match tier {
                Tier::Hour => rolled.hours,
                _ => rolled.minutes,
            });
            days.map(|(day, rolled)| (*day, rolled.clone())).collect()
        };
        for (day, mut rolled) in days {
            match tier {
                Tier::Hour => rolled.hours = false,
                _ => rolled.minutes = false,
            }
            self.put_day(day, rolled)?;
        }
        Ok(())
    }

    /// Series without a sample in any tier leave the index; asked once a window, and only of those that were there
    /// the last time too, so that one that was just resolved stays.
    fn let_leave(&self, now_ms: i64, upkeep: &mut Upkeep) -> Result<(), StoreError> {
        let (window_ms, last) = (self.shared.options.window_ms, upkeep.looked_for_idle);
        if last.is_some_and(|(last_ms, _)| now_ms - last_ms < window_ms) {
            return Ok(());
        }
        self.shared.mark_begun();
        let gone = {
            let index = self.shared.index.read();
            upkeep.looked_for_idle = Some((now_ms, index.end()));
            let Some((_, end)) = last else {
                return Ok(());
            };
            let mut gone = index.all() - index.presence.all();
            gone.remove_range(end..);
            gone
        };
        if gone.is_empty() {
            return Ok(());
        }
        self.leave(&gone)
    }

    /// Those that got no sample meanwhile leave.
    fn leave(&self, gone: &RoaringBitmap) -> Result<(), StoreError> {
        let gone = self.ask(|reply| Command::Leave(gone.clone(), reply))??;
        if gone.is_empty() {
            return Ok(());
        }
        tracing::info!("{} series without samples leave the index", gone.len());
        self.forget_removed()
    }

    /// Deletes the series that match every matcher, with all their samples: none is answered any more, and a series
    /// of the same name that comes later begins anew. The space is free once the windows go, or after
    /// [`Store::purge_deleted`].
    ///
    /// # Errors
    /// A bad matcher, no matcher at all, or a failure of journal or RocksDB.
    pub fn delete(&self, matchers: &[Matcher]) -> Result<u64, StoreError> {
        let _upkeep = self.tend()?;
        let gone = {
            let index = self.shared.index.read();
            index.matching(matchers, index.all())?
        };
        if !gone.is_empty() {
            self.remove(&gone)?;
        }
        Ok(gone.len())
    }

    /// IMPORTANT: the journal's record first. Should the process end before RocksDB has forgotten the series, replay
    /// takes them out again.
    fn remove(&self, gone: &RoaringBitmap) -> Result<(), StoreError> {
        self.ask(|reply| Command::Remove(gone.clone(), reply))??;
        self.forget_removed()
    }

    /// Lets RocksDB forget the series that the journal takes out; those of a deletion that failed or was cut short too.
    /// IMPORTANT: before the journal lets go of any segment. The record of it may be in there, and without it the series
    /// would be back at the next start.
    pub(crate) fn forget_removed(&self) -> Result<(), StoreError> {
        let gone = self.shared.unforgotten.lock().clone();
        if gone.is_empty() {
            return Ok(());
        }
        let next = self.shared.index.read().end();
        self.shared.backend.forget_definitions(&gone, next)?;
        *self.shared.unforgotten.lock() -= gone;
        Ok(())
    }

    /// Rewrites every table without the chunks of series that were deleted; may take long.
    ///
    /// # Errors
    /// Of RocksDB.
    pub fn purge_deleted(&self) -> Result<(), StoreError> {
        let _upkeep = self.tend()?;
        let series = {
            let index = self.shared.index.read();
            let mut gone = RoaringBitmap::new();
            gone.insert_range(0..index.end());
            gone - index.all()
        };
        let doom = Doom {
            series,
            before: Window::MAX,
        };
        for tier in Tier::ALL {
            self.shared.backend.purge(tier, 0..=Window::MAX, &doom)?;
        }
        Ok(())
    }

    /// Splits series by how long they are kept.
    pub(crate) fn by_policy(
        &self,
        series: &mut RoaringBitmap,
    ) -> Result<Vec<(RoaringBitmap, Kept)>, StoreError> {
        let options = &self.shared.options;
        let now_ms = (options.clock)();
        let newest_ms = self.newest_ms(now_ms).unwrap_or(now_ms);
        let kept = |raw_ms, minute_ms, hour_ms| Kept::new(newest_ms, raw_ms, minute_ms, hour_ms);
        let mut split = Vec::new();
        for policy in &options.policies {
            let matching = self
                .shared
                .index
                .read()
                .matching(&policy.matchers, series.clone())?;
            *series -= &matching;
            if !matching.is_empty() {
                split.push((
                    matching,
                    kept(policy.raw_ms, policy.minute_ms, policy.hour_ms),
                ));
            }
        }
        if !series.is_empty() || split.is_empty() {
            let others = kept(options.raw_ms, options.minute_ms, options.hour_ms);
            split.push((std::mem::take(series), others));
        }
        Ok(split)
    }

    /// Rewrites windows that have come past a policy's time, and all of them once after a policy was changed.
    fn purge_by_policy(&self, newest_ms: i64, steps: &mut Steps) {
        let options = &self.shared.options;
        if options.policies.is_empty() {
            return;
        }
        let mut all = self.shared.index.read().all();
        let split = match self.by_policy(&mut all) {
            Ok(split) => split,
            Err(error) => return steps.tried("asking policies", Err(error)),
        };
        let defaults = Policy {
            matchers: Vec::new(),
            raw_ms: options.raw_ms,
            minute_ms: options.minute_ms,
            hour_ms: options.hour_ms,
        };
        for (series, kept) in split {
            for (tier, first_ms, unit_ms) in [
                (Tier::Raw, kept.first_raw_ms, options.window_ms),
                (Tier::Minute, kept.first_minute_ms, DAY_MS),
                (Tier::Hour, kept.first_hour_ms, DAY_MS),
            ] {
                let longest_ms = match tier {
                    Tier::Raw => options.longest_raw_ms(),
                    Tier::Minute => options.longest_minute_ms(),
                    Tier::Hour => options.longest_hour_ms(),
                };
                // Those that are kept longest go with their whole windows.
                let first_kept = window::of(first_ms.clamp(0, newest_ms), unit_ms);
                let mut before = first_kept.unwrap_or_default();
                if tier == Tier::Raw && kept.has_points() {
                    before = before.min(self.first_unrolled());
                }
                if first_ms > newest_ms - longest_ms && before > 0 {
                    let policy = (&options.policies, &defaults, kept_span(newest_ms, &kept));
                    let purged = self.purge_windows(tier, &series, before, &policy);
                    steps.tried("purging by policy", purged);
                }
            }
        }
    }

    fn purge_windows(
        &self,
        tier: Tier,
        series: &RoaringBitmap,
        before: Window,
        policy: &impl std::fmt::Debug,
    ) -> Result<(), StoreError> {
        let backend = &self.shared.backend;
        let fingerprint = xxh3_128(format!("{policy:?}").as_bytes());
        let from = backend.purged(fingerprint, tier)?;
        if from >= before {
            return Ok(());
        }
        let doom = Doom {
            series: series.clone(),
            before,
        };
        backend.purge(tier, from..=before - 1, &doom)?;
        backend.put_purged(fingerprint, tier, before)
    }
}

/// Steps that are all tried, whatever becomes of the others.
#[derive(Default)]
struct Steps {
    failed: Option<StoreError>,
}

impl Steps {
    /// Says what failed; the first is kept.
    fn tried(&mut self, step: &str, result: Result<(), StoreError>) {
        if let Err(error) = result {
            tracing::error!("{step}: {error}");
            self.failed.get_or_insert(error);
        }
    }

    fn done(self) -> Result<(), StoreError> {
        self.failed.map_or(Ok(()), Err)
    }
}

/// How long each tier is kept: what a policy is, whatever the time.
fn kept_span(newest_ms: i64, kept: &Kept) -> [i64; 3] {
    [kept.first_raw_ms, kept.first_minute_ms, kept.first_hour_ms]
        .map(|first_ms| newest_ms - first_ms)
}
