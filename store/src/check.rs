//! Looks at a whole data directory that nobody uses: every checksum, every key, what must hold between tables, and
//! whether rollups are what the samples give. Changes nothing.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use roaring::RoaringBitmap;

use crate::backend::{Backend, RolledDay, Tier};
use crate::columns::Columns;
use crate::dedupe::Dedupe;
use crate::index::Day;
use crate::journal::{self, Record};
use crate::pack::{Pack, PackError, Place};
use crate::roll::points_of;
use crate::rollup::{self, RollupPoint};
use crate::window::{self, Window};
use crate::{StoreError, chunk, lock};

/// Series of which a day's samples are held at once.
const SERIES_AT_ONCE: usize = 256;
/// Problems named one by one at most; the others are counted.
const NAMED: usize = 100;

/// What was looked at and what is wrong.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Checked {
    pub series: u64,
    pub windows: u64,
    pub days: u64,
    /// Chunks of samples, of points of a minute, of points of an hour.
    pub chunks: [u64; 3],
    pub samples: u64,
    /// Rollup chunks that were made again and compared.
    pub compared: u64,
    pub journal_groups: u64,
    /// Not acknowledged, and cut at the next start.
    pub torn_bytes: u64,
    /// Chunks of series that were deleted; their space is free when their window goes.
    pub of_deleted: u64,
    pub problems: u64,
    /// Of what may go wrong meanwhile: the directory could not be locked.
    pub note: Option<String>,
    pub named: Vec<String>,
}

impl Checked {
    fn problem(&mut self, what: String) {
        self.problems += 1;
        if self.named.len() < NAMED {
            self.named.push(what);
        }
    }
}

/// # Errors
/// The directory holds no store, is in use, or is of another format. What is wrong inside is no error.
pub fn check(dir: &Path) -> Result<Checked, StoreError> {
    let look = lock::look(dir)?;
    let backend = Backend::open_to_read(dir, 0)?;
    let mut check = Check {
        window_ms: look.window_ms,
        known: RoaringBitmap::new(),
        deleted: RoaringBitmap::new(),
        lost: BTreeMap::new(),
        sealed: BTreeMap::new(),
        first_kept: 0,
        checked: Checked {
            note: look.note.clone(),
            ..Checked::default()
        },
    };
    check.step(|check| {
        check.first_kept = backend.dropped()?.before;
        Ok(())
    })?;
    check.step(|check| check.series(&backend))?;
    check.step(|check| check.deleted(&backend))?;
    check.journal(&dir.join("journal"))?;
    check.step(|check| check.metadata(&backend))?;
    check.samples(&backend)?;
    check.step(|check| check.rollups(&backend))?;
    check.name_lost();
    Ok(check.checked)
}

struct Check {
    window_ms: i64,
    known: RoaringBitmap,
    deleted: RoaringBitmap,
    /// Chunks of series that are neither defined nor deleted.
    lost: BTreeMap<u32, u64>,
    /// Up to which segment each window is sealed, and who is in it.
    sealed: BTreeMap<Window, (u32, RoaringBitmap)>,
    /// Windows before this one were dropped.
    first_kept: Window,
    checked: Checked,
}

/// Points of one part of a day that wait to be compared, by series in the order of keys.
#[derive(Default)]
struct Waiting {
    day: Day,
    part: u32,
    series: Vec<Place>,
    points: Vec<Vec<RollupPoint>>,
}

impl Waiting {
    /// Leaves out series of which there is a newer part: that one holds.
    fn leave_newest(&mut self, backend: &Backend, tier: Tier) -> Result<(), StoreError> {
        let mut newest = vec![0; self.series.len()];
        backend.parts_in(tier, self.day, &self.series, |at, part, _| {
            newest[at] = part;
            Ok(())
        })?;
        let part = self.part;
        let mut holds = newest.iter().map(|newest| *newest == part);
        self.series.retain(|_| holds.next() == Some(true));
        let mut holds = newest.iter().map(|newest| *newest == part);
        self.points.retain(|_| holds.next() == Some(true));
        Ok(())
    }
}

/// Where a chunk lies.
#[derive(Clone, Copy)]
struct At {
    window: Window,
    part: u32,
    place: Place,
}

impl Check {
    /// Damage ends a step, and is a problem.
    fn step(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        match work(self) {
            Err(error @ StoreError::Corrupt { .. }) => {
                self.checked.problem(error.to_string());
                Ok(())
            }
            other => other,
        }
    }

