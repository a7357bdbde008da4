//! Rollups: points of a minute and of an hour, made of a day's sealed samples once the day is over, and made again for
//! the series that got late ones. By then samples may be gone, by retention or by damage: a point that has more samples
//! than are left stays, and a late sample of its bucket is not added, since nobody knows which of those left it counts.

use roaring::RoaringBitmap;

use crate::backend::{ChunkTable, RolledDay, Tier};
use crate::columns::Columns;
use crate::index::{Day, MetricId};
use crate::pack::Place;
use crate::rollup::{self, RollupPoint};
use crate::store::{Store, Upkeep};
use crate::window::{self, DAY_MS};
use crate::{StoreError, chunk, fail};

/// Series of which a day's samples are held at once.
const SERIES_AT_ONCE: usize = 256;

impl Store {
    /// Makes the points that are due, day by day. Gives back how many days.
    ///
    /// # Errors
    /// Of RocksDB or the file system; the day is tried again with the next call.
    pub fn roll_up(&self, now_ms: i64) -> Result<u64, StoreError> {
        let upkeep = self.tend()?;
        let options = &self.shared.options;
        let days: Vec<Day> = {
            let past = self.shared.past.read();
            let over = |day: Day| window::end_ms(day, DAY_MS) + options.grace_ms <= now_ms;
            let due = past
                .days
                .iter()
                .filter(|(day, rolled)| !rolled.stale.is_empty() && over(**day));
            due.map(|(day, _)| *day).collect()
        };
        // Samples of the day that are still in the head make their series due again when they are sealed.
        let mut made = 0;
        for day in days {
            self.roll_day(day, &upkeep)?;
            made += 1;
        }
        Ok(made)
    }

    fn roll_day(&self, day: Day, _upkeep: &Upkeep) -> Result<(), StoreError> {
        let (shared, options) = (&self.shared, &self.shared.options);
        fail::pass("rollup.build").map_err(StoreError::io("roll up in", &options.dir))?;
        let Some(mut rolled) = shared.past.read().days.get(&day).cloned() else {
            return Ok(());
        };
        // IMPORTANT: above what a round that did not come to its end may have left in the tables.
        for tier in [Tier::Minute, Tier::Hour] {
            rolled.part = rolled.part.max(shared.backend.newest_part(tier, day)?);
        }
        rolled.part += 1;
        let mut tables = Tables {
            minute: (options.longest_minute_ms() > 0)
                .then(|| shared.backend.table(Tier::Minute, day, rolled.part)),
            hour: (options.longest_hour_ms() > 0)
                .then(|| shared.backend.table(Tier::Hour, day, rolled.part)),
        };
        let stale: Vec<u32> = rolled.stale.iter().collect();
        for some in self.by_metric(&stale).chunks(SERIES_AT_ONCE) {
            let (samples, is_whole) = self.day_of(day, some)?;
            let before = |tier| match is_whole {
                // The samples say it all; a point of before may count some that were replaced since.
                true => Ok(Vec::new()),
                false => self.points_before(tier, day, some),
            };
            let (mut minutes, mut hours) = (
                before(Tier::Minute)?.into_iter(),
                before(Tier::Hour)?.into_iter(),
            );
            for (place, columns) in some.iter().zip(samples) {
                let before = (
                    minutes.next().unwrap_or_default(),
                    hours.next().unwrap_or_default(),
                );
                tables.put(*place, &columns, before)?;
            }
        }
        fail::pass("rollup.ingest").map_err(StoreError::io("ingest", &options.dir))?;
        if let Some(minute) = tables.minute {
            rolled.minutes = true;
            shared.backend.ingest(Tier::Minute, &minute.finish()?)?;
        }
        if let Some(hour) = tables.hour {
            rolled.hours = true;
            shared.backend.ingest(Tier::Hour, &hour.finish()?)?;
        }
        self.put_rolled(day, rolled)?;
        metrics::counter!("weir_store_rolled_days_total").increment(1);
        Ok(())
    }

    /// IMPORTANT: after the tables. Should the process end before, the day is stale still and is made again.
    fn put_rolled(&self, day: Day, mut rolled: RolledDay) -> Result<(), StoreError> {
        rolled.stale = RoaringBitmap::new();
        self.put_day(day, rolled)
    }

