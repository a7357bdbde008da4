//! Starting, before writes are taken: what RocksDB holds, and what the journal says of series, sequences and damage. The
//! journal's points come later: see `replay.rs`.

use std::collections::HashMap;
use std::path::Path;

use roaring::RoaringBitmap;

use crate::backend::{Backend, Dropped, RolledDay};
use crate::columns::Distribution;
use crate::dedupe::Dedupe;
use crate::index::{Day, Index};
use crate::journal::{self, Record, TakeBack, TakePoints};
use crate::replay::{Known, Plan, ReadBack};
use crate::store::Past;
use crate::window::{self, DAY_MS, Window};
use crate::{Options, StoreError};

/// What starting found.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Recovery {
    pub series: u64,
    pub journal_groups: u64,
    pub samples: u64,
    /// Bytes behind the last whole group: never acknowledged.
    pub torn_bytes: u64,
    /// `file: from..to` of synced bytes that could not be read, and records of RocksDB that could not.
    pub damage: Vec<String>,
    /// Samples whose series was lost with damage.
    pub orphans: u64,
}

impl Recovery {
    /// Adds what was found with the points.
    pub(crate) fn add(&mut self, read_back: &ReadBack) {
        self.samples = read_back.samples;
        self.orphans = read_back.orphans;
        for one in &read_back.damage {
            if !self.damage.contains(one) {
                self.damage.push(one.clone());
            }
        }
    }
}

/// A store's state but for its head.
pub(crate) struct Restored {
    pub(crate) index: Index,
    pub(crate) dedupe: Dedupe,
    pub(crate) past: Past,
    /// Series below this are in RocksDB.
    pub(crate) saved_end: u32,
    /// Series that the journal takes out and RocksDB has not forgotten.
    pub(crate) unforgotten: RoaringBitmap,
    /// The highest segment number that a watermark names.
    pub(crate) floor: u32,
    pub(crate) segments: Vec<(u32, u64)>,
    /// How the head is to be filled.
    pub(crate) plan: Plan,
    /// What was found until now.
    pub(crate) recovery: Recovery,
}

/// # Errors
/// What cannot be read, and what only a program of the future can.
pub(crate) fn restore(
    backend: &Backend,
    journal_dir: &Path,
    options: &Options,
) -> Result<Restored, StoreError> {
    let mut restoring = Restoring::from_backend(backend)?;
    restoring.mark_unrolled(options);
    let saved_end = restoring.index.end();
    let scanned = journal::scan(journal_dir, |record| restoring.take(record))?;
    if !scanned.damage.is_empty() {
        restoring.reserve_orphans(backend, journal_dir, &scanned.segments)?;
    }
    restoring.name_lost(backend)?;
    let Restoring {
        index,
        dedupe,
        mut past,
        sealed_through,
        removed,
        mut recovery,
        named: _,
    } = restoring;
    recovery
        .damage
        .extend(scanned.damage.iter().map(ToString::to_string));
    recovery.series = index.len() as u64;
    recovery.journal_groups = scanned.groups;
    recovery.torn_bytes = scanned.torn_bytes;
    let segments = scanned.segments.iter().map(|(number, _)| *number);
    let watermarks = sealed_through.values().copied();
    if past.dropped.through == Dropped::UNKNOWN {
        past.dropped.through = segments
            .clone()
            .chain(watermarks.clone())
            .max()
            .unwrap_or(0);
        backend.put_dropped(past.dropped)?;
    }
    let unforgotten = &removed - backend.deleted()?.unwrap_or_default();
    let floor = watermarks.chain([past.dropped.through]).max().unwrap_or(0);
    let plan = Plan {
        dir: journal_dir.to_owned(),
        window_ms: options.window_ms,
        segments: segments.collect(),
        dropped: past.dropped,
        known: Known::new(index.end(), index.numbers()),
        removed,
        sealed_through,
    };
    Ok(Restored {
        floor,
        segments: scanned.segments,
        index,
        dedupe,
        past,
        saved_end,
        unforgotten,
        plan,
        recovery,
    })
}

struct Restoring {
    index: Index,
    dedupe: Dedupe,
    past: Past,
    sealed_through: HashMap<Window, u32>,
    removed: RoaringBitmap,
    /// The series that windows and days name.
    named: RoaringBitmap,
    recovery: Recovery,
}

