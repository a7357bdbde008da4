//! What no gateway has acknowledged, on disk: bounded by bytes and age, synced before it is counted on, oldest out first,
//! and where there is no room the oldest of the lowest class is dropped. Files only: what goes in and when it is sent is
//! decided by `spooler` and `uplink`. Bytes in docs/format/spool.md.

mod age;
mod kind;
mod lane;
mod mark;
mod open;
pub mod record;
pub mod segment;
mod sending;
#[cfg(test)]
mod tests;

pub use open::SpoolError;
pub(crate) use sending::Record;

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use metrics::{counter, gauge};
use serde::Serialize;
use tokio::time::Instant;

use age::Age;
use kind::{ALL, KINDS, Kind, lane_of};
use lane::{Lane, Place};
use sending::HandedOut;

use crate::drops::{Drops, Reason};
use crate::queue::{Batch, Overdue};

/// A run of the spool's numbers is told from the process's own by this bit of its boot.
const RUN_BIT: u64 = 1 << 63;

/// Where, and how much.
#[derive(Debug, Clone)]
pub struct SpoolConfig {
    pub dir: PathBuf,
    pub max_bytes: u64,
    pub max_age: Duration,
    /// With less than this free on the disk nothing is written.
    pub disk_reserve: u64,
    /// A backlog is sent at this share of what the host makes, or at `min_rate` samples a second where that is more.
    pub share: f64,
    pub min_rate: f64,
    /// How long something waits in memory for a gateway. No key: only tests are in a hurry.
    pub after: Duration,
}

/// One a directory.
#[derive(Debug)]
pub(crate) struct Spool {
    config: SpoolConfig,
    /// The process's own, of what is in the queue.
    boot: u64,
    lanes: [Lane; KINDS],
    next_segment: u64,
    next_sequence: u64,
    handed_out: VecDeque<HandedOut>,
    marked: Instant,
    age: Age,
    drops: Arc<Drops>,
    _lock: open::Lock,
}

/// A lane for the status page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Held {
    pub class: &'static str,
    pub batches: u64,
    pub samples: u64,
    pub bytes: u64,
    /// When the oldest of it was queued.
    pub oldest_ms: Option<i64>,
}

impl Spool {
    /// Takes up what is in the directory.
    pub(crate) fn open(
        config: SpoolConfig,
        boot: u64,
        clock_ms: i64,
        drops: Arc<Drops>,
    ) -> Result<Self, SpoolError> {
        let lock = open::lock(&config.dir)?;
        let marks = mark::load(&config.dir);
        let failed = |source| SpoolError::Dir {
            dir: config.dir.clone(),
            source,
        };
        let (segments, next_segment) = open::segments(&config.dir, marks).map_err(failed)?;
        let all = || segments.iter().flatten();
        let newest_ms = all().map(|segment| segment.newest_ms).max();
        let last_sequence = all().map(|segment| segment.last_sequence).max();
        // Numbers of segments are not used again while the mark names one.
        let marked = marks.iter().map(|place| place.segment).max().unwrap_or(0);
        let (now, mut kinds) = (Instant::now(), ALL.into_iter().zip(marks));
        let lanes = segments.map(|segments| {
            let (kind, mark) = kinds.next().unwrap_or((Kind::Unanswered, Place::default()));
            Lane::new(kind, &config.dir, config.max_bytes).holding(segments, mark)
        });
        let spool = Self {
            boot,
            lanes,
            next_segment: next_segment.max(marked + 1),
            next_sequence: last_sequence.unwrap_or(0) + 1,
            handed_out: VecDeque::new(),
            marked: now,
            age: Age::new(newest_ms, clock_ms, now),
            drops,
            config,
            _lock: lock,
        };
        spool.report();
        Ok(spool)
    }

    /// Puts what is overdue on disk; all of it is synced when this returned well, and none is kept when it did not.
    pub(crate) fn put(&mut self, overdue: &Overdue, clock_ms: i64) -> io::Result<()> {
        self.has_room()?;
        let before = self.lanes.each_ref().map(Lane::before);
        let (first, numbered) = (self.next_segment, Instant::now());
        let put = self.append_all(overdue, clock_ms, numbered).and_then(|()| {
            self.lanes.iter_mut().try_for_each(Lane::sync)?;
            match self.next_segment == first {
                true => Ok(()),
                false => File::open(&self.config.dir)?.sync_all(),
            }
        });
        match &put {
            Ok(()) => self.count_put(overdue),
            Err(_) => {
                for (lane, before) in self.lanes.iter_mut().zip(before) {
                    lane.take_back(before, first);
                }
            }
        }
        self.report();
        put
    }

    fn append_all(&mut self, overdue: &Overdue, clock_ms: i64, now: Instant) -> io::Result<()> {
        for (sequence, batch) in &overdue.unanswered {
            self.append(
                Kind::Unanswered,
                self.boot,
                *sequence,
                batch,
                (clock_ms, now),
            )?;
        }
        for batch in &overdue.waiting {
            let sequence = self.next_sequence;
            self.next_sequence += 1;
            let kind = Kind::Of(batch.class);
            self.append(kind, self.boot ^ RUN_BIT, sequence, batch, (clock_ms, now))?;
        }
        Ok(())
    }