    fn series(&mut self, backend: &Backend) -> Result<(), StoreError> {
        let mut identities: HashMap<u128, u32> = HashMap::new();
        let damaged = backend.definitions(|definition| {
            self.checked.series += 1;
            self.known.insert(definition.series);
            if let Some(other) = identities.insert(definition.key.identity(), definition.series) {
                self.checked.problem(format!(
                    "{} is there twice, as {other} and {}",
                    definition.key, definition.series
                ));
            }
        })?;
        damaged
            .into_iter()
            .for_each(|what| self.checked.problem(format!("{what} cannot be read")));
        Ok(())
    }

    fn deleted(&mut self, backend: &Backend) -> Result<(), StoreError> {
        self.deleted = match backend.deleted()? {
            Some(deleted) => deleted,
            // Nothing left here since that is written down.
            None => (0..backend.next_series()?).collect(),
        };
        Ok(())
    }

    fn note_unknown(&mut self, series: u32) {
        if self.deleted.contains(series) {
            self.checked.of_deleted += 1;
        } else {
            *self.lost.entry(series).or_default() += 1;
        }
    }

    fn name_lost(&mut self) {
        if self.lost.is_empty() {
            return;
        }
        let chunks: u64 = self.lost.values().sum();
        let series = self.lost.len();
        self.checked.problem(format!(
            "{chunks} chunks of {series} series that are neither written down nor deleted: their names are lost, and what they hold is not answered"
        ));
    }

    fn metadata(&mut self, backend: &Backend) -> Result<(), StoreError> {
        for sealed in backend.sealed()? {
            self.checked.windows += 1;
            self.sealed
                .insert(sealed.window, (sealed.through, sealed.present));
        }
        self.checked.days = backend.rolled_days()?.len() as u64;
        if backend
            .dedupe()?
            .is_some_and(|bytes| Dedupe::decode(&bytes).is_none())
        {
            self.checked
                .problem("the record of sequences cannot be read".to_owned());
        }
        Ok(())
    }

    fn samples(&mut self, backend: &Backend) -> Result<(), StoreError> {
        self.chunks(backend, Tier::Raw, |check, at, bytes| {
            check.raw(at, bytes);
            Ok(())
        })
    }

    /// Hands over every chunk of a tier, as it lies in its pack; a pack that cannot be read is a problem.
    fn chunks(
        &mut self,
        backend: &Backend,
        tier: Tier,
        mut take: impl FnMut(&mut Self, At, &[u8]) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut scratch = Vec::new();
        for entry in backend.entries(tier)? {
            let (key, bytes) = match entry {
                Ok(entry) => entry,
                Err(error @ StoreError::Corrupt { .. }) => {
                    self.checked.problem(format!("{tier:?} tables: {error}"));
                    continue;
                }
                Err(error) => return Err(error),
            };
            let Some((window, part, last)) = key else {
                self.checked
                    .problem(format!("{tier:?}: a key that is none of a pack"));
                continue;
            };
            let mut newest = None;
            let mut members = || -> Result<Result<(), PackError>, StoreError> {
                let members = match Pack::open(&bytes) {
                    Ok(members) => members,
                    Err(error) => return Ok(Err(error)),
                };
                for member in members {
                    let member = match member {
                        Ok(member) => member,
                        Err(error) => return Ok(Err(error)),
                    };
                    self.checked.chunks[tier as usize] += 1;
                    newest = Some(member.place);
                    let at = At {
                        window,
                        part,
                        place: member.place,
                    };
                    take(self, at, member.chunk(&mut scratch))?;
                }
                Ok(Ok(()))
            };
            match members()? {
                Err(error) => self.checked.problem(format!(
                    "{tier:?} pack of series up to {} in window {window} is damaged: {error}",
                    last.1
                )),
                // A purge may have taken out the last chunk: the key is then only above it.
                Ok(()) if newest.is_none_or(|newest| newest > last) => self.checked.problem(
                    format!("{tier:?}: a pack of window {window} lies at a wrong place"),
                ),
                Ok(()) => {}
            }
        }
        Ok(())
    }

    fn raw(&mut self, at: At, bytes: &[u8]) {
        let (window, (_, series)) = (at.window, at.place);
        let mut columns = Columns::default();
        if let Err(error) = chunk::decode_columns(bytes, &mut columns) {
            self.checked.problem(format!(
                "chunk of series {series} in window {window} is damaged: {error}"
            ));
            return;
        }
        self.checked.samples += columns.len() as u64;
        if !self.known.contains(series) {
            self.note_unknown(series);
            return;
        }
        let (start_ms, end_ms) = (
            window::start_ms(window, self.window_ms),
            window::end_ms(window, self.window_ms),
        );
        let histograms = columns.histograms.iter().map(|(time, _)| time);
        let mut times = columns.times_ms.iter().chain(histograms);
        if times.any(|time| !(start_ms..end_ms).contains(time)) {
            self.checked.problem(format!(
                "series {series} has samples outside of window {window}"
            ));
        }
        // What came after the watermark is sealed again from the journal at the next start.
        let listed = self
            .sealed
            .get(&window)
            .is_none_or(|(through, present)| at.part > *through || present.contains(series));
        if !listed {
            self.checked.problem(format!(
                "series {series} has a chunk in window {window} and is not listed there"
            ));
        }
    }

