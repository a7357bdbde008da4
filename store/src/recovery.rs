//! Starting: what RocksDB holds, then the journal replayed over it, into an index and a head as they were.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use roaring::RoaringBitmap;

use crate::backend::{Backend, RolledDay};
use crate::columns::Points;
use crate::dedupe::Dedupe;
use crate::head::Head;
use crate::index::{Index, SeriesId};
use crate::journal::{self, Record};
use crate::store::Past;
use crate::window::{self, Window};
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

/// A store's state, read back.
pub(crate) struct Restored {
    pub(crate) index: Index,
    pub(crate) head: Head,
    pub(crate) dedupe: Dedupe,
    pub(crate) past: Past,
    /// Series below this are in RocksDB.
    pub(crate) saved_end: u32,
    /// The highest segment number that a watermark names.
    pub(crate) floor: u32,
    pub(crate) segments: Vec<(u32, u64, BTreeSet<Window>)>,
    pub(crate) recovery: Recovery,
}

/// # Errors
/// What cannot be read, and what only a program of the future can.
pub(crate) fn restore(
    backend: &Backend,
    journal_dir: &Path,
    options: &Options,
) -> Result<Restored, StoreError> {
    let mut restoring = Restoring::from_backend(backend, options)?;
    let saved_end = restoring.index.end();
    let replayed = journal::replay(journal_dir, |segment, record| {
        restoring.take(segment, record)
    })?;
    let Restoring {
        index,
        head,
        dedupe,
        past,
        floor,
        mut needed,
        mut recovery,
        removed,
        orphans,
        ..
    } = restoring;
    let segments = replayed.segments.iter();
    let segments = segments
        .map(|(number, bytes)| (*number, *bytes, needed.remove(number).unwrap_or_default()));
    let named =
        |d: &journal::Damage| format!("{}: {}..{}", d.path.display(), d.bytes.start, d.bytes.end);
    recovery.damage.extend(replayed.damage.iter().map(named));
    let lost = orphans
        .iter()
        .filter(|(series, _)| !removed.contains(**series));
    recovery.orphans = lost.map(|(_, samples)| samples).sum();
    recovery.series = index.len() as u64;
    recovery.journal_groups = replayed.groups;
    recovery.torn_bytes = replayed.torn_bytes;
    Ok(Restored {
        segments: segments.collect(),
        index,
        head,
        dedupe,
        past,
        saved_end,
        floor,
        recovery,
    })
}

struct Restoring<'a> {
    options: &'a Options,
    index: Index,
    head: Head,
    dedupe: Dedupe,
    past: Past,
    sealed_through: HashMap<Window, u32>,
    floor: u32,
    /// Windows before this one are kept no longer.
    first_kept: Window,
    /// Which windows each segment is needed for.
    needed: HashMap<u32, BTreeSet<Window>>,
    removed: RoaringBitmap,
    /// Samples of series that nobody has defined, until it is known which were deleted.
    orphans: HashMap<u32, u64>,
    recovery: Recovery,
}

impl<'a> Restoring<'a> {
    fn from_backend(backend: &Backend, options: &'a Options) -> Result<Self, StoreError> {
        let (mut index, mut recovery) = (Index::default(), Recovery::default());
        recovery.damage = backend.definitions(|definition| index.restore(&definition))?;
        index.reserve_below(backend.next_series()?);
        let (mut past, mut sealed_through) = (Past::default(), HashMap::new());
        for sealed in backend.sealed()? {
            index.presence.mark_window(sealed.window, &sealed.present);
            sealed_through.insert(sealed.window, sealed.through);
            past.windows.insert(sealed.window, None);
        }
        for (day, rolled) in backend.rolled_days()? {
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
        let first_kept = backend.first_kept()?;
        past.first_kept = first_kept;
        Ok(Self {
            options,
            index,
            head: Head::new(options.window_ms, shards(options)),
            dedupe,
            past,
            floor: sealed_through.values().copied().max().unwrap_or(0),
            sealed_through,
            first_kept,
            needed: HashMap::new(),
            removed: RoaringBitmap::new(),
            orphans: HashMap::new(),
            recovery,
        })
    }

    fn take(&mut self, segment: u32, record: Record) {
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
                self.head.forget(gone.iter());
                self.removed |= gone;
            }
            Record::Batch { origin, points } => {
                if let Some(origin) = &origin {
                    self.dedupe.note(origin);
                }
                self.take_points(segment, points);
            }
        }
    }

    fn take_points(&mut self, segment: u32, mut points: Points) {
        let window_ms = self.options.window_ms;
        let needed = self.needed.entry(segment).or_default();
        let mut last: (std::ops::Range<i64>, bool) = (0..0, false);
        points.retain(|series, at_ms| {
            if !last.0.contains(&at_ms) {
                let Some(window) = window::of(at_ms, window_ms) else {
                    return false;
                };
                let sealed = self
                    .sealed_through
                    .get(&window)
                    .is_some_and(|through| segment <= *through);
                let wanted = !sealed && window >= self.first_kept;
                last = (
                    window::start_ms(window, window_ms)..window::end_ms(window, window_ms),
                    wanted,
                );
                if wanted {
                    needed.insert(window);
                }
            }
            if !last.1 {
                return false;
            }
            let known = self.index.has(SeriesId(series));
            if !known {
                *self.orphans.entry(series).or_default() += 1;
            }
            known
        });
        self.recovery.samples += points.len() as u64;
        self.head.insert(&points);
    }
}

fn shards(options: &Options) -> usize {
    match options.shards {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        shards => shards,
    }
}