impl Restoring {
    fn from_backend(backend: &Backend) -> Result<Self, StoreError> {
        let (mut index, mut recovery) = (Index::default(), Recovery::default());
        recovery.damage = backend.definitions(|definition| index.restore(&definition))?;
        index.reserve_below(backend.next_series()?);
        let (mut past, mut sealed_through) = (Past::default(), HashMap::new());
        let mut named = RoaringBitmap::new();
        for sealed in backend.sealed()? {
            named |= &sealed.present;
            reserve(&mut index, sealed.present.max());
            index.presence.mark_window(sealed.window, &sealed.present);
            sealed_through.insert(sealed.window, sealed.through);
            past.windows.insert(sealed.window, None);
        }
        for (day, rolled) in backend.rolled_days()? {
            named |= &rolled.present;
            reserve(&mut index, rolled.present.max());
            index.presence.mark_day(day, &rolled.present);
            let state = RolledDay {
                present: RoaringBitmap::new(),
                ..rolled
            };
            past.days.insert(day, state);
        }
        let dedupe = match backend.dedupe()? {
            None => Dedupe::default(),
            // Going on without it would store again what agents send again.
            Some(bytes) => {
                Dedupe::decode(&bytes).ok_or_else(|| backend.corrupt("the record of sequences"))?
            }
        };
        past.dropped = backend.dropped()?;
        Ok(Self {
            index,
            dedupe,
            past,
            sealed_through,
            removed: RoaringBitmap::new(),
            named,
            recovery,
        })
    }

    /// Points that are kept, and were not when a day was rolled up or sealed, are to be made of the samples that are there.
    /// A day of which some are gone keeps to the points that it has, which are of all of them.
    fn mark_unrolled(&mut self, options: &Options) {
        let Self { index, past, .. } = self;
        let Some(newest) = past.windows.keys().next_back() else {
            return;
        };
        let newest_ms = window::end_ms(*newest, options.window_ms).min((options.clock)());
        let first = |kept_ms| first_day(newest_ms, kept_ms);
        let (minutes, hours) = (
            first(options.longest_minute_ms()),
            first(options.longest_hour_ms()),
        );
        let windows: Vec<Window> = past.windows.keys().copied().collect();
        for window in windows {
            let day = window::day_of(window, options.window_ms);
            let whole = window::windows_of(day, options.window_ms).start >= past.dropped.before;
            let rolled = past.days.get(&day).cloned().unwrap_or_default();
            let lacks = day >= minutes && !rolled.minutes || day >= hours && !rolled.hours;
            if !lacks || !whole && rolled.part > 0 {
                continue;
            }
            if let Some(present) = index.presence.window(window).cloned() {
                index.presence.mark_day(day, &present);
                past.days.entry(day).or_default().stale |= present;
            }
        }
    }

    /// A definition that was lost leaves points behind whose number must not become another series': those points would
    /// be its own at the next start. Written down, since the damage may be gone sooner than they are.
    fn reserve_orphans(
        &mut self,
        backend: &Backend,
        journal_dir: &Path,
        segments: &[(u32, u64)],
    ) -> Result<(), StoreError> {
        let numbers: Vec<u32> = segments.iter().map(|(number, _)| *number).collect();
        let mut highest = Highest::default();
        journal::replay(journal_dir, &numbers, &mut highest)?;
        let end = self.index.end();
        reserve(&mut self.index, highest.0);
        if self.index.end() > end {
            backend.forget_definitions(&RoaringBitmap::new(), self.index.end())?;
        }
        Ok(())
    }

    /// Series with chunks whose names are neither in RocksDB nor in the journal, though nobody deleted them.
    fn name_lost(&mut self, backend: &Backend) -> Result<(), StoreError> {
        let mut lost = &self.named - self.index.all();
        lost -= &self.removed;
        match backend.deleted()? {
            Some(deleted) => lost -= deleted,
            None => {
                lost.remove_range(..backend.next_series()?);
            }
        }
        if !lost.is_empty() {
            self.recovery.damage.push(format!(
                "{} series have samples and no name: these are not answered",
                lost.len()
            ));
        }
        Ok(())
    }

    fn take(&mut self, record: Record) {
        match record {
            Record::Mark => {}
            Record::Definition(definition) => {
                if !self.removed.contains(definition.series) {
                    self.index.restore(&definition);
                }
            }
            Record::Removed(series) => {
                let gone: RoaringBitmap = series.into_iter().collect();
                self.index.remove(&gone);
                self.removed |= gone;
            }
            Record::Batch { origin } => {
                if let Some(origin) = &origin {
                    self.dedupe.note(origin);
                }
            }
        }
    }
}

/// The first day of which points are kept.
fn first_day(newest_ms: i64, kept_ms: i64) -> Day {
    match kept_ms {
        0 => Day::MAX,
        _ => window::of((newest_ms - kept_ms).max(0), DAY_MS).unwrap_or_default(),
    }
}

/// Numbers up to the highest that something names are given out no more, whether or not their definition is there.
fn reserve(index: &mut Index, highest: Option<u32>) {
    if let Some(highest) = highest {
        index.reserve_below(highest.saturating_add(1));
    }
}

/// The highest number of any point.
#[derive(Default)]
struct Highest(Option<u32>);

impl TakePoints for Highest {
    fn float(&mut self, series: u32, _: i64, _: f64) {
        self.0 = self.0.max(Some(series));
    }

    fn histogram(&mut self, one: Distribution) {
        self.0 = self.0.max(Some(one.series));
    }
}

impl TakeBack for Highest {
    fn begin(&mut self, _: u32) {}

    fn go_on(&mut self, _: u64) -> bool {
        true
    }
}