    /// Makes the points of every day again whose samples are all there still, and compares.
    fn rollups(&mut self, backend: &Backend) -> Result<(), StoreError> {
        let days: BTreeMap<Day, RolledDay> = backend.rolled_days()?.into_iter().collect();
        for tier in [Tier::Minute, Tier::Hour] {
            let mut waiting = Waiting::default();
            self.chunks(backend, tier, |check, at, bytes| {
                let points = match rollup::decode(bytes) {
                    Ok(points) => points,
                    Err(error) => {
                        let (series, day) = (at.place.1, at.window);
                        check.checked.problem(format!(
                            "{tier:?} chunk of series {series} on day {day} is damaged: {error}"
                        ));
                        return Ok(());
                    }
                };
                let run = (at.window, at.part);
                if run != (waiting.day, waiting.part) || waiting.points.len() == SERIES_AT_ONCE {
                    check.compare(backend, tier, std::mem::take(&mut waiting))?;
                }
                let made = days
                    .get(&at.window)
                    .is_some_and(|rolled| !rolled.stale.contains(at.place.1));
                let first_window = window::windows_of(at.window, check.window_ms).start;
                if made && check.known.contains(at.place.1) && first_window >= check.first_kept {
                    (waiting.day, waiting.part) = run;
                    waiting.series.push(at.place);
                    waiting.points.push(points);
                }
                Ok(())
            })?;
            self.compare(backend, tier, waiting)?;
        }
        Ok(())
    }

    fn compare(
        &mut self,
        backend: &Backend,
        tier: Tier,
        mut waiting: Waiting,
    ) -> Result<(), StoreError> {
        waiting.leave_newest(backend, tier)?;
        let mut samples = vec![Columns::default(); waiting.series.len()];
        let windows = window::windows_of(waiting.day, self.window_ms);
        // What was ingested after the watermark is sealed again at the next start, and rolled up after that.
        for (window, (through, present)) in self.sealed.range(windows) {
            let each = waiting.series.iter().enumerate();
            let here = each.filter(|(_, (_, series))| present.contains(*series));
            let (places, keys): (Vec<usize>, Vec<_>) = here.unzip();
            backend.parts_in(Tier::Raw, *window, &keys, |at, part, bytes| {
                let mut columns = Columns::default();
                if part <= *through && chunk::decode_columns(bytes, &mut columns).is_ok() {
                    samples[places[at]].lay_over(columns);
                }
                Ok(())
            })?;
        }
        let compared = waiting.series.iter().zip(&waiting.points).zip(&samples);
        for (((_, series), points), samples) in compared {
            let (minutes, hours) = points_of(samples);
            let expected = if tier == Tier::Minute { minutes } else { hours };
            self.checked.compared += 1;
            // A policy may have taken the samples out.
            if !samples.is_empty() && !same_points(&expected, points) {
                let day = waiting.day;
                self.checked.problem(format!("{tier:?} points of series {series} on day {day}: what is stored differs from what the samples give"));
            }
        }
        Ok(())
    }

    fn journal(&mut self, dir: &Path) -> Result<(), StoreError> {
        let replayed = journal::look(dir, |record| match record {
            Record::Definition(definition) if !self.deleted.contains(definition.series) => {
                self.known.insert(definition.series);
            }
            Record::Removed(series) => {
                for one in series {
                    self.known.remove(one);
                    self.deleted.insert(one);
                }
            }
            _ => {}
        })?;
        self.checked.journal_groups = replayed.groups;
        self.checked.torn_bytes = replayed.torn_bytes;
        for damage in replayed.damage {
            self.checked
                .problem(format!("the journal is damaged: {damage}"));
        }
        Ok(())
    }
}

/// By bits, and sums as exactly as they are promised.
fn same_points(expected: &[RollupPoint], found: &[RollupPoint]) -> bool {
    let same = |(a, b): (&RollupPoint, &RollupPoint)| {
        a.last_ms == b.last_ms
            && [
                (a.last, b.last),
                (a.count, b.count),
                (a.min, b.min),
                (a.max, b.max),
                (a.sum, b.sum),
            ]
            .iter()
            .all(|(a, b)| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()))
            && a.histogram == b.histogram
    };
    expected.len() == found.len() && expected.iter().zip(found).all(same)
}
