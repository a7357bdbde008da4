//! Looks at a whole data directory that nobody uses: every checksum, every key, what must hold between tables, and
//! whether rollups are what the samples give. Changes nothing.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use roaring::RoaringBitmap;

use crate::backend::{Backend, Entry, RolledDay, Tier};
use crate::columns::Columns;
use crate::dedupe::Dedupe;
use crate::index::Day;
use crate::journal::{self, Record};
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
    let (_lock, window_ms) = lock::take_existing(dir)?;
    let backend = Backend::open_to_read(dir)?;
    let mut check = Check {
        window_ms,
        known: RoaringBitmap::new(),
        sealed: BTreeMap::new(),
        first_kept: backend.first_kept()?,
        checked: Checked::default(),
    };
    check.series(&backend)?;
    check.metadata(&backend)?;
    check.samples(&backend)?;
    check.rollups(&backend)?;
    check.journal(&dir.join("journal"))?;
    Ok(check.checked)
}

struct Check {
    window_ms: i64,
    known: RoaringBitmap,
    /// Up to which segment each window is sealed, and who is in it.
    sealed: BTreeMap<Window, (u32, RoaringBitmap)>,
    /// Windows before this one were dropped.
    first_kept: Window,
    checked: Checked,
}

/// Points of a day that wait to be compared, by series in the order of keys.
#[derive(Default)]
struct Waiting {
    day: Day,
    series: Vec<(u32, u32)>,
    points: Vec<Vec<RollupPoint>>,
}

/// All chunks of one series in one window.
struct Group {
    window: Window,
    metric: u32,
    series: u32,
    parts: Vec<(u32, Vec<u8>)>,
}

impl Group {
    fn key(&self) -> (Window, u32, u32) {
        (self.window, self.metric, self.series)
    }
}

/// Chunks of a tier, series by series and window by window.
struct Groups<I: Iterator> {
    entries: std::iter::Peekable<I>,
}

impl<I: Iterator<Item = Result<Entry, StoreError>>> Groups<I> {
    fn next(&mut self, checked: &mut Checked, tier: Tier) -> Result<Option<Group>, StoreError> {
        let mut group: Option<Group> = None;
        while let Some(entry) = self.entries.next_if(|entry| match (&group, entry) {
            (Some(group), Ok((Some((window, metric, series, _)), _))) => {
                group.key() == (*window, *metric, *series)
            }
            (Some(_), _) => false,
            (None, _) => true,
        }) {
            let (key, bytes) = entry?;
            let Some((window, metric, series, part)) = key else {
                checked.problem(format!("{tier:?}: a key that is none of a chunk"));
                continue;
            };
            checked.chunks[tier as usize] += 1;
            let group = group.get_or_insert_with(|| Group {
                window,
                metric,
                series,
                parts: Vec::new(),
            });
            group.parts.push((part, bytes));
        }
        Ok(group)
    }
}

impl Check {
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
        let mut groups = Groups {
            entries: backend.entries(Tier::Raw)?.peekable(),
        };
        while let Some(group) = groups.next(&mut self.checked, Tier::Raw)? {
            self.raw(&group);
        }
        Ok(())
    }

    /// The newest points of a series, if they can be read.
    fn points(&mut self, tier: Tier, group: Group) -> Option<Vec<RollupPoint>> {
        let (_, bytes) = group.parts.last()?;
        match rollup::decode(bytes) {
            Ok(points) => Some(points),
            Err(error) => {
                self.checked.problem(format!(
                    "{tier:?} chunk of series {} in window {} is damaged: {error}",
                    group.series, group.window
                ));
                None
            }
        }
    }

    fn raw(&mut self, group: &Group) {
        let mut all = Columns::default();
        let mut newest = 0;
        for (part, bytes) in &group.parts {
            let mut columns = Columns::default();
            if let Err(error) = chunk::decode_columns(bytes, &mut columns) {
                self.checked.problem(format!(
                    "chunk of series {} in window {} is damaged: {error}",
                    group.series, group.window
                ));
                return;
            }
            self.checked.samples += columns.len() as u64;
            newest = newest.max(*part);
            all.lay_over(columns);
        }
        if !self.known.contains(group.series) {
            self.checked.of_deleted += 1;
            return;
        }
        let (start_ms, end_ms) = (
            window::start_ms(group.window, self.window_ms),
            window::end_ms(group.window, self.window_ms),
        );
        let times = all
            .times_ms
            .iter()
            .chain(all.histograms.iter().map(|(time, _)| time));
        if times.clone().any(|time| !(start_ms..end_ms).contains(time)) {
            self.checked.problem(format!(
                "series {} has samples outside of window {}",
                group.series, group.window
            ));
        }
        let Some((through, present)) = self.sealed.get(&group.window) else {
            return;
        };
        // What came after the watermark is sealed again from the journal at the next start.
        if newest > *through {
            return;
        }
        if !present.contains(group.series) {
            self.checked.problem(format!(
                "series {} has a chunk in window {} and is not listed there",
                group.series, group.window
            ));
        }
    }

    /// Makes the points of every day again whose samples are all there still, and compares.
    fn rollups(&mut self, backend: &Backend) -> Result<(), StoreError> {
        let days: BTreeMap<Day, RolledDay> = backend.rolled_days()?.into_iter().collect();
        for tier in [Tier::Minute, Tier::Hour] {
            let mut groups = Groups {
                entries: backend.entries(tier)?.peekable(),
            };
            let mut waiting = Waiting::default();
            while let Some(group) = groups.next(&mut self.checked, tier)? {
                let (day, metric, series) = group.key();
                let Some(points) = self.points(tier, group) else {
                    continue;
                };
                if day != waiting.day || waiting.points.len() == SERIES_AT_ONCE {
                    self.compare(backend, tier, std::mem::take(&mut waiting))?;
                }
                let made = days
                    .get(&day)
                    .is_some_and(|rolled| !rolled.stale.contains(series));
                let first_window = window::windows_of(day, self.window_ms).start;
                if made && self.known.contains(series) && first_window >= self.first_kept {
                    waiting.day = day;
                    waiting.series.push((metric, series));
                    waiting.points.push(points);
                }
            }
            self.compare(backend, tier, waiting)?;
        }
        Ok(())
    }

    fn compare(
        &mut self,
        backend: &Backend,
        tier: Tier,
        waiting: Waiting,
    ) -> Result<(), StoreError> {
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
        let replayed = journal::look(dir, |record| {
            if let Record::Definition(definition) = record {
                self.known.insert(definition.series);
            }
        })?;
        self.checked.journal_groups = replayed.groups;
        self.checked.torn_bytes = replayed.torn_bytes;
        for damage in replayed.damage {
            self.checked.problem(format!(
                "journal {} is damaged at {}..{}",
                damage.path.display(),
                damage.bytes.start,
                damage.bytes.end
            ));
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