    /// Writes down what is known of a day but for its present series, which the index knows.
    pub(crate) fn put_day(&self, day: Day, mut rolled: RolledDay) -> Result<(), StoreError> {
        let shared = &self.shared;
        let present = shared.index.read().presence.day(day).cloned();
        rolled.present = present.unwrap_or_default();
        shared.backend.put_day(day, &rolled)?;
        rolled.present = RoaringBitmap::new();
        shared.past.write().days.insert(day, rolled);
        Ok(())
    }

    /// The points that a day has of each series: of several chunks the newest that can be read counts.
    fn points_before(
        &self,
        tier: Tier,
        day: Day,
        series: &[(MetricId, u32)],
    ) -> Result<Vec<Vec<RollupPoint>>, StoreError> {
        let mut found = vec![Vec::new(); series.len()];
        self.shared
            .backend
            .chunks_in(tier, day, series, |at, bytes| {
                match rollup::decode(bytes) {
                    Ok(points) => found[at] = points,
                    Err(error) => self.name_damage(tier, day, series[at].1, &error),
                }
                Ok(())
            })?;
        Ok(found)
    }

    /// A day's samples of each series, of tables, and whether that is all there ever were: none was dropped or purged.
    /// A damaged chunk is named and skipped.
    fn day_of(
        &self,
        day: Day,
        series: &[(MetricId, u32)],
    ) -> Result<(Vec<Columns>, bool), StoreError> {
        let mut found = vec![Columns::default(); series.len()];
        let windows = window::windows_of(day, self.shared.options.window_ms);
        let mut is_whole = self.shared.options.policies.is_empty()
            && self.shared.past.read().dropped.before <= windows.start;
        let unread_before = self.shared.backend.unread();
        let sealed: Vec<_> = self
            .shared
            .past
            .read()
            .windows
            .range(windows)
            .map(|(window, _)| *window)
            .collect();
        for window in sealed {
            self.shared
                .backend
                .chunks_in(Tier::Raw, window, series, |at, bytes| {
                    let mut part = Columns::default();
                    match chunk::decode_columns(bytes, &mut part) {
                        Ok(()) => found[at].lay_over(part),
                        Err(error) => {
                            is_whole = false;
                            self.name_damage(Tier::Raw, window, series[at].1, &error);
                        }
                    }
                    Ok(())
                })?;
        }
        is_whole &= self.shared.backend.unread() == unread_before;
        Ok((found, is_whole))
    }
}

/// A day's tables, being written.
struct Tables<'a> {
    minute: Option<ChunkTable<'a>>,
    hour: Option<ChunkTable<'a>>,
}

impl Tables<'_> {
    fn put(
        &mut self,
        place: Place,
        samples: &Columns,
        (minutes, hours): (Vec<RollupPoint>, Vec<RollupPoint>),
    ) -> Result<(), StoreError> {
        let minutes = rollup::keep_fuller(minutes, minutes_of(samples), rollup::MINUTE_MS);
        let hours = rollup::keep_fuller(hours, hours_of(&minutes), rollup::HOUR_MS);
        put_points(self.minute.as_mut(), place, &minutes)?;
        put_points(self.hour.as_mut(), place, &hours)
    }
}

fn put_points(
    table: Option<&mut ChunkTable<'_>>,
    place: Place,
    points: &[RollupPoint],
) -> Result<(), StoreError> {
    let (Some(table), false) = (table, points.is_empty()) else {
        return Ok(());
    };
    let mut bytes = Vec::new();
    rollup::encode(points, &mut bytes);
    table.put(place, &bytes, None)
}

/// The points of a minute and of an hour that samples give.
pub(crate) fn points_of(samples: &Columns) -> (Vec<RollupPoint>, Vec<RollupPoint>) {
    let minutes = minutes_of(samples);
    let hours = hours_of(&minutes);
    (minutes, hours)
}

fn minutes_of(samples: &Columns) -> Vec<RollupPoint> {
    let mut minutes = Vec::new();
    rollup::roll_up(
        &samples.times_ms,
        &samples.values,
        &samples.histograms,
        rollup::MINUTE_MS,
        &mut minutes,
    );
    minutes
}

fn hours_of(minutes: &[RollupPoint]) -> Vec<RollupPoint> {
    let mut hours = Vec::new();
    rollup::coarsen(minutes, rollup::HOUR_MS, &mut hours);
    hours
}