    fn append(
        &mut self,
        kind: Kind,
        run: u64,
        sequence: u64,
        batch: &Batch,
        (clock_ms, now): (i64, Instant),
    ) -> io::Result<()> {
        let waited = now.saturating_duration_since(batch.queued);
        let taken_ms = clock_ms - i64::try_from(waited.as_millis()).unwrap_or(0);
        let mut bytes = Vec::new();
        record::encode(sequence, taken_ms, &batch.points, &mut bytes);
        let samples = batch.points.len() as u64;
        if !self.make_room(bytes.len() as u64, kind) {
            self.drops
                .count(kind.as_str(), Reason::SpoolFull, 1, samples);
            return Ok(());
        }
        let next = &mut self.next_segment;
        let number = || {
            *next += 1;
            *next - 1
        };
        self.lanes[lane_of(kind)].append(run, (sequence, taken_ms, samples), &bytes, number)
    }

    /// Drops the oldest of the lowest class until there is room; never of a higher class than what comes.
    fn make_room(&mut self, bytes: u64, kind: Kind) -> bool {
        // A segment's header may come on top.
        let most = self
            .config
            .max_bytes
            .saturating_sub(bytes + segment::HEADER_BYTES as u64);
        while self.lanes.iter().map(Lane::bytes).sum::<u64>() > most {
            let lowest = self.lanes.iter_mut().find(|lane| lane.bytes() > 0);
            let Some(lane) = lowest.filter(|lane| lane.kind <= kind) else {
                return false;
            };
            if let Some(gone) = lane.drop_oldest() {
                let class = lane.kind.as_str();
                self.drops
                    .count(class, Reason::SpoolFull, gone.batches, gone.samples);
            }
        }
        bytes <= self.config.max_bytes
    }

    fn has_room(&self) -> io::Result<()> {
        std::fs::create_dir_all(&self.config.dir)?;
        let disk = rustix::fs::statvfs(&self.config.dir)?;
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        match free < self.config.disk_reserve {
            true => Err(io::Error::other(format!(
                "{free} bytes are free, less than the reserve of {} (key spool.disk_reserve)",
                self.config.disk_reserve
            ))),
            false => Ok(()),
        }
    }

    fn count_put(&self, overdue: &Overdue) {
        let unanswered = overdue
            .unanswered
            .iter()
            .map(|(_, batch)| ("unanswered", batch));
        let waiting = overdue
            .waiting
            .iter()
            .map(|batch| (batch.class.as_str(), batch));
        for (class, batch) in unanswered.chain(waiting) {
            counter!("weir_agent_spooled_batches_total", "class" => class).increment(1);
            counter!("weir_agent_spooled_samples_total", "class" => class)
                .increment(batch.points.len() as u64);
        }
    }

    /// The queue's own numbers up to this one are acknowledged: copies of them are not needed.
    pub(crate) fn settle(&mut self, acknowledged: u64) {
        let boot = self.boot;
        let lane = &mut self.lanes[lane_of(Kind::Unanswered)];
        let is_settled =
            |segment: &lane::Segment| segment.run == boot && segment.last_sequence <= acknowledged;
        if lane.before().is_some_and(|segment| is_settled(&segment)) && lane.close().is_err() {
            return;
        }
        let before = lane.segments.len();
        lane.forget(is_settled);
        if lane.segments.len() != before {
            self.report();
        }
    }

    /// Drops what is too old.
    pub(crate) fn expire(&mut self, clock_ms: i64) {
        let now_ms = self.age.look(clock_ms, Instant::now());
        let max_age_ms = i64::try_from(self.config.max_age.as_millis()).unwrap_or(i64::MAX);
        let oldest_ms = now_ms.saturating_sub(max_age_ms);
        for lane in &mut self.lanes {
            while lane
                .all()
                .next()
                .is_some_and(|segment| segment.newest_ms < oldest_ms)
                && let Some(gone) = lane.drop_oldest()
            {
                let class = lane.kind.as_str();
                self.drops
                    .count(class, Reason::SpoolAge, gone.batches, gone.samples);
            }
        }
        self.report();
    }

    #[must_use]
    pub(crate) fn held(&self) -> Vec<Held> {
        let lanes = self.lanes.iter().rev().map(|lane| Held {
            class: lane.kind.as_str(),
            batches: lane.all().map(|segment| segment.batches).sum(),
            samples: lane.all().map(|segment| segment.samples).sum(),
            bytes: lane.bytes(),
            oldest_ms: lane.all().map(|segment| segment.oldest_ms).min(),
        });
        lanes.collect()
    }

    #[must_use]
    pub(crate) fn dir(&self) -> &Path {
        &self.config.dir
    }

    fn report(&self) {
        for held in self.held() {
            gauge!("weir_agent_spool_batches", "class" => held.class).set(held.batches as f64);
            gauge!("weir_agent_spool_samples", "class" => held.class).set(held.samples as f64);
            gauge!("weir_agent_spool_bytes", "class" => held.class).set(held.bytes as f64);
        }
    }
}
